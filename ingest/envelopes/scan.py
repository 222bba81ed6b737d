"""Reads one level of JSON: where each member of an object, each item of an array stands.

The strict decoder (msgspec) is asked first, as it is fast. It refuses a whole body for one NaN, a lone
surrogate, a stray control character or nesting past its recursion limit; the ids beside that are
still good, so a forgiving and iterative scanner looks then, at brackets and strings only.
"""

from __future__ import annotations

import json
import re
from typing import NamedTuple

import msgspec
import numpy as np

__all__ = [
    "Span",
    "array_items",
    "object_members",
    "object_pairs",
    "scalar",
    "span_of",
    "trimmed",
]

MAX_TOKENS = 500_000
"""Some tenths of a second; a refused body with more brackets and strings than this is given up."""
_SCALAR_BYTES = 64 * 1024
_SPACE = b" \t\r\n"
_LEADING = re.compile(rb"[ \t\r\n]*")
_MEMBERS = msgspec.json.Decoder(dict[str, msgspec.Raw])
_TOKEN = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_NEXT = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\],:]', re.DOTALL)


class Span(NamedTuple):
    """Where a value stands: ``body[start:end]``."""

    start: int
    end: int


def object_members(body: bytes, start: int = 0, end: int | None = None) -> dict[str, Span] | None:
    """Name → span of each value of the object that ``body[start:end]`` is; the last of twins counts.

    None if it is not an object with balanced brackets and closed strings, or is too complex.
    """
    end = len(body) if end is None else end
    strict = _strict_members(body, start, end)
    if strict is not None:
        return strict
    pairs = object_pairs(body, start, end)
    return None if pairs is None else dict(pairs)


def object_pairs(
    body: bytes, start: int = 0, end: int | None = None
) -> list[tuple[str, Span]] | None:
    """The same with every twin, in order: what must not be missed is looked for here."""
    end = len(body) if end is None else end
    spans = _split(body, start, end, b"{", b"}")
    pairs = None if spans is None else [_member(body, part) for part in spans]
    if pairs is None or None in pairs:
        return None
    return [pair for pair in pairs if pair is not None]


def array_items(body: bytes, start: int, end: int) -> list[Span] | None:
    """Spans of the items of the array that ``body[start:end]`` is, or None."""
    return _split(body, start, end, b"[", b"]")


def scalar(raw: bytes) -> object:
    """The string, number, bool or None in ``raw``; None too for anything else or anything huge."""
    if len(raw) > _SCALAR_BYTES or raw[:1] in (b"{", b"["):
        return None
    try:
        return json.loads(raw.decode("utf-8", "replace"), strict=False)
    except ValueError:
        return None


def _strict_members(body: bytes, start: int, end: int) -> dict[str, Span] | None:
    """The same by msgspec, None if it refuses. Its `Raw` values are views into what it was given."""
    view = memoryview(body)[start:end]
    try:
        members = _MEMBERS.decode(view)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    origin = _address(view) - start
    return {name: _span(raw, origin) for name, raw in members.items()}


def span_of(raw: msgspec.Raw, body: bytes) -> Span:
    """Where ``raw``, decoded from ``body``, stands in it.

    Bytes that stand there once are found by themselves, which is a tenth of the time that addresses take.
    """
    told = bytes(raw)
    at = body.find(told)
    if body.find(told, at + 1) >= 0:
        return _span(raw, _address(memoryview(body)))
    return Span(at, at + len(told))


def _span(raw: msgspec.Raw, origin: int) -> Span:
    view = memoryview(raw)
    start = _address(view) - origin
    return Span(start, start + len(view))


def _address(view: memoryview) -> int:
    return int(np.frombuffer(view, np.uint8).__array_interface__["data"][0])


def _split(body: bytes, start: int, end: int, opening: bytes, closing: bytes) -> list[Span] | None:
    """The comma-separated parts between the outermost brackets."""
    start, end = _trim(body, start, end)
    if end - start < 2 or body[start : start + 1] != opening or body[end - 1 : end] != closing:
        return None
    parts: list[Span] = []
    at = begin = start + 1
    depth = tokens = 0
    while at < end - 1:
        match = (_NEXT if depth == 0 else _TOKEN).search(body, at, end - 1)
        tokens += 1
        if match is None or tokens > MAX_TOKENS:
            break
        token, at = match.group()[:1], match.end()
        if token in b"{[":
            depth += 1
        elif token in b"}]":
            depth -= 1
            if depth < 0:
                return None
        elif token == b"," and depth == 0:
            parts.append(Span(*_trim(body, begin, match.start())))
            begin = at
    if depth or tokens > MAX_TOKENS or body.find(b'"', at, end - 1) >= 0:
        return None
    last = Span(*_trim(body, begin, end - 1))
    if last.start < last.end:
        parts.append(last)
    return parts


def _member(body: bytes, part: Span) -> tuple[str, Span] | None:
    match = _NEXT.match(body, part.start, part.end)
    if match is None or match.group()[:1] != b'"':
        return None
    colon, _ = _trim(body, match.end(), part.end)
    if body[colon : colon + 1] != b":":
        return None
    value = Span(*_trim(body, colon + 1, part.end))
    name = scalar(match.group())
    if value.start >= value.end or not isinstance(name, str):
        return None
    return name, value


def trimmed(body: bytes, start: int, end: int) -> Span:
    """The same without white space around it."""
    return Span(*_trim(body, start, end))


def _trim(body: bytes, start: int, end: int) -> tuple[int, int]:
    if start < end and body[start] in _SPACE:
        start = _LEADING.match(body, start, end).end()  # type: ignore[union-attr]
    if end > start and body[end - 1] in _SPACE:
        end = start + len(body[start:end].rstrip(_SPACE))
    return start, end
