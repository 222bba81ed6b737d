"""The dry run: what would go where, and what speaks against it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from dashboard.recovery.actions import create_job
from dashboard.recovery.entities import Entity
from dashboard.recovery.planning import Plan, plan_redrive, repeated_entities
from dashboard.recovery.selection import Selection
from dashboard.recovery.working import Worker
from ingest.queries.events import shared_store
from ingest.queries.letters import LetterFilter
from tests.dashboard.care import make_breaker, make_component
from tests.dashboard.explore.factories import START, House, envelope, receipt
from tests.dashboard.recovery.conftest import make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])

NEWEST = 1 << 62
OPEN = Selection.of_filter(LetterFilter())
NOW_ISH = 4_000_000_000_000


@pytest.fixture
def house(db: None) -> Iterator[House]:
    yield House()
    shared_store.cache_clear()


def plan() -> Plan:
    return plan_redrive(OPEN, newest=NEWEST)


def test_letters_are_counted_by_where_they_go_and_why_not() -> None:
    for number in range(3):
        make_original(number)
    make_original(4, consumer="shipping")
    make_original(5, topic="")
    made = plan()

    assert [(way.consumer, way.letters) for way in made.ways] == [("inventory", 3), ("shipping", 1)]
    assert (made.letters, made.sendable, made.skipped) == (5, 4, {"no_topic": 1})


def test_letters_of_another_job_are_not_counted_twice() -> None:
    letters = [make_original(number) for number in range(3)]
    create_job(actor="ada", selection=Selection.of_ids([letters[0].pk]))
    Worker().step()

    assert plan().skipped == {"busy": 1}
    assert plan().sendable == 2


def test_it_says_what_each_would_wait_for() -> None:
    make_original(1)
    make_original(2, consumer="shipping")
    make_breaker("stock", service="inventory", seen_ms=NOW_ISH, since_ms=NOW_ISH)
    make_component("disk", service="shipping", status="unhealthy", seen_ms=NOW_ISH)

    assert {way.consumer: way.waits_for for way in plan().ways} == {
        "inventory": "the breaker stock of inventory to close",
        "shipping": "disk of shipping to be healthy again",
    }


def test_it_warns_of_letters_that_were_processed_since(house: House) -> None:
    house.publish([envelope("evt_1", at=0)])
    make_original(1, received_ms=START + 100, first_failed_ms=START)
    house.receipts([receipt("evt_1", "inventory", at=500)], at=600)

    assert any("1 have been processed since" in warning for warning in plan().warnings)


def test_it_warns_of_later_events_of_the_entity_that_were_handled(house: House) -> None:
    make_original(1, order="ORD_789", first_failed_ms=START, received_ms=START)
    house.publish([envelope("evt_9", "ORDER_CANCELLED", at=1000)], at=1005)
    house.receipts([receipt("evt_9", "inventory", at=1100)], at=1200)

    [warning] = plan().warnings
    assert "such as ORDER_CANCELLED for payload.orderId:ORD_789" in warning


def test_a_later_event_that_nobody_handled_is_no_warning(house: House) -> None:
    make_original(1, order="ORD_789", first_failed_ms=START, received_ms=START)
    house.publish([envelope("evt_9", "ORDER_CANCELLED", at=1000)], at=1005)
    house.receipts([receipt("evt_9", "shipping", at=1100)], at=1200)

    assert plan().warnings == []


def test_it_warns_of_duplicates_by_business_key() -> None:
    make_original(1, order="ORD_1")
    make_original(2, order="ORD_1")
    make_original(3, order="ORD_2")

    assert plan().warnings == [
        "2 letters of type ORDER_CREATED are about payload.orderId:ORD_1: are they duplicates?"
    ]


def test_repeated_entities_are_those_of_one_type() -> None:
    one, two = Entity("order", "1"), Entity("order", "2")
    told = [("A", one), ("A", one), ("B", one), ("A", two), ("A", one), ("B", two)]
    assert repeated_entities(told) == [("A", one, 3)]
