"""Entries as messages, whole, whichever way they are made."""

from __future__ import annotations

from ingest.records import Message, Position
from ingest.sources.redis_entries import messages_of


def test_an_entry_of_one_field_is_made_as_every_other_message() -> None:
    quick, other = messages_of(
        [[b"7-1", [b"event", b"{}"]], [b"7-2", [b"event", b"{}", b"k", b"v"]]]
    )

    assert quick == Message(Position(7, 1), 7, None, b"{}")
    assert quick.place == "7-1"
    assert other == Message(Position(7, 2), 7, None, b"{}", ((b"k", b"v"),))
