"""What surrounds one letter: attempts, story, moment, last success, neighbours, what was put back."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import Role
from dashboard.recovery.circumstances import attempts_of, payload_of, read_circumstances
from ingest.models import DeadLetter
from tests.dashboard.care import client_for, make_breaker, make_component, make_letter
from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def house() -> House:
    return House()


def make_failed(house: House, **payload: Any) -> DeadLetter:
    """evt_9 was tried twice and given up by payment-service."""
    event = envelope("evt_9", payload={"orderId": "ORD_9", **payload})
    house.publish([event], at=40)
    tries = [
        receipt("evt_9", "payment-service", "retry", at=50, attempt=1, error="slow"),
        receipt("evt_9", "payment-service", "dead_lettered", at=90, attempt=2, error="declined"),
    ]
    house.receipts(tries, at=100)
    return house.dead_letter(
        "evt_9",
        event=json.dumps(event).encode(),
        fingerprint="f",
        first_failed_ms=START + 60,
        last_failed_ms=START + 100,
    )


def read(letter: DeadLetter) -> Any:
    return read_circumstances(letter, json.loads(bytes(letter.event)))


def test_attempts_are_told_in_order_with_instance_and_error(house: House) -> None:
    found = read(make_failed(house)).attempts
    assert [(one.attempt, one.instance, one.outcome, one.error) for one in found] == [
        (1, "host-1", "retry", "PaymentError: slow"),
        (2, "host-1", "dead_lettered", "PaymentError: declined"),
    ]
    assert found[0].started_ms == START + 50


def test_difference_is_from_the_last_that_the_same_consumer_handled(house: House) -> None:
    for number in range(3):
        payload = {"orderId": f"ORD_{number}", "amount": number, "coupon": "SPRING"}
        house.publish([envelope(f"evt_{number}", payload=payload)], at=5 + number)
    house.receipts(
        [
            receipt("evt_0", "payment-service"),
            receipt("evt_1", "payment-service"),
            receipt("evt_2", "inventory-service"),
        ],
        at=30,
    )
    letter = make_failed(house, amount="1", extra=[1])

    success = read(letter).success

    assert success.event.event_id == "evt_1"
    assert [(one.label, one.kind) for one in success.changes.changes] == [
        ("orderId", "changed"),
        ("amount", "changed"),
        ("extra", "added"),
        ("coupon", "removed"),
    ]


def test_without_a_success_there_is_no_difference(house: House) -> None:
    house.publish([envelope("evt_1")])
    assert read(make_failed(house)).success is None


def test_story_and_moment_stand_beside(house: House) -> None:
    letter = make_failed(house)
    house.publish([envelope("evt_10", "PAYMENT_FAILED", cause="evt_9")], at=120)
    make_breaker("provider", since_ms=START + 70)
    make_breaker("later", since_ms=START + 500_000)
    make_component("database", seen_ms=START + 90, status="unhealthy")
    make_component("cache", seen_ms=START + 90)
    make_letter(3, received_ms=letter.received_ms, fingerprint="b", error_type="TIMEOUT")

    found = read(letter)

    assert [event.event_id for event in found.story] == ["evt_9", "evt_10"]
    assert [one.name for one in (*found.breakers, *found.health)] == ["provider", "database"]
    assert found.calm == 1
    assert [(one.error_type, one.letters) for one in found.groups] == [("TIMEOUT", 1)]


def test_page_tells_all_of_it_and_leads_on(house: House) -> None:
    letter = make_failed(house)
    make_breaker("provider", since_ms=START + 70)
    older = make_letter(1, fingerprint="f", received_ms=START)
    again = make_letter(2, fingerprint="x", event_id="evt_9", redrives=1)
    answer = client_for(Role.VIEWER).get(f"/dead-letters/{letter.pk}/")
    text = unescape(answer.content.decode())
    for words in ("Attempts", "PaymentError: slow", "provider", "Put back", "after 1 redrive"):
        assert words in text, words
    assert f'rel="next" href="/dead-letters/{older.pk}/"' in text
    assert 'rel="prev"' not in text
    assert f"/dead-letters/{again.pk}/" in text


def test_letter_page_asks_the_same_number_of_queries_for_1_and_for_30(house: House) -> None:
    letter = make_failed(house)
    client = client_for(Role.VIEWER)
    client.get(f"/dead-letters/{letter.pk}/")  # the names of series and streams are remembered
    counts = []
    for start, end in ((0, 1), (1, 30)):
        for number in range(start, end):
            make_breaker(f"b{number}", since_ms=START)
            make_component(f"c{number}", seen_ms=START + 90)
            make_letter(number, received_ms=letter.received_ms, fingerprint=f"{number}")
            make_letter(100 + number, event_id="evt_9", fingerprint="f", received_ms=START)
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["events"]) as events,
        ):
            assert client.get(f"/dead-letters/{letter.pk}/").status_code == 200
        counts.append((len(default), len(events)))
    assert counts[0] == counts[1]


@pytest.mark.parametrize("event", [b"", b"[]", b"7", b'{"payload": null}', b'{"data": [1]}'])
def test_any_event_has_circumstances(client: Client, event: bytes) -> None:
    make_letter(1, event_type="*")
    letter = make_letter(2, event=event, correlation_id="", last_failed_ms=None)
    page = client_for(Role.VIEWER).get(f"/dead-letters/{letter.pk}/")
    assert page.status_code == 200


@pytest.mark.parametrize(
    ("event", "payload"),
    [
        ({"payload": {"a": 1}}, {"a": 1}),
        ({"data": [1], "specversion": "1.0"}, [1]),
        ({"a": 1}, {"a": 1}),
        ([1], [1]),
    ],
)
def test_payload_is_what_is_compared(event: Any, payload: Any) -> None:
    assert payload_of(event) == payload


def test_no_receipts_no_attempts() -> None:
    assert attempts_of([]) == []
