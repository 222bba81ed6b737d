"""From what somebody typed to an event that can be sent in the stead of a letter's own. Pure.

The new event has an id of its own, names the old one as its cause and keeps its correlation.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import msgspec

from dashboard.recovery.identity import Identity, held, identity_of, renewed, value_at
from dashboard.recovery.selection import SelectionError
from ingest.lineage import HEADER

__all__ = [
    "Edited",
    "JsonError",
    "editable_headers",
    "edited_event",
    "headers_text",
    "parse_json",
    "pretty",
    "read_headers",
]

Pairs = Sequence[tuple[bytes, bytes]]
MOST_HEADERS = 100
LONGEST_HEADER = 8_192
_NAME = re.compile(r"[!-9;-~]+")
_HELD = re.compile(
    r"(ce[-_])?(event|message|correlation|causation|conversation|initiator)[-_]?id|ce[-_](id|specversion)"
    r"|traceparent|tracestate|nservicebus\.(messageid|correlationid|conversationid|relatedto)",
    re.IGNORECASE,
)


class JsonError(SelectionError):
    """The text is no JSON that can be sent; ``line`` and ``column`` count from 1, 0 where unknown."""

    def __init__(self, reason: str, line: int = 0, column: int = 0) -> None:
        super().__init__("event", f"line {line}, column {column}: {reason}" if line else reason)
        self.line, self.column = line, column


class Edited(NamedTuple):
    """An event to be sent for ``letter``; ``sealed``: kept encrypted until then, as its letter is."""

    letter: int
    event_id: str
    event_type: str
    body: bytes
    headers: list[tuple[bytes, bytes]]
    sealed: bool = False


def pretty(body: bytes) -> str:
    """JSON with a member a line, its numbers and strings as they are written."""
    return msgspec.json.format(body, indent=2).decode()


def parse_json(text: str, *, most: int) -> Any:
    """The value of ``text``, of at most ``most`` bytes. Raises `JsonError` with the place."""
    size = len(text.encode("utf-8", "surrogatepass"))
    if size > most:
        raise JsonError(f"{size} bytes, more than the {most} that an event may have")
    try:
        value = json.loads(text, object_pairs_hook=_once, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise JsonError(_lowered(error.msg), error.lineno, error.colno) from error
    except JsonError:
        raise
    except ValueError as error:
        raise JsonError(_lowered(str(error))) from error
    except RecursionError:
        raise JsonError("it is nested too deeply") from None
    _packed(text)
    return value


def edited_event(
    original: bytes, text: str, *, letter: int, event_id: str, correlation_id: str, most: int
) -> Edited:
    """The event that ``text`` makes of ``original``, without headers. Raises `SelectionError`."""
    before = json.loads(original)
    after = parse_json(text, most=most)
    identity = _same_identity(before, after)
    kind = value_at(after, identity.type)
    if not isinstance(kind, str) or not kind.strip():
        raise SelectionError(".".join(identity.type), "must be a text that is not empty")
    body = renewed(
        _packed(text),
        identity,
        event_id=event_id,
        correlation_id=correlation_id,
        cause=str(value_at(before, identity.id)),
    )
    return Edited(letter, event_id, kind, body, [])


def headers_text(pairs: Pairs) -> str:
    """The headers that may be changed, one ``name: value`` a line."""
    return "\n".join(
        f"{name.decode()}: {value.decode()}" for name, value in editable_headers(pairs)
    )


def editable_headers(pairs: Pairs) -> list[tuple[bytes, bytes]]:
    """Those that are no part of the identity, and that fit on a line of text."""
    return [pair for pair in pairs if _is_editable(*pair)]


def read_headers(text: str, pairs: Pairs) -> list[tuple[bytes, bytes]]:
    """``pairs`` with those that may be changed as ``text`` has them. Raises `SelectionError` naming the line."""
    taken = next((value for name, value in pairs if name == b":field"), b"event")
    found = []
    for number, line in enumerate(text.splitlines(), 1):
        if line.strip():
            found.append(_header(number, line, taken.decode("utf-8", "replace")))
    if len(found) > MOST_HEADERS:
        raise SelectionError("headers", f"{len(found)}, more than {MOST_HEADERS}")
    return [*(pair for pair in pairs if not _is_editable(*pair)), *found]


def _same_identity(before: Any, after: Any) -> Identity:
    identity = identity_of(before)
    if identity is None:
        raise SelectionError("event", "only native and CloudEvents envelopes can be edited")
    if changed := held(before, after, identity):
        raise SelectionError(
            changed, "cannot be changed; the edited event gets an id of its own, caused by this one"
        )
    return identity


def _header(number: int, line: str, taken: str) -> tuple[bytes, bytes]:
    name, colon, value = line.partition(":")
    name, value = name.strip(), value.strip()
    if not colon or not _NAME.fullmatch(name):
        raise SelectionError("headers", f"line {number}: expected `name: value`")
    if name == taken or not _is_editable(name.encode(), b""):
        raise SelectionError("headers", f"line {number}: {name} cannot be set")
    if len(value) > LONGEST_HEADER or "\0" in value:
        raise SelectionError(
            "headers", f"line {number}: at most {LONGEST_HEADER} characters, none of them NUL"
        )
    return name.encode(), value.encode()


def _is_editable(name: bytes, value: bytes) -> bool:
    try:
        told, text = name.decode("ascii"), value.decode()
    except UnicodeDecodeError:
        return False
    if name.lower() == HEADER or not _NAME.fullmatch(told) or _HELD.fullmatch(told):
        return False
    return text == text.strip() and "\0" not in text and len(text.splitlines()) <= 1


def _packed(text: str) -> bytes:
    """The JSON without the white space between its parts. Raises `JsonError` for what only Python reads."""
    try:
        return msgspec.json.format(text.encode(), indent=-1)
    except (msgspec.DecodeError, UnicodeEncodeError, RecursionError) as error:
        raise JsonError(_lowered(str(error)) or "it cannot be read") from error


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Twins would leave it open which of them counts."""
    value = dict(pairs)
    if len(value) < len(pairs):
        twin, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise JsonError(f"{twin[:60]!r} stands twice in one object")
    return value


def _no_constant(name: str) -> Any:
    raise JsonError(f"{name} is no JSON")


def _lowered(message: str) -> str:
    return message[:1].lower() + message[1:]
