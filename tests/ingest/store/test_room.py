"""On PostgreSQL what is purged leaves its room to what comes: a store that keeps a span does not grow."""

from __future__ import annotations

import hashlib

import pytest
from django.db import connections

from ingest.models import Block
from ingest.records import StreamRef
from tests.ingest.store.factories import START, Filler, make_record, make_stream

pytestmark = [pytest.mark.postgres, pytest.mark.usefixtures("postgres_database")]

TABLES = ("ingest_block", "ingest_frame", "ingest_keypage", "ingest_keyrun", "ingest_posting")
SIZE = "SELECT sum(pg_total_relation_size(t::regclass)) FROM unnest(%s::text[]) AS t"
EVENTS = 12_000
BATCH = 2_000


def fill(filler: Filler, stream: StreamRef, first: int) -> None:
    """Events whose bodies do not compress, so that the room is really taken."""
    for start in range(first, first + EVENTS, BATCH):
        records = [
            make_record(number, padding=hashlib.sha512(b"%d" % number).hexdigest())
            for number in range(start, start + BATCH)
        ]
        filler.append((stream, records))
    while filler.store.maintain():
        pass


def room() -> int:
    with connections["events"].cursor() as cursor:
        for table in TABLES:
            cursor.execute(f"VACUUM {table}")
        cursor.execute(SIZE, [list(TABLES)])
        return int(cursor.fetchone()[0])


def test_spans_that_come_and_go_take_no_more_room_than_two_of_them() -> None:
    filler, stream = Filler(), make_stream()
    fill(filler, stream, 0)
    one = room()
    assert one > 2_000_000

    for span in range(1, 7):
        fill(filler, stream, span * EVENTS)
        while filler.store.purge(before_ms=START + span * EVENTS).blocks:
            pass
        while filler.store.maintain():
            pass
        assert room() < 2.5 * one

    assert Block.objects.order_by("first_ms").values_list("first_ms", flat=True)[0] == START + (
        6 * EVENTS
    )
