"""Folded state as it is read: order, pages, groups, merging of instances, few queries."""

from __future__ import annotations

import msgspec
import pytest
from pytest_django import DjangoAssertNumQueries
from pytest_django.fixtures import Settings

from ingest.models import (
    Breaker,
    BreakerTransition,
    ConsumerGroup,
    DeadLetter,
    HealthComponent,
    HealthResult,
    ServiceEvent,
    ServiceInstance,
    Stream,
)
from ingest.options import BrokerOptions
from ingest.queries import state
from ingest.queries.state import BadCursor, LetterFilter

pytestmark = pytest.mark.django_db(databases=["default", "events"])

START = 1_700_000_000_000


@pytest.fixture
def stream() -> Stream:
    return Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)


def make_letter(stream: Stream, number: int, **rest: object) -> DeadLetter:
    values: dict[str, object] = {
        "received_ms": START + number,
        "event_id": f"evt_{number}",
        "event_type": "ORDER_CREATED",
        "consumer": "payment",
        "error_type": "Refused",
        "fingerprint": "f1",
        "event": b"{}",
    }
    return DeadLetter.objects.create(stream=stream, major=number, minor=0, **{**values, **rest})


def numbers(page: state.LetterPage) -> list[int]:
    return [letter.major for letter in page.letters]


@pytest.mark.parametrize("newest_first", [True, False])
def test_pages_hold_every_letter_once(stream: Stream, newest_first: bool) -> None:
    for number in range(25):
        make_letter(stream, number, received_ms=START + number // 4)
    found: list[int] = []
    cursor: str | None = None
    for _ in range(10):
        page = state.list_dead_letters(
            LetterFilter(), cursor=cursor, limit=7, newest_first=newest_first
        )
        found += numbers(page)
        cursor = page.next
        if cursor is None:
            break

    assert found == sorted(range(25), reverse=newest_first)


@pytest.mark.parametrize("cursor", ["", "x", "1", "1-2-3", "1-x", "-5", "9" * 30 + "-1"])
def test_a_made_up_cursor_is_refused(cursor: str) -> None:
    with pytest.raises(BadCursor):
        state.list_dead_letters(LetterFilter(), cursor=cursor)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (LetterFilter(), [3, 2, 1, 0]),
        (LetterFilter(statuses=("open",)), [3, 1, 0]),
        (LetterFilter(statuses=("open", "resolved"), types=("A",)), [0]),
        (LetterFilter(consumers=("c1", "payment")), [3, 2, 1, 0]),
        (LetterFilter(consumers=("c1",)), [1]),
        (LetterFilter(error_types=("Timeout",)), [3]),
        (LetterFilter(fingerprint="f2"), [3]),
        (LetterFilter(event_id="evt_2"), [2]),
        (LetterFilter(since_ms=START + 1, until_ms=START + 3), [2, 1]),
    ],
)
def test_filters(stream: Stream, where: LetterFilter, expected: list[int]) -> None:
    make_letter(stream, 0, event_type="A")
    make_letter(stream, 1, consumer="c1")
    make_letter(stream, 2, status="resolved")
    make_letter(stream, 3, error_type="Timeout", fingerprint="f2")

    assert numbers(state.list_dead_letters(where)) == expected


def test_count_and_one_letter(stream: Stream) -> None:
    letter = make_letter(stream, 1)
    make_letter(stream, 2, status="discarded", event_type="B", consumer="", error_type="")

    assert state.open_dead_letters() == 1
    found = state.get_dead_letter(letter.pk)
    assert found is not None
    assert bytes(found.event) == b"{}"
    assert state.get_dead_letter(10_000) is None


@pytest.mark.parametrize("rows", [1, 30])
def test_lists_take_the_same_few_queries(
    rows: int, stream: Stream, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(rows):
        make_letter(stream, number, fingerprint=str(number))
        make_component(f"c{number}", "healthy", seen=START)
        breaker = Breaker.objects.create(
            name=f"b{number}", state="open", since_ms=START, seen_ms=START
        )
        BreakerTransition.objects.create(breaker=breaker, at_ms=START, to_state="open")
        ConsumerGroup.objects.create(stream=stream, name=f"g{number}", lag=1, sampled_ms=START)

    with django_assert_num_queries(10, using="events"):
        assert len(state.list_dead_letters(LetterFilter()).letters) == rows
        assert len(state.list_components(now_ms=START)) == rows
        assert len(state.list_breakers()) == rows
        assert len(state.consumer_backlogs()) == rows


def make_component(
    component: str, status: str, *, seen: int, instance: str = "1", **rest: object
) -> HealthComponent:
    return HealthComponent.objects.create(
        component=component,
        service="orders",
        instance=instance,
        status=status,
        since_ms=rest.pop("since_ms", seen),
        seen_ms=seen,
        **rest,
    )


@pytest.mark.parametrize(
    ("instances", "status", "reporting"),
    [
        ([("healthy", 0)], "healthy", 1),
        ([("healthy", 0), ("unhealthy", 10)], "unhealthy", 2),
        ([("healthy", 0), ("degraded", 10)], "degraded", 2),
        ([("healthy", 0), ("unhealthy", 200)], "healthy", 1),
        ([("healthy", 200)], "unknown", 0),
        ([("unhealthy", 200), ("healthy", 300)], "unknown", 0),
    ],
)
def test_a_component_is_its_worst_instance_that_still_reports(
    instances: list[tuple[str, int]], status: str, reporting: int
) -> None:
    """Ages in seconds; with an interval of 30 s an instance is silent after 90."""
    for number, (word, age) in enumerate(instances):
        make_component("database", word, seen=START - age * 1000, instance=str(number))

    (view,) = state.list_components(now_ms=START)

    assert (view.status, view.reporting) == (status, reporting)
    assert state.unhealthy_components(now_ms=START) == (status == "unhealthy")
    assert len(view.instances) == len(instances)


def test_components_are_listed_the_worst_first_with_their_results() -> None:
    make_component("a", "healthy", seen=START)
    bad = make_component("b", "unhealthy", seen=START, failures=3, latency_ms=12.0)
    make_component("c", "degraded", seen=START)
    for number in range(3):
        HealthResult.objects.create(component=bad, at_ms=START + number, status="unhealthy")

    views = state.list_components(now_ms=START)

    assert [view.component for view in views] == ["b", "c", "a"]
    assert (views[0].failures, views[0].latency_ms) == (3, 12.0)
    results = state.component_results("b", since_ms=START + 1)
    assert [result.at_ms for result in results] == [START + 2, START + 1]


def test_breakers_that_are_open_come_first_with_their_newest_changes() -> None:
    for number, word in enumerate(["closed", "forced_open", "half_open"]):
        row = Breaker.objects.create(
            name=word, state=word, since_ms=START + number, seen_ms=START + number
        )
        for change in range(4):
            BreakerTransition.objects.create(breaker=row, at_ms=START + change, to_state=word)

    views = state.list_breakers(transitions=2)

    assert [view.breaker.state for view in views] == ["forced_open", "half_open", "closed"]
    assert [change.at_ms for change in views[0].transitions] == [START + 3, START + 2]
    assert state.open_breakers() == 1
    assert len(state.breaker_transitions(views[0].breaker.pk)) == 4


@pytest.mark.parametrize(
    ("started", "stopped", "health", "silent"),
    [
        (None, None, None, None),  # nothing else was ever told: the breaker is believed
        (-500, None, None, None),
        (-500, -200, None, None),
        (-500, -50, None, -50),
        (-50, None, None, -50),  # the same name, a new process
        (-40, -60, None, -60),
        (None, None, -10, None),
        (None, None, -91, -91),
        (None, None, -200, -100),  # it told of itself after its health
        (-500, None, -10, None),
    ],
)
def test_a_breaker_is_stale_when_its_process_ended_since(
    started: int | None, stopped: int | None, health: int | None, silent: int | None
) -> None:
    """Seconds before now; the breaker opened 100 s ago, health is told of every 30 s."""

    def at(seconds: int | None) -> int | None:
        return None if seconds is None else START + seconds * 1000

    here = {"service": "orders", "instance": "1"}
    Breaker.objects.create(name="b", state="open", since_ms=at(-100), seen_ms=at(-100), **here)
    if started is not None or stopped is not None:
        ServiceInstance.objects.create(
            started_ms=at(started), stopped_ms=at(stopped), seen_ms=START, **here
        )
    if health is not None:
        make_component("db", "healthy", seen=START + health * 1000)

    (view,) = state.list_breakers(now_ms=START)

    assert view.silent_ms == at(silent)
    assert view.stale is (silent is not None)
    assert state.open_breakers(now_ms=START) == (not view.stale)


def test_a_breaker_that_changed_since_its_instance_fell_silent_is_believed() -> None:
    make_component("db", "healthy", seen=START - 200_000)
    Breaker.objects.create(
        name="b", service="orders", instance="1", state="open",
        since_ms=START - 10_000, seen_ms=START - 10_000,
    )  # fmt: skip

    assert state.open_breakers(now_ms=START) == 1


def test_markers_are_the_newest_of_the_range_oldest_first() -> None:
    for number in range(6):
        kind = "error" if number % 2 else "started"
        ServiceEvent.objects.create(kind=kind, service="s", at_ms=START + number)

    found = state.markers(START, START + 5, limit=3)
    starts = state.markers(START, START + 100, kinds=("started",))

    assert [marker.at_ms - START for marker in found] == [2, 3, 4]
    assert [marker.at_ms - START for marker in starts] == [0, 2, 4]


def test_backlog_is_added_up_by_group(stream: Stream) -> None:
    other = Stream.objects.create(broker="main", topic="orders-topic")
    for where, lag, pending in ((stream, 5, 1), (other, 7, 2)):
        ConsumerGroup.objects.create(
            stream=where, name="payments", lag=lag, pending=pending, consumers=2, sampled_ms=START
        )
    ConsumerGroup.objects.create(stream=other, name="x", lag=None, pending=4, sampled_ms=START)

    payments, unknown = state.consumer_backlogs()

    assert (payments.name, payments.lag, payments.pending, payments.consumers) == (
        "payments",
        12,
        3,
        4,
    )
    assert (payments.backlog, payments.partitions) == (15, None)
    assert (unknown.lag, unknown.backlog) == (None, 4)


def test_consumer_that_reads_several_partitions_is_one(stream: Stream, settings: Settings) -> None:
    kafka = BrokerOptions(type="kafka")
    settings.INGEST = msgspec.structs.replace(settings.INGEST, brokers={stream.broker: kafka})
    for number in range(4):
        part = Stream.objects.create(broker=stream.broker, topic="shared", partition=number)
        ConsumerGroup.objects.create(
            stream=part, name="payments", lag=9000, consumers=1, members=2, sampled_ms=START
        )

    (payments,) = state.consumer_backlogs()

    assert (payments.consumers, payments.partitions) == (2, 4)
