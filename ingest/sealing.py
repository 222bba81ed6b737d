"""Encryption of single values at rest: a value becomes a token that stands in its place.

A token is ``$encrypted:KEY:DATA``: the id of its key, and base64url of nonce and ciphertext. The cipher is
AES-256-GCM-SIV (RFC 8452), for which random nonces stay safe over far more values than one key of plain
GCM may seal. The place of the message is authenticated with it, so a token that somebody copied
into another message opens nowhere. Why so: docs/adr/0008-values-are-sealed-in-their-place.md.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import re
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import NamedTuple

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCMSIV
from django.conf import settings

from eventscope.errors import EventscopeError
from ingest.records import Position

__all__ = [
    "SEALED",
    "BadKey",
    "Keyring",
    "Opened",
    "configured_keyring",
    "open_text",
    "place_of",
    "read_keys",
]

SEALED = re.compile(rb"\$encrypted:([0-9a-f]{8}):([A-Za-z0-9_-]{38,})")
_QUOTED = re.compile(rb'"' + SEALED.pattern + rb'"')
_KEY_BYTES = 32
_NONCE = 12
_STANDARD = str.maketrans("-_", "+/")
_HEXADECIMAL = re.compile(r"[0-9a-fA-F]{64}")


class BadKey(EventscopeError, ValueError):
    """A key is not 32 bytes in base64 (as Fernet has them) or in 64 hexadecimal digits."""


class Opened(NamedTuple):
    """A text with its tokens opened; ``locked`` are the ids of keys that some would have needed."""

    text: bytes
    opened: int
    locked: tuple[str, ...]


class _Key(NamedTuple):
    id: str
    cipher: AESGCMSIV
    blinding: bytes


class Keyring:
    """The first key seals, every key opens: a new key is put in front, an old one kept behind it."""

    def __init__(self, keys: Iterable[bytes]) -> None:
        self._keys = {key.id: key for key in map(_key, keys)}
        self._first = next(iter(self._keys.values()), None)

    def __bool__(self) -> bool:
        return self._first is not None

    @property
    def ids(self) -> list[str]:
        """Short names of the keys, the sealing one first; they tell nothing of the keys."""
        return list(self._keys)

    def seal(self, value: bytes, place: bytes) -> bytes:
        """A token that `open` turns back into ``value`` at this place only."""
        if self._first is None:
            raise BadKey("There is no key to encrypt with; set EVENTSCOPE_ENCRYPTION_KEYS.")
        nonce = os.urandom(_NONCE)
        data = nonce + self._first.cipher.encrypt(nonce, value, place)
        return b"$encrypted:%b:%b" % (
            self._first.id.encode(),
            base64.urlsafe_b64encode(data).rstrip(b"="),
        )

    def open(self, key_id: str, data: bytes, place: bytes) -> bytes | None:
        """The value of a token's parts. None if its key is missing, or it was not sealed here."""
        key = self._keys.get(key_id)
        if key is None:
            return None
        try:
            raw = base64.urlsafe_b64decode(data + b"=" * (-len(data) % 4))
            return key.cipher.decrypt(raw[:_NONCE], raw[_NONCE:], place)
        except (InvalidTag, binascii.Error, ValueError):
            return None

    def has(self, key_id: str) -> bool:
        return key_id in self._keys

    def blind(self, value: str) -> str:
        """What stands in the index for an encrypted value: nothing that can be guessed back without the key."""
        return "" if self._first is None else _blind(self._first, value)

    def blinds(self, value: str) -> list[str]:
        """The same under every key, for looking up what any of them has sealed."""
        return [_blind(key, value) for key in self._keys.values()]


def read_keys(texts: Sequence[str]) -> list[bytes]:
    """Keys as they are written in the environment. Raises `BadKey`, which names which one."""
    return [_read_key(number, text) for number, text in enumerate(texts, 1)]


@lru_cache(maxsize=8)
def _keyring(texts: tuple[str, ...]) -> Keyring:
    return Keyring(read_keys(texts))


def configured_keyring() -> Keyring:
    """The keys of ``EVENTSCOPE_ENCRYPTION_KEYS``. Raises `BadKey`."""
    return _keyring(tuple(settings.ENCRYPTION_KEYS))


def place_of(topic: str, position: Position) -> bytes:
    """What a token is bound to: where its message stands in the broker."""
    return f"{topic}\0{position.major}-{position.minor}".encode("utf-8", "surrogatepass")


def open_text(text: bytes, place: bytes, keyring: Keyring) -> Opened:
    """``text`` with every token that opens replaced by its value, the quotes around it too. Pure.

    What only looks like a token stays as it is: it was written so by whoever published it.
    """
    opened = 0
    locked: dict[str, None] = {}

    def turn(match: re.Match[bytes]) -> bytes:
        nonlocal opened
        key_id = match.group(1).decode()
        value = keyring.open(key_id, match.group(2), place)
        if value is not None:
            opened += 1
            return value
        if not keyring.has(key_id):
            locked[key_id] = None
        return match.group()

    made = _QUOTED.sub(turn, text)
    return Opened(made, opened, tuple(locked))


def _key(raw: bytes) -> _Key:
    name = hashlib.sha256(b"eventscope key id" + raw).hexdigest()[:8]
    return _Key(name, AESGCMSIV(raw), hmac.digest(raw, b"eventscope index", "sha256"))


def _blind(key: _Key, value: str) -> str:
    digest = hmac.digest(key.blinding, value.encode("utf-8", "surrogatepass"), "sha256")
    return f"$encrypted:{key.id}:{digest[:16].hex()}"


def _read_key(number: int, text: str) -> bytes:
    if _HEXADECIMAL.fullmatch(text):
        return bytes.fromhex(text)
    try:
        raw = base64.b64decode(text.translate(_STANDARD) + "=" * (-len(text) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadKey(f"Key {number} is neither base64 nor hexadecimal.") from error
    if len(raw) != _KEY_BYTES:
        raise BadKey(f"Key {number} has {len(raw)} bytes; {_KEY_BYTES} are needed.")
    return raw
