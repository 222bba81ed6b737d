from __future__ import annotations

from dataclasses import replace

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from dashboard.explore.filters import EventQuery, FilterError, parse_event_query
from dashboard.explore.listing import iterate_events
from dashboard.explore.tail import Tail, read_tail
from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])

NOW = START + 60_000
QUERY = EventQuery(system=False)


def ids(tail: Tail) -> list[str]:
    return [row.event.event_id for row in tail.rows]


def test_tail_begins_at_the_end_and_goes_on_from_there(counting_house: House) -> None:
    counting_house.publish([envelope("evt_old")], at=999)
    begun = read_tail(QUERY, now_ms=NOW)
    counting_house.publish([envelope("evt_1"), envelope("evt_2")], at=1200, step=799)

    first = read_tail(QUERY, begun.next, now_ms=NOW)
    again = read_tail(QUERY, first.next, now_ms=NOW)

    assert ids(begun) == []
    assert ids(first) == ["evt_2", "evt_1"]
    assert (ids(again), again.skipped) == ([], 0)


def test_second_that_is_not_whole_yet_is_waited_for(counting_house: House) -> None:
    counting_house.publish([envelope("evt_old")], at=999)
    begun = read_tail(QUERY, now_ms=NOW)
    counting_house.publish([envelope("evt_1")], at=1500)

    early = read_tail(QUERY, begun.next, now_ms=NOW)
    counting_house.publish([envelope("evt_2")], at=1999)

    assert ids(early) == []
    assert ids(read_tail(QUERY, early.next, now_ms=NOW)) == ["evt_2", "evt_1"]


@pytest.mark.parametrize("fields", [{}, {"texts": ("order",)}])
def test_more_than_a_call_shows_is_skipped_and_counted(
    counting_house: House, fields: dict[str, object]
) -> None:
    query = replace(QUERY, **fields)
    counting_house.publish([envelope("evt_old")], at=999)
    begun = read_tail(query, now_ms=NOW)
    counting_house.publish([envelope(f"evt_{n}") for n in range(30)], at=1000, step=34)
    counting_house.publish([envelope("evt_last")], at=2999)

    tail = read_tail(query, begun.next, now_ms=NOW, limit=3)

    assert ids(tail) == ["evt_last", "evt_29", "evt_28"]
    assert (tail.skipped, tail.more) == (28, False)


def test_reader_that_was_away_for_long_is_told_that_more_was_skipped(
    counting_house: House,
) -> None:
    counting_house.publish([envelope("evt_old")], at=999)
    begun = read_tail(QUERY, now_ms=NOW)
    counting_house.publish([envelope("evt_1"), envelope("evt_2")], at=2000, step=119_999)

    tail = read_tail(QUERY, begun.next, now_ms=NOW)

    assert ids(tail) == ["evt_2"]
    assert tail.more


def test_nothing_new_costs_one_query(counting_house: House) -> None:
    counting_house.publish([envelope("evt_old")], at=999)
    begun = read_tail(QUERY, now_ms=NOW)

    with CaptureQueriesContext(connections["events"]) as queries:
        read_tail(QUERY, begun.next, now_ms=NOW)

    assert len(queries) == 1


@pytest.mark.parametrize("after", ["forged", "W10"])
def test_forged_place_is_refused(counting_house: House, after: str) -> None:
    with pytest.raises(FilterError, match="after: not one"):
        read_tail(QUERY, after, now_ms=NOW)


def test_place_of_another_list_is_refused(counting_house: House) -> None:
    other = parse_event_query({"type": ["A"]}, now_ms=NOW)
    with pytest.raises(FilterError, match="after: belongs to another list"):
        read_tail(QUERY, read_tail(other, now_ms=NOW).next, now_ms=NOW)


def test_event_that_fails_now_is_new_now_however_old_it_is(counting_house: House) -> None:
    query = EventQuery(outcomes=("failed",), system=False)
    counting_house.publish([envelope("evt_1"), envelope("evt_2")], at=0)
    counting_house.publish([envelope("evt_3")], at=4999)
    begun = read_tail(query, now_ms=NOW)
    counting_house.receipts(
        [receipt("evt_1", outcome="failed"), receipt("evt_2"), receipt("evt_0", outcome="failed")],
        at=5999,
    )

    tail = read_tail(query, begun.next, now_ms=NOW)

    assert ids(tail) == ["evt_1"]
    assert ids(read_tail(query, tail.next, now_ms=NOW)) == []


def test_list_is_read_page_by_page_up_to_the_limit(counting_house: House) -> None:
    counting_house.publish([envelope(f"evt_{n}") for n in range(1100)], at=0)

    for limit, expected in ((0, 0), (3, 3), (500, 500), (1001, 1001), (5000, 1100)):
        rows = [row.event.event_id for row in iterate_events(QUERY, limit)]
        assert rows == [f"evt_{n}" for n in reversed(range(1100))][:expected]
