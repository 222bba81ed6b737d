from __future__ import annotations

import pytest

from ingest.queries.events import (
    CursorError,
    EventFilter,
    find_correlation,
    find_events,
    get_event,
    list_events,
)
from tests.ingest.store.factories import START, Filler, make_record, make_stream

pytestmark = [
    pytest.mark.django_db(databases=["default", "events"]),
    pytest.mark.usefixtures("every_store"),
]


def test_view_tells_ids_place_and_envelope_of_an_event() -> None:
    filler, stream = Filler(), make_stream("payments-topic")
    filler.append((stream, [make_record(7, minor=3, correlation="corr_x", keys=("ORD_1",))]))

    (event,) = find_events(["ORD_1"])

    assert (event.event_id, event.correlation_id, event.position) == (
        "evt_7",
        "corr_x",
        f"{START + 7}-3",
    )
    assert event.envelope["payload"]["orderId"] == "ORD_1"
    assert (event.topic, event.format, event.keys) == ("payments-topic", "native", ("ORD_1",))


def test_event_seen_in_two_places_is_told_with_both() -> None:
    filler, first, second = Filler(), make_stream("orders-topic"), make_stream("failed-events")
    filler.append((first, [make_record(1)]), (second, [make_record(1, at=START + 900)]))

    assert [event.topic for event in get_event("evt_1")] == ["orders-topic", "failed-events"]


def test_correlation_holds_its_events_in_order_and_no_mere_mention() -> None:
    filler, stream = Filler(), make_stream()
    records = [make_record(number, correlation="corr_a") for number in range(4)]
    filler.append((stream, [*records, make_record(9, correlation="corr_b", keys=("corr_a",))]))

    assert [event.event_id for event in find_correlation("corr_a")] == [
        "evt_0",
        "evt_1",
        "evt_2",
        "evt_3",
    ]


@pytest.mark.parametrize("newest_first", [True, False])
def test_list_goes_on_behind_any_of_its_events(newest_first: bool) -> None:
    filler, stream = Filler(), make_stream()
    filler.append((stream, [make_record(number) for number in range(20)]))
    where = EventFilter(types=("ORDER_*",))

    page = list_events(where, limit=6, newest_first=newest_first)
    rest = list_events(where, limit=100, newest_first=newest_first, cursor=page.next)
    behind = list_events(where, limit=2, newest_first=newest_first, cursor=page.events[2].cursor)

    whole = [event.event_id for event in [*page.events, *rest.events]]
    numbers = range(20)
    assert whole == [f"evt_{n}" for n in (reversed(numbers) if newest_first else numbers)]
    assert [event.event_id for event in behind.events] == whole[3:5]
    assert rest.next is None


@pytest.mark.parametrize("cursor", ["x", "????", "AAAA", "k84A", "é", "a" * 500])
def test_forged_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(CursorError):
        list_events(EventFilter(), cursor=cursor)


def test_cursor_of_another_filter_or_order_is_refused() -> None:
    filler, stream = Filler(), make_stream()
    filler.append((stream, [make_record(number) for number in range(3)]))
    cursor = list_events(EventFilter(), limit=1).next

    with pytest.raises(CursorError):
        list_events(EventFilter(types=("A",)), cursor=cursor)
    with pytest.raises(CursorError):
        list_events(EventFilter(), cursor=cursor, newest_first=False)
