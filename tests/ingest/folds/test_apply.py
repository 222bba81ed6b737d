"""`apply_folds` over the real tables: rows, upserts, resolution, rollback."""

from __future__ import annotations

import msgspec
import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from ingest.folds import apply_folds, health, open_letters, rows
from ingest.folds.open_letters import OpenLetters
from ingest.models import (
    Breaker,
    BreakerSample,
    BreakerTransition,
    DeadLetter,
    HealthComponent,
    HealthResult,
    MetricPiece,
    ServiceEvent,
    ServiceInstance,
    Stream,
)
from ingest.records import Record, StreamRef
from ingest.store.series import SeriesDictionary
from ingest.system import (
    BreakerChange,
    DeadLettered,
    ErrorInfo,
    ErrorOccurred,
    HealthReport,
    NamedCheck,
    ServiceChange,
)
from tests.ingest.folds.factories import START, make_batch, make_receipt, make_record, tell

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def system() -> StreamRef:
    return stream("system-events")


@pytest.fixture
def failed() -> StreamRef:
    return stream("failed-events", dead_letters=True)


def stream(topic: str, *, dead_letters: bool = False) -> StreamRef:
    row = Stream.objects.create(broker="main", topic=topic, dead_letters=dead_letters)
    return StreamRef(row.pk, "main", topic, 0, dead_letters)


def apply(*parts: tuple[StreamRef, list[Record]]) -> None:
    with transaction.atomic(using="events"):
        apply_folds(make_batch(*parts), SeriesDictionary())


def letter(at: int = START, *, event_id: str = "evt_7", minor: int = 0) -> Record:
    event = msgspec.json.encode({"eventId": event_id, "eventType": "ORDER_CREATED"})
    told = DeadLettered(event=msgspec.Raw(event), error=ErrorInfo("Refused"), consumer="payment")
    return make_record(at, type="DeadLettered", detail=told, event_id=f"dl_{minor}", minor=minor)


def success(at: int, event_id: str = "evt_7", consumer: str = "payment") -> Record:
    return tell([make_receipt(event_id=event_id, consumer=consumer, offset=f"{at}-0")], at + 50)


def health_of(status: str, at: int) -> Record:
    detail = HealthReport("database", status, "orders", "orders-1", 3.5)
    return make_record(at, type="HealthCheck", detail=detail)


def test_health_is_kept_across_batches(system: StreamRef) -> None:
    apply((system, [health_of("healthy", START)]))
    apply((system, [health_of("down", START + 10), health_of("down", START + 20)]))

    (row,) = HealthComponent.objects.all()
    assert (row.status, row.since_ms, row.seen_ms, row.failures) == (
        "unhealthy",
        START + 10,
        START + 20,
        2,
    )
    assert list(HealthResult.objects.order_by("at_ms").values_list("component", "status")) == [
        (row.pk, "healthy"),
        (row.pk, "unhealthy"),
        (row.pk, "unhealthy"),
    ]


def test_breakers_are_kept_across_batches(system: StreamRef) -> None:
    def report(at: int, to: str) -> Record:
        detail = BreakerChange("provider", to, "", "payment", "payment-1", error_rate=0.5)
        return make_record(at, type="CircuitBreakerStateChanged", detail=detail)

    apply((system, [report(START, "OPEN")]))
    apply((system, [report(START + 10, "HALF_OPEN"), report(START + 20, "CLOSED")]))

    (row,) = Breaker.objects.all()
    assert (row.state, row.since_ms, row.error_rate) == ("closed", START + 20, 0.5)
    found = BreakerTransition.objects.order_by("at_ms").values_list("from_state", "to_state")
    assert list(found) == [("", "open"), ("open", "half_open"), ("half_open", "closed")]


def test_numbers_that_a_breaker_repeats_are_kept_and_are_no_change(system: StreamRef) -> None:
    def report(at: int, error_rate: float | None) -> Record:
        detail = BreakerChange("provider", "open", "", "payment", "1", error_rate=error_rate)
        return make_record(at, type="CircuitBreakerStateChanged", detail=detail)

    apply((system, [report(START, 0.5)]))
    apply((system, [report(START + 10, 0.4), report(START + 20, None)]))

    assert BreakerTransition.objects.count() == 1
    assert list(BreakerSample.objects.values_list("at_ms", "error_rate")) == [(START + 10, 0.4)]


def test_services_and_their_errors_are_kept(system: StreamRef) -> None:
    started = make_record(
        type="ServiceStarted", detail=ServiceChange("orders", "orders-1", "1.0", "host")
    )
    errors = [
        make_record(
            START + number,
            type="ErrorOccurred",
            detail=ErrorOccurred(ErrorInfo("Boom", "bad"), "orders", "orders-1"),
        )
        for number in range(30)
    ]
    apply((system, [started, *errors]))
    apply((system, errors))

    (row,) = ServiceInstance.objects.all()
    assert (row.version, row.started_ms, row.seen_ms) == ("1.0", START, START + 29)
    kinds = list(ServiceEvent.objects.order_by("id").values_list("kind", flat=True))
    assert kinds == ["started"] + ["error"] * 10


def test_a_letter_is_resolved_by_a_later_success_of_its_consumer(
    system: StreamRef, failed: StreamRef
) -> None:
    apply((failed, [letter(minor=0), letter(event_id="evt_9", minor=1)]))
    apply((system, [success(START - 100), success(START + 100, consumer="inventory")]))
    assert DeadLetter.objects.filter(status="open").count() == 2

    apply((system, [success(START + 100)]))

    assert list(DeadLetter.objects.order_by("id").values_list("event_id", "status")) == [
        ("evt_7", "resolved"),
        ("evt_9", "open"),
    ]


def test_a_letter_and_its_success_may_come_in_one_batch(
    system: StreamRef, failed: StreamRef
) -> None:
    apply((system, [success(START + 100)]), (failed, [letter()]))

    assert DeadLetter.objects.get().status == "resolved"


def test_a_discarded_letter_stays_discarded(system: StreamRef, failed: StreamRef) -> None:
    apply((failed, [letter()]))
    DeadLetter.objects.update(status="discarded")

    apply((system, [success(START + 100)]))

    assert DeadLetter.objects.get().status == "discarded"


def test_system_events_on_a_dead_letter_topic_change_no_state(failed: StreamRef) -> None:
    apply((failed, [health_of("down", START)]))

    assert HealthComponent.objects.count() == 0
    assert DeadLetter.objects.get().event_type == "HealthCheck"


def test_a_rolled_back_batch_leaves_nothing(system: StreamRef, failed: StreamRef) -> None:
    parts = ((system, [health_of("down", START), success(START + 100)]), (failed, [letter()]))
    with transaction.atomic(using="events"):
        apply_folds(make_batch(*parts), SeriesDictionary())
        transaction.set_rollback(True, using="events")

    counts = [model.objects.count() for model in (MetricPiece, DeadLetter, HealthComponent)]
    assert counts == [0, 0, 0]

    apply(*parts)
    assert DeadLetter.objects.get().status == "resolved"


HOSTILE = "a\x00\ud800" + "x" * 3000
NUMBERS = (float("nan"), float("inf"), -1e300)


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize("count", [-5, 1 << 80])
def test_hostile_details_are_stored_or_left_out_but_never_raise(
    number: float, count: int, system: StreamRef, failed: StreamRef
) -> None:
    error = ErrorInfo(HOSTILE, HOSTILE, HOSTILE)
    details: list[object] = [
        HealthReport(HOSTILE, HOSTILE, HOSTILE, HOSTILE, number, [NamedCheck(HOSTILE, HOSTILE)]),
        BreakerChange(HOSTILE, HOSTILE, HOSTILE, HOSTILE, HOSTILE, count, count, number, number),
        ServiceChange(HOSTILE, HOSTILE, HOSTILE, HOSTILE),
        ErrorOccurred(error, HOSTILE, HOSTILE),
        DeadLettered(
            event=msgspec.Raw(b"{}"),
            error=error,
            consumer=HOSTILE,
            attempts=count,
            original_partition=count,
            original_offset=count,
            first_failed_at=number,
        ),
    ]
    records = [make_record(detail=detail, minor=n) for n, detail in enumerate(details)]
    odd = make_receipt(
        outcome=HOSTILE,
        attempt=count,
        offset=count,
        started_at=number,
        ended_at=HOSTILE,
        duration_ms=number,
    )

    apply((system, [*records, tell([odd])]), (failed, [make_record(headers=b"\xc1")]))

    assert HealthComponent.objects.get().status == "unhealthy"
    assert Breaker.objects.get().name.startswith("a\ufffd\ufffdx")
    assert ServiceEvent.objects.filter(kind="error").count() == 1
    assert DeadLetter.objects.count() == 2


@pytest.mark.parametrize("events", [1, 300])
def test_a_plain_batch_costs_the_same_few_queries(
    events: int, django_assert_num_queries: DjangoAssertNumQueries, system: StreamRef
) -> None:
    orders = stream("orders-topic")
    series = SeriesDictionary()
    apply_folds(make_batch((orders, [make_record()]), (system, [success(START)])), series)
    batch = make_batch((orders, [make_record()] * events), (system, [success(START)] * events))

    with django_assert_num_queries(4, using="events"):  # open letters, pieces, traces, samples
        apply_folds(batch, series)


def test_made_up_names_do_not_fill_the_table(
    system: StreamRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(health, "evict_oldest", lambda model: rows.evict_oldest(model, most=20))
    for number in range(50):
        detail = HealthReport(f"made-up-{number}", "ok")
        apply((system, [make_record(START + number, type="HealthCheck", detail=detail)]))

    kept = HealthComponent.objects.order_by("seen_ms").values_list("component", flat=True)
    assert list(kept) == [f"made-up-{number}" for number in range(30, 50)]


def test_many_open_letters_are_asked_about_a_batch_at_a_time(
    failed: StreamRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_letters, "MOST_REMEMBERED", 3)
    apply((failed, [letter(event_id=f"evt_{n}", minor=n) for n in range(8)]))

    assert OpenLetters().among(["evt_2", "evt_7", "evt_99"]) == {"evt_2", "evt_7"}


def test_open_letters_are_remembered_only_for_a_moment(
    failed: StreamRef, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(open_letters, "_FEW", 0)
    clock = [0.0]
    memory = OpenLetters(clock=lambda: clock[0])
    apply((failed, [letter(event_id="evt_1", minor=1)]))
    assert memory.among(["evt_1", "evt_2"]) == {"evt_1"}
    apply((failed, [letter(event_id="evt_2", minor=2)]))
    assert memory.among(["evt_2"]) == set()

    clock[0] = 1.0

    assert memory.among(["evt_2"]) == {"evt_2"}
