"""What surrounds an alert, from events, receipts, dead letters and starts as they are stored."""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import pytest

from dashboard.accounts.models import Role
from dashboard.alerts.changing import change_rows
from dashboard.alerts.circumstances import read_circumstances, span_of
from dashboard.alerts.models import Episode
from ingest.models import ConsumerGroup, HealthResult, ServiceEvent
from tests.dashboard.care import HOSTILE, client_for, make_component, make_episode, make_letter
from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])

MINUTE = 60_000
BEGAN = START + 70 * MINUTE


def make_alert(rule: str = "error-rate", **given: Any) -> Episode:
    values: dict[str, Any] = {
        "rule": rule,
        "labels": {"rule": rule, "consumer": "payment"},
        "started_ms": BEGAN,
        "resolved_ms": BEGAN + 10 * MINUTE,
        "state": "resolved",
        **given,
    }
    return make_episode(**values)


def publish(house: House, type: str, count: int, *, at: int, outcome: str = "success") -> None:
    """So many events, and a receipt for each that tells of its type."""
    ids = [f"{type}-{at}-{number}" for number in range(count)]
    house.publish([envelope(id, type, correlation=f"c-{id}") for id in ids], at=at)
    receipts = [
        receipt(id, "payment", outcome, at=at, took=900 if outcome == "failed" else 10)
        | {"eventType": type}
        for id in ids
    ]
    told = envelope("", "ProcessingReceipts", payload={"receipts": receipts})
    told["eventId"] = f"receipts-{type}-{at}-{outcome}"
    house.publish([told], topic="system-events", at=at + 500)


@pytest.fixture
def house() -> House:
    """An hour in which a few of each type fail, then ten minutes in which refunds do."""
    house = House(folding=True)
    publish(house, "ORDER_CREATED", 20, at=20 * MINUTE, outcome="failed")
    publish(house, "REFUND_ASKED", 2, at=30 * MINUTE, outcome="failed")
    publish(house, "ORDER_CREATED", 5, at=71 * MINUTE, outcome="failed")
    publish(house, "REFUND_ASKED", 60, at=72 * MINUTE, outcome="failed")
    return house


def test_the_time_is_from_a_window_before_its_begin_to_its_end() -> None:
    span = span_of(make_alert(), BEGAN + 99 * MINUTE)
    assert (span.since_ms, span.until_ms) == (BEGAN - 5 * MINUTE, BEGAN + 10 * MINUTE)
    assert span.before_ms == span.since_ms - 60 * MINUTE


def test_of_a_long_one_the_first_hour_counts() -> None:
    episode = make_alert(state="firing", resolved_ms=None)
    assert span_of(episode, BEGAN + 300 * MINUTE).until_ms == BEGAN + 60 * MINUTE


def test_the_type_that_fails_more_than_before_stands_first(house: House) -> None:
    found = read_circumstances(make_alert(), metric="error_rate", now_ms=BEGAN + 20 * MINUTE)
    (first,) = [change for change in found.changes if change.of == "failures"]
    assert (first.by, first.name, first.before, first.during) == ("type", "REFUND_ASKED", 2, 60)
    assert all(change.by != "consumer" for change in found.changes)


def test_what_made_it_true_are_the_first_failed_events_with_their_stories(house: House) -> None:
    found = read_circumstances(make_alert(), metric="error_rate", now_ms=BEGAN + 20 * MINUTE)
    assert len(found.exemplars) == 10
    first = found.exemplars[0]
    assert first.event_id == f"ORDER_CREATED-{71 * MINUTE}-0"
    assert first.correlation_id == f"c-{first.event_id}"
    assert (first.consumer, first.words) == ("payment", "failed after 900 ms")
    assert parse_qs(found.events_query) == {
        "consumer": ["payment"],
        "outcome": ["failed,dead_lettered"],
        "since": [str(BEGAN - 5 * MINUTE)],
        "until": [str(BEGAN + 10 * MINUTE)],
    }


def test_slow_handlings_are_those_over_the_limit(house: House) -> None:
    publish(house, "ORDER_CREATED", 3, at=73 * MINUTE)
    episode = make_alert("latency-p95", threshold=200.0)
    found = read_circumstances(episode, metric="latency_p95", now_ms=BEGAN + 20 * MINUTE)
    assert {one.words for one in found.exemplars} == {"failed after 900 ms"}
    assert parse_qs(found.events_query)["duration"] == [">200ms"]


def test_dead_letters_are_the_exemplars_of_their_alert_and_their_errors_are_compared(
    house: House,
) -> None:
    for number in range(5):
        make_letter(
            number,
            received_ms=START + 20 * MINUTE + number,
            consumer="payment",
            error_type="Timeout",
        )
    for number in range(5, 40):
        make_letter(number, received_ms=BEGAN + number, consumer="payment", error_type="NoFunds")
    make_letter(99, received_ms=BEGAN + 99, consumer="inventory", error_type="Elsewhere")
    found = read_circumstances(
        make_alert("dead-letters"), metric="dead_letters", now_ms=BEGAN + 20 * MINUTE
    )
    of_letters = [one for one in found.changes if one.of == "dead letters"]
    assert [(one.name, one.during) for one in of_letters] == [("NoFunds", 35)]
    assert [one.event_id for one in found.exemplars] == [f"evt_{n}" for n in range(5, 15)]
    assert found.exemplars[0].letter is not None


def make_start(version: str, minutes: int, service: str = "payment-service") -> None:
    ServiceEvent.objects.create(
        kind="started", service=service, version=version, at_ms=BEGAN + minutes * MINUTE
    )


def test_deploys_of_the_time_are_told_the_nearest_to_its_begin_first() -> None:
    for version, at in (("1", -200), ("2", -40), ("3", -2), ("4", 30)):
        make_start(version, at)
    found = read_circumstances(make_alert(), metric="error_rate", now_ms=BEGAN + 20 * MINUTE)
    assert [deploy.version for deploy in found.deploys] == ["3", "2"]


def test_the_start_by_which_we_came_to_know_a_service_is_no_deploy(house: House) -> None:
    make_start("1", -60, "known-since-we-watch")
    make_start("1", -5, "added-later")
    found = read_circumstances(make_alert(), metric="error_rate", now_ms=BEGAN + 20 * MINUTE)
    assert [deploy.service for deploy in found.deploys] == ["added-later"]


def test_without_an_hour_before_nothing_is_compared(house: House) -> None:
    episode = make_alert(started_ms=START + 2 * MINUTE, resolved_ms=START + 40 * MINUTE)
    found = read_circumstances(episode, metric="error_rate", now_ms=BEGAN)
    assert (found.compared, found.changes) == (False, [])
    assert len(found.exemplars) == 10


def test_the_page_tells_what_changed_with_links_to_the_lists(house: House) -> None:
    episode = make_alert()
    client = client_for(Role.VIEWER)
    assert (
        f'hx-get="/alerts/{episode.pk}/circumstances"'
        in client.get(f"/alerts/{episode.pk}/").content.decode()
    )
    text = client.get(f"/alerts/{episode.pk}/circumstances").content.decode()
    assert "REFUND_ASKED</a>" in text
    assert "All these events" in text
    assert client.get(f"/events/?{_first_query(text)}").status_code == 200


def _first_query(text: str) -> str:
    return text.split('href="/events/?')[1].split('"')[0].replace("&amp;", "&")


def test_where_nothing_is_stored_the_page_says_so() -> None:
    text = client_for(Role.VIEWER).get(f"/alerts/{make_alert().pk}/circumstances").content.decode()
    assert "Nothing to compare with" in text


def test_where_nothing_rose_the_page_says_so(house: House) -> None:
    episode = make_alert(labels={"rule": "x", "consumer": "nobody", "topic": "t"})
    text = client_for(Role.VIEWER).get(f"/alerts/{episode.pk}/circumstances").content.decode()
    assert "Nothing stands out" in text


def test_hostile_names_are_text(house: House) -> None:
    for number in range(30):
        make_letter(
            number,
            received_ms=BEGAN + number,
            consumer="payment",
            error_type=HOSTILE,
            error_message=HOSTILE,
            event_type=HOSTILE,
        )
    episode = make_alert("dead-letters")
    text = client_for(Role.VIEWER).get(f"/alerts/{episode.pk}/circumstances").content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_no_such_alert_is_a_404() -> None:
    assert client_for(Role.VIEWER).get("/alerts/4711/circumstances").status_code == 404


def versioned(type: str, version: str, count: int, *, at: int) -> list[dict[str, Any]]:
    told = [envelope(f"{type}-{version}-{at}-{number}", type) for number in range(count)]
    for one in told:
        one["metadata"] = {**one["metadata"], "version": version}
    return told


def test_a_version_that_came_up_is_told_with_its_type() -> None:
    house = House(folding=True)
    house.publish(versioned("ORDER_CREATED", "1.0", 40, at=20), at=20 * MINUTE)
    house.publish(versioned("ORDER_CREATED", "1.0", 10, at=71), at=71 * MINUTE)
    house.publish(versioned("ORDER_CREATED", "2.0", 30, at=72), at=72 * MINUTE)
    episode = make_alert("throughput", labels={"rule": "throughput"})

    found = read_circumstances(episode, metric="throughput", now_ms=BEGAN + 20 * MINUTE)

    (change,) = [one for one in found.changes if one.by == "version"]
    assert (change.of, change.name, change.before, change.during) == (
        "events",
        "ORDER_CREATED 2.0",
        0,
        30,
    )
    (row,) = [row for row in change_rows(found) if row.change.by == "version"]
    assert (row.kind, parse_qs(row.query)["type"]) == ("Version", ["ORDER_CREATED"])


def test_of_failures_the_version_that_fails_more_is_told() -> None:
    house = House(folding=True)
    for version, count, at in (("1.0", 10, 20), ("1.0", 3, 71), ("2.0", 20, 72)):
        told = versioned("ORDER_CREATED", version, count, at=at)
        house.publish(told, at=at * MINUTE)
        failed = [receipt(one["eventId"], "payment", "failed", at=at * MINUTE) for one in told]
        house.receipts(failed, at=at * MINUTE + 500)

    found = read_circumstances(make_alert(), metric="error_rate", now_ms=BEGAN + 20 * MINUTE)

    (change,) = [one for one in found.changes if one.by == "version"]
    assert (change.of, change.name, change.during) == ("failures", "ORDER_CREATED 2.0", 20)


def test_a_backlog_is_made_of_what_was_not_delivered_yet() -> None:
    house = House(folding=True)
    ids = [f"e{number}" for number in range(20)]
    house.publish([envelope(id) for id in ids], at=MINUTE, step=1000)
    ConsumerGroup.objects.create(
        stream_id=house.stream("orders-topic").id,
        name="inventory",
        lag=15,
        delivered_ms=START + MINUTE + 4_000,
        sampled_ms=BEGAN,
    )
    given = {
        "labels": {"consumer": "inventory", "topic": "orders-topic"},
        "state": "firing",
        "resolved_ms": None,
    }
    episode = make_alert("consumer-backlog", **given)

    found = read_circumstances(episode, metric="backlog", now_ms=BEGAN)

    assert [one.event_id for one in found.exemplars] == ids[5:15]
    assert {(one.consumer, one.words) for one in found.exemplars} == {
        ("inventory", "not delivered yet")
    }
    assert parse_qs(found.events_query)["topic"] == ["orders-topic"]
    over = make_alert("consumer-backlog", labels=given["labels"])
    assert read_circumstances(over, metric="backlog", now_ms=BEGAN).exemplars == []


def test_an_open_breaker_is_told_by_what_its_service_could_not_do(house: House) -> None:
    labels = {"breaker": "provider", "service": "payment"}
    publish(house, "REFUND_ASKED", 2, at=73 * MINUTE, outcome="retry")

    found = read_circumstances(
        make_alert("breaker-open", labels=labels), metric="breaker", now_ms=BEGAN + 20 * MINUTE
    )

    assert found.exemplars
    assert {one.consumer for one in found.exemplars} == {"payment"}
    assert parse_qs(found.events_query)["outcome"] == ["retried,failed,dead_lettered"]


def test_a_component_is_told_by_its_results_and_what_its_last_checks_said() -> None:
    row = make_component(
        "database",
        service="orders",
        instance="orders-1",
        status="unhealthy",
        seen_ms=BEGAN + 2 * MINUTE,
        checks=[
            {"name": "connect", "status": "unhealthy", "output": HOSTILE},
            {"name": "disk", "status": "healthy"},
        ],
    )
    HealthResult.objects.filter(component=row).delete()
    for minute, status in ((0, "healthy"), (1, "degraded"), (2, "unhealthy"), (30, "unhealthy")):
        HealthResult.objects.create(
            component=row, at_ms=BEGAN + minute * MINUTE, status=status, latency_ms=12
        )
    episode = make_alert(
        "component-unhealthy", labels={"component": "database", "service": "orders"}
    )

    found = read_circumstances(episode, metric="component", now_ms=BEGAN + 20 * MINUTE)

    newest, before = found.exemplars
    assert newest.words == f"unhealthy after 12 ms; connect: {HOSTILE}"[:200]
    assert (before.words, before.event_id, before.consumer) == (
        "degraded after 12 ms",
        "",
        "orders-1",
    )
    assert found.events_query == ""
    page = client_for(Role.VIEWER).get(f"/alerts/{episode.pk}/circumstances").content.decode()
    assert "unhealthy after 12 ms" in page
    assert "<script>alert(1)" not in page
