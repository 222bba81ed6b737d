from __future__ import annotations

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from ingest.store.kept import Kept
from ingest.store.sql import SqlEventStore
from tests.ingest.store.factories import Filler, make_record, make_stream


def test_longest_unused_is_dropped_when_there_is_too_much() -> None:
    kept: Kept[str, int] = Kept(10)
    kept.put("a", 1, 4)
    kept.put("b", 2, 4)
    assert kept.get("a") == 1

    kept.put("c", 3, 4)

    assert (kept.get("a"), kept.get("b"), kept.get("c")) == (1, None, 3)


def test_what_is_larger_than_all_that_may_be_kept_is_not() -> None:
    kept: Kept[str, int] = Kept(10)
    kept.put("a", 1, 10)

    kept.put("b", 2, 11)

    assert (kept.get("a"), kept.get("b")) == (1, None)


def test_without_room_nothing_is_kept() -> None:
    kept: Kept[str, int] = Kept(0)
    kept.put("a", 1, 1)
    assert kept.get("a") is None


@pytest.mark.django_db(databases=["default", "events"])
def test_blocks_and_frames_are_read_once_in_a_reading() -> None:
    Filler().append((make_stream(), [make_record(number) for number in range(5)]))
    store = SqlEventStore()
    statements(store)  # what names there are is kept from now on
    alone = statements(store)

    with store.reading():
        first = statements(store)
        again = statements(store)

    assert first == alone == statements(store)
    assert again == [text for text in first if "columns" not in text and "_frame" not in text]


def statements(store: SqlEventStore) -> list[str]:
    """What the database is asked for to find an event."""
    with CaptureQueriesContext(connections["events"]) as asked:
        assert [event.event_type for event in store.find(["evt_3"])] == ["ORDER_CREATED"]
    return [query["sql"] for query in asked.captured_queries]
