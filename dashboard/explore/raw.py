"""Stored bytes for the eye. Pure."""

from __future__ import annotations

import codecs

__all__ = ["hexdump", "hexdump_of", "opening", "readable"]

MOST = 262_144
MOST_HEX = 4096
MOST_OPENING = 48


def readable(body: bytes) -> str:
    """UTF-8 as it is, anything else as a hexdump; cut where it would fill the page."""
    try:
        text = body.decode()
    except UnicodeDecodeError:
        return hexdump_of(body)
    return text[:MOST] + _cut(len(text), MOST)


def opening(beginning: bytes) -> str:
    """How a body begins, on one line: its text, the last letter perhaps cut, or the bytes in hexadecimal."""
    try:
        text = codecs.getincrementaldecoder("utf-8")().decode(beginning)
    except UnicodeDecodeError:
        return beginning[:MOST_OPENING].hex(" ")
    return " ".join(text.split())


def hexdump_of(body: bytes) -> str:
    """The beginning of a body as a hexdump, and how much more there is."""
    return hexdump(body[:MOST_HEX]) + _cut(len(body), MOST_HEX)


def hexdump(data: bytes) -> str:
    """``00000000  7b 22 …  |{"…|``, sixteen bytes a line."""
    lines = []
    for at in range(0, len(data), 16):
        part = data[at : at + 16]
        shown = "".join(chr(byte) if 32 <= byte < 127 else "." for byte in part)
        lines.append(f"{at:08x}  {part.hex(' '):<47}  |{shown}|")
    return "\n".join(lines)


def _cut(size: int, most: int) -> str:
    return f"\n… {size - most:,} more" if size > most else ""
