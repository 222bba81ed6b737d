"""What was stored with other marks, or none, is marked in the background, on every database."""

from __future__ import annotations

import json

import pytest

from ingest.models import Block, KeyPage, KeyRun
from ingest.records import Position, Record
from ingest.store.marked import walk_marked
from ingest.store.marks import VERSION, by_end
from ingest.store.sql import SqlEventStore
from tests.ingest.store.factories import START, Filler, make_record, make_stream

pytestmark = pytest.mark.usefixtures("database")

LATER = START + 60_000


def told(number: int, second: int) -> Record:
    """A message of one receipt, stored a minute later, of an event of ``second`` after START that failed."""
    offset = f"{START + second * 1000}-0"
    receipt = {"eventId": f"e{second}", "consumer": "mail", "outcome": "failed", "offset": offset}
    envelope = {
        "eventId": f"m{number}",
        "eventType": "ProcessingReceipts",
        "payload": {"receipts": [receipt]},
    }
    body = json.dumps(envelope).encode()
    place = Position(LATER, number)
    return Record(place, LATER, f"m{number}", "ProcessingReceipts", "kit", body, len(body))


def store_without_marks(seconds: list[int]) -> None:
    filler = Filler()
    orders, system = make_stream(), make_stream("system-events")
    filler.append((orders, [make_record(number) for number in range(3)]))
    filler.append((system, [told(number, second) for number, second in enumerate(seconds)]))
    KeyPage.objects.all().delete()
    KeyRun.objects.all().delete()
    Block.objects.update(marks=0, sealed=True)


def marked() -> list[int]:
    """How many places are found in each window."""
    windows = walk_marked(
        [by_end("failed")], since_ms=START, until_ms=LATER, newest_first=True, few=1
    )
    return [len(window.places) for window in windows if window.places]


def test_old_blocks_are_marked_one_after_the_other_and_then_found() -> None:
    store_without_marks([5, 5, 9])
    store = SqlEventStore()
    assert marked() == []

    steps = 0
    while store.maintain():
        steps += 1

    assert marked() == [1, 2]
    assert steps == 2
    assert set(Block.objects.values_list("marks", flat=True)) == {VERSION}


def test_block_that_may_still_be_joined_waits() -> None:
    store_without_marks([5])
    Block.objects.update(sealed=False)

    assert not SqlEventStore().maintain()
    assert set(Block.objects.values_list("marks", flat=True)) == {0}
