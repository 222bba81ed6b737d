"""Failures that are alike get one fingerprint: the same error but for its numbers, ids and places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import islice, pairwise

import xxhash

__all__ = ["fingerprint", "frames_of", "normalise"]

_MESSAGE = 400
_FRAMES = 3
_MOST_GO = 64_000

_PLACEHOLDERS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"), "<email>"),
    (re.compile(r"\b[a-z][a-z0-9+.-]*://[^\s'\"<>)\]]+", re.IGNORECASE), "<url>"),
    (re.compile(r"\b[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d[\d:.,]*(?:Z|[+-]\d\d:?\d\d)?"), "<time>"),
    (re.compile(r"\b\d{1,3}(?:\.\d{1,3}){3}(?::\d+)?\b"), "<address>"),
    (re.compile(r"\[?\b[0-9a-f]{1,4}(?::[0-9a-f]{0,4}){3,7}\]?(?::\d+)?", re.I), "<address>"),
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "<hex>"),
    # Any word with a digit in it is a number or somebody's id: ORD_789, evt-4f, 12.5, sha256:ab12.
    (re.compile(r"[\w-]*\d[\w-]*(?:[.,:/][\w-]*\d[\w-]*)*"), "#"),
    (re.compile(r"\b[0-9a-f]{16,}\b", re.IGNORECASE), "#"),
)
_SPACE = re.compile(r"\s+")

_PYTHON = re.compile(r'File "([^"\n]+)", line \d+, in (\S+)')
_DOTTED = re.compile(r"^\s*at (?:async |new )*([^\s(]+)", re.MULTILINE)
_GO_PLACE = re.compile(r"\s+\S{1,500}\.go:\d+")
_GO_PANICS = ("panic", "runtime/debug.Stack", "runtime.gopanic")
_GENERATED = re.compile(r"[\d$]+")


def fingerprint(error_type: str, message: str, stack: str = "") -> str:
    """32 hex characters, the same for failures that are alike; "" when nothing is known of the error."""
    if not (error_type or message or stack):
        return ""
    parts = [error_type, normalise(message), *frames_of(stack)]
    return xxhash.xxh3_128_hexdigest("\n".join(parts).encode("utf-8", "replace"))


def normalise(message: str) -> str:
    """``message`` with numbers, ids, times, addresses and spacing taken out."""
    text = message[: 4 * _MESSAGE]
    for pattern, placeholder in _PLACEHOLDERS:
        text = pattern.sub(placeholder, text)
    return _SPACE.sub(" ", text).strip()[:_MESSAGE]


def frames_of(stack: str) -> list[str]:
    """The innermost few functions of a Python, JVM, .NET, JavaScript or Go stack, without line numbers."""
    python = _PYTHON.findall(stack)
    if python:
        return [f"{_file(path)}:{function}" for path, function in python[-_FRAMES:]]
    dotted = _DOTTED.findall(stack)
    if dotted:
        return [_GENERATED.sub("", frame) for frame in dotted[:_FRAMES]]
    if go := list(islice(_go_frames(stack), _FRAMES)):
        return go
    return [normalise(line) for line in stack.strip().splitlines()[:_FRAMES]]


def _go_frames(stack: str) -> Iterator[str]:
    """A function stands above its place: ``main.(*Stock).Take(0xc000…)``, ``created by main.main in …``."""
    for line, place in pairwise(stack[:_MOST_GO].splitlines()):
        if _GO_PLACE.match(place):
            created = line.removeprefix("created by ").partition(" in goroutine ")[0]
            name = line.rpartition("(")[0] or created
            if name not in _GO_PANICS:
                yield _GENERATED.sub("", name)


def _file(path: str) -> str:
    return re.split(r"[/\\]", path)[-1]
