"""One dead letter as its page shows it. Pure."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import msgspec

from ingest.models import DeadLetter

__all__ = ["Shown", "present", "present_letter"]

MOST_SHOWN = 256 * 1024
MOST_HEADERS = 200


@dataclass(frozen=True)
class Shown:
    """``value`` is the event as JSON, None if it is none; ``raw`` its bytes as text, cut if long."""

    value: Any
    is_json: bool
    raw: str
    cut: bool
    headers: list[tuple[str, str]]
    key: str
    partitioned: bool


def present_letter(letter: DeadLetter) -> Shown:
    """As it is stored."""
    return present(letter, bytes(letter.event), _pairs(bytes(letter.headers)))


def present(letter: DeadLetter, body: bytes, pairs: list[tuple[bytes, bytes]]) -> Shown:
    """``letter`` with what stands in its place of its event and headers."""
    cut = len(body) > MOST_SHOWN
    raw = body[:MOST_SHOWN].decode("utf-8", "backslashreplace")
    value, is_json = (None, False) if cut else _json(raw)
    headers = _texts(pairs)
    return Shown(
        value=value,
        is_json=is_json,
        raw=raw,
        cut=cut,
        headers=[pair for pair in headers if pair[0] not in (":key", ":wire")],
        key=next((text for name, text in headers if name == ":key"), ""),
        partitioned=letter.partition > 0,
    )


def _json(text: str) -> tuple[Any, bool]:
    """Read by the standard library, which takes NaN and numbers past 64 bits as they come.

    What cannot be written as UTF-8 again (an escaped lone surrogate) is shown as it stands instead.
    """
    try:
        value = json.loads(text)
        json.dumps(value, ensure_ascii=False).encode()
        return value, True
    except (ValueError, RecursionError):
        return None, False


def _pairs(packed: bytes) -> list[tuple[bytes, bytes]]:
    """A MessagePack list of [name, value] byte pairs; [] if it is none."""
    if not packed:
        return []
    try:
        return msgspec.msgpack.decode(packed, type=list[tuple[bytes, bytes]])
    except msgspec.MsgspecError:
        return []


def _texts(pairs: list[tuple[bytes, bytes]]) -> list[tuple[str, str]]:
    return [
        (name.decode("utf-8", "backslashreplace"), value.decode("utf-8", "backslashreplace"))
        for name, value in pairs[:MOST_HEADERS]
    ]
