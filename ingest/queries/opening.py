"""Stored bytes as they arrived: what was encrypted is opened, by the keys that are configured.

Who may ask is the dashboard's to decide; nothing here is shown or logged.
"""

from __future__ import annotations

import base64
import binascii
from typing import Protocol

import msgspec
from django.conf import settings

from eventscope.errors import EventscopeError
from ingest.envelopes.system import unquoted
from ingest.folds.dead_letters import UNTOLD, take_apart
from ingest.folds.foreign import header_pairs
from ingest.records import Flag, Position
from ingest.sealing import SEALED, Opened, configured_keyring, open_text, place_of
from ingest.store.base import StoredEvent
from ingest.store.sql import read_headers
from ingest.wire import wire_of

__all__ = [
    "Kept",
    "NotAsItWas",
    "open_body",
    "open_headers",
    "open_letter",
    "open_letter_headers",
    "open_stored",
    "read_letter",
    "sealed_keys",
]

_CUT = b'"$truncated":"'
_REDACTED = b'"[redacted]"'


class _Topic(Protocol):
    @property
    def topic(self) -> str: ...
    @property
    def broker(self) -> str: ...


class Kept(Protocol):
    """What opening needs of a dead letter."""

    @property
    def stream(self) -> _Topic: ...
    @property
    def major(self) -> int: ...
    @property
    def minor(self) -> int: ...
    @property
    def event(self) -> bytes: ...
    @property
    def headers(self) -> bytes: ...
    @property
    def size(self) -> int: ...


class NotAsItWas(EventscopeError):
    """The bytes that arrived cannot be had any more; the message says why."""


def open_body(stored: StoredEvent) -> bytes:
    """The body byte for byte as it arrived. Raises `NotAsItWas` where it was cut or redacted, or a key is missing."""
    for flag, why in ((Flag.TRUNCATED, "it was stored cut short"), (Flag.REDACTED, "redacted")):
        if stored.flags & flag:
            raise NotAsItWas(f"The event cannot be had as it was: {why}.")
    return _whole(open_stored(stored))


def open_stored(stored: StoredEvent) -> Opened:
    """The body with every value opened for which there is a key."""
    return open_text(stored.body, _place(stored), configured_keyring())


def open_headers(stored: StoredEvent) -> list[tuple[bytes, bytes]]:
    """Headers as they arrived, the broker's key among them; a value whose key is missing stays sealed."""
    place = _place(stored)
    return [(name, _opened(value, place)) for name, value in read_headers(stored)]


def open_letter(letter: Kept) -> bytes:
    """The original of a dead letter, byte for byte. Raises `NotAsItWas`."""
    wire = _wire(letter)
    if wire is not None:
        return wire
    place = place_of(letter.stream.topic, Position(letter.major, letter.minor))
    event, encoding = take_apart(bytes(letter.event))
    if len(letter.event) < letter.size or _CUT in event:
        raise NotAsItWas("The original cannot be had as it was: it was stored cut short.")
    if settings.INGEST.privacy.redact and _REDACTED in event:
        raise NotAsItWas("The original cannot be had as it was: it was redacted.")
    whole = _whole(open_text(event, place, configured_keyring()))
    return _decoded(whole, encoding) if encoding else whole


def read_letter(letter: Kept) -> Opened:
    """The event of a dead letter as it is stored, with every value opened for which there is a key."""
    place = place_of(letter.stream.topic, Position(letter.major, letter.minor))
    return open_text(bytes(letter.event), place, configured_keyring())


def _wire(letter: Kept) -> bytes | None:
    """What a schema made readable, as it came: so its consumers expect it. A Redis entry may have any field."""
    broker = settings.INGEST.brokers.get(letter.stream.broker)
    wire = wire_of(header_pairs(bytes(letter.headers)))
    if wire is None or (broker is not None and broker.type == "redis"):
        return None
    if not wire:
        raise NotAsItWas(
            "The original cannot be had as it was: a schema made it readable, and its bytes are not "
            "kept where [privacy] hides parts of events."
        )
    return wire


def open_letter_headers(letter: Kept) -> list[tuple[bytes, bytes]]:
    """The headers of a dead letter; a value whose key is missing stays sealed."""
    place = place_of(letter.stream.topic, Position(letter.major, letter.minor))
    pairs = header_pairs(bytes(letter.headers))
    return [(name, _opened(value, place)) for name, value in pairs]


def sealed_keys(body: bytes) -> list[str]:
    """Ids of the keys that seal something in ``body``."""
    return sorted({match.group(1).decode() for match in SEALED.finditer(body)})


def _place(stored: StoredEvent) -> bytes:
    return place_of(stored.topic, stored.position)


def _opened(value: bytes, place: bytes) -> bytes:
    match = SEALED.fullmatch(value)
    found = match and configured_keyring().open(match.group(1).decode(), match.group(2), place)
    return value if found is None else found


def _whole(opened: Opened) -> bytes:
    if opened.locked:
        raise NotAsItWas(
            f"The event cannot be opened: the key {', '.join(opened.locked)} is not among "
            "EVENTSCOPE_ENCRYPTION_KEYS. Put it back behind the others."
        )
    return opened.text


def _decoded(text: bytes, encoding: str) -> bytes:
    """An original that stood in its letter as a string."""
    if encoding == UNTOLD:
        return unquoted(text)
    try:
        value = msgspec.json.decode(text, type=str)
        return base64.b64decode(value) if encoding == "base64" else value.encode()
    except (msgspec.MsgspecError, UnicodeDecodeError, binascii.Error, ValueError) as error:
        raise NotAsItWas(
            "The original was no string of the encoding that its letter names."
        ) from error
