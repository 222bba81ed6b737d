"""Names and ids as they are stored: bounded, and free of what a database cannot hold."""

from __future__ import annotations

import re

import xxhash

from eventscope.stamps import trace_id

__all__ = [
    "ID_LENGTH",
    "NAME_LENGTH",
    "bounded_id",
    "bounded_name",
    "clean",
    "stored_id",
    "trace_id",
]

ID_LENGTH = 255
NAME_LENGTH = 200
_KEPT = 200
_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")


def clean(text: str) -> str:
    """NUL and lone surrogates become U+FFFD: neither UTF-8 nor PostgreSQL can hold them."""
    return _UNSTORABLE.sub("�", text)


def bounded_id(text: str) -> str:
    """``text`` if it is at most 255 characters, else its first 200, "~" and a hash of all of it.

    Searching applies the same rule, so a long id is found by pasting the whole of it.
    """
    if len(text) <= ID_LENGTH:
        return text
    return f"{text[:_KEPT]}~{xxhash.xxh3_64_hexdigest(text.encode())}"


def stored_id(text: str) -> str:
    """An id as it is stored and found: clean and bounded."""
    if len(text) <= ID_LENGTH and text.isascii() and "\0" not in text:
        return text
    return bounded_id(clean(text))


def bounded_name(text: str) -> str:
    """A type or source of at most 200 characters; longer ones end in "~" and a hash."""
    if len(text) <= NAME_LENGTH:
        return text
    return f"{text[: NAME_LENGTH - 20]}~{xxhash.xxh3_64_hexdigest(text.encode())}"
