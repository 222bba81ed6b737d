from __future__ import annotations

import pytest

from ingest import retention
from ingest.models import (
    Block,
    Breaker,
    BreakerSample,
    BreakerTransition,
    ConsumerGroup,
    DeadLetter,
    FlowCount,
    HealthComponent,
    HealthPeriod,
    HealthSpan,
    HealthStanding,
    LetterCell,
    LetterHour,
    MetricPiece,
    QuarantinedMessage,
    ServiceEvent,
    ServiceInstance,
    TracePiece,
)
from ingest.options import Duration, MetricsRetention, RetentionOptions
from ingest.retention import events_border, purge_expired
from ingest.store.sql import SqlEventStore
from tests.ingest.store.factories import Filler, make_record, make_stream

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)

NOW = 1_800_000_000_000
DAY = 86_400_000


def options(**changed: object) -> RetentionOptions:
    return RetentionOptions(events=Duration(10 * 86_400), **changed)


def test_each_kind_is_kept_its_own_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "STEP_ROWS", 2)
    filler, stream = Filler(), make_stream()
    for age in (30, 11, 9, 0):
        filler.append((stream, [make_record(age, at=NOW - age * DAY)]))
    for age in (8, 20, 21, 22):
        MetricPiece.objects.create(resolution=60, bucket_ms=NOW - age * DAY, data=b"")
        MetricPiece.objects.create(resolution=3600, bucket_ms=NOW - age * DAY, data=b"")
        row = {"stream_id": stream.id, "major": age, "minor": 0, "size": 0}
        QuarantinedMessage.objects.create(**row, appended_ms=NOW - age * DAY, reason="?", body=b"")
        DeadLetter.objects.create(
            **row, received_ms=NOW - 5 * age * DAY, event_id="e", event_type="T", event=b""
        )
        ServiceEvent.objects.create(kind="started", service="s", at_ms=NOW - age * DAY)

    kept = options(
        metrics=MetricsRetention(minute=Duration(10 * 86_400)),
        quarantine=Duration(21.5 * 86_400),
    )
    steps = list(purge_expired(filler.store, kept, now_ms=NOW))

    assert [(step.kind, step.rows) for step in steps] == [
        ("events", 2),
        ("metrics of 60 s", 2),
        ("metrics of 60 s", 1),
        ("quarantined", 1),
        ("dead letters", 2),
        ("dead letters", 1),
        ("service events", 2),
        ("service events", 1),
    ]
    assert Block.objects.count() == 2
    assert list(purge_expired(filler.store, kept, now_ms=NOW)) == []


def test_limit_by_bytes_drops_the_oldest_blocks_first() -> None:
    filler, stream = Filler(), make_stream()
    for age in (3, 2, 1):
        filler.append((stream, [make_record(age, at=NOW - age * DAY)]))
    newest_two = sum(Block.objects.order_by("-last_ms").values_list("size", flat=True)[:2])

    (step,) = purge_expired(filler.store, options(max_bytes=newest_two), now_ms=NOW)

    assert (step.kind, step.rows) == ("events", 1)
    assert min(Block.objects.values_list("first_ms", flat=True)) == NOW - 2 * DAY
    assert events_border(SqlEventStore(), options(), now_ms=NOW) == NOW - 10 * DAY


def test_nothing_to_delete_is_no_step() -> None:
    assert list(purge_expired(Filler().store, options(), now_ms=NOW)) == []


def test_what_was_not_heard_of_for_as_long_as_events_are_kept_is_forgotten() -> None:
    stream = make_stream()
    for age in (11, 9):
        seen, name = NOW - age * DAY, f"i{age}"
        here = {"service": "s", "instance": name, "seen_ms": seen}
        HealthComponent.objects.create(component="db", status="healthy", since_ms=seen, **here)
        ServiceInstance.objects.create(**here)
        ConsumerGroup.objects.create(stream_id=stream.id, name=name, sampled_ms=seen)
    for name, instance, age in (("gone", "i11", 11), ("quiet", "i9", 11), ("new", "i11", 9)):
        row = Breaker.objects.create(
            name=name, service="s", instance=instance, state="open",
            since_ms=NOW - age * DAY, seen_ms=NOW - age * DAY,
        )  # fmt: skip
        BreakerTransition.objects.create(breaker=row, at_ms=NOW, to_state="open")

    steps = [step.kind for step in purge_expired(Filler().store, options(), now_ms=NOW)]

    assert steps == ["components", "breakers", "instances", "consumer groups"]
    assert set(Breaker.objects.values_list("name", flat=True)) == {"quiet", "new"}
    for model in (HealthComponent, ServiceInstance):
        assert [row.instance for row in model.objects.all()] == ["i9"]
    assert [row.name for row in ConsumerGroup.objects.all()] == ["i9"]


def test_numbers_of_breakers_are_kept_as_far_as_their_charts_go() -> None:
    row = Breaker.objects.create(name="b", state="open", since_ms=NOW, seen_ms=NOW)
    for age in (8, 6):
        BreakerSample.objects.create(breaker=row, at_ms=NOW - age * DAY, error_rate=0.1)

    steps = [
        (step.kind, step.rows) for step in purge_expired(Filler().store, options(), now_ms=NOW)
    ]

    assert steps == [("breaker numbers", 1)]
    assert BreakerSample.objects.get().at_ms == NOW - 6 * DAY


def test_history_of_health_goes_by_its_own_time_and_hours_before_days() -> None:
    old = HealthStanding.objects.create(component="old", from_ms=0, seen_ms=NOW - 91 * DAY)
    row = HealthStanding.objects.create(component="db", from_ms=NOW - DAY, seen_ms=NOW)
    HealthPeriod.objects.create(standing=old, seconds=86_400, begin_ms=NOW - 89 * DAY)
    for age in (92, 60, 30):
        HealthSpan.objects.create(standing=row, from_ms=0, until_ms=NOW - age * DAY)
        for seconds in (3600, 86_400):
            HealthPeriod.objects.create(standing=row, seconds=seconds, begin_ms=NOW - age * DAY)

    steps = [
        (step.kind, step.rows) for step in purge_expired(Filler().store, options(), now_ms=NOW)
    ]

    assert steps == [
        ("health spans", 1),
        ("health hours", 2),
        ("health days", 1),
        ("standings", 2),
    ]
    left = HealthPeriod.objects.order_by("-seconds", "begin_ms").values_list("seconds", "begin_ms")
    assert [(seconds, (NOW - begin) // DAY) for seconds, begin in left] == [
        (86_400, 60),
        (86_400, 30),
        (3600, 30),
    ]


def test_flows_and_what_they_would_be_learnt_from_go_with_the_events() -> None:
    for age in (12, 9):
        at = NOW - age * DAY
        TracePiece.objects.create(bits=0, events=1, newest_ms=at, data=b"")
        FlowCount.objects.create(day=at // DAY, start="A", first_ms=at, last_ms=at)

    steps = [step.kind for step in purge_expired(Filler().store, options(), now_ms=NOW)]

    assert steps == ["traces", "flows"]
    assert TracePiece.objects.get().newest_ms == NOW - 9 * DAY
    assert FlowCount.objects.get().day == (NOW - 9 * DAY) // DAY


def test_a_failure_is_known_after_its_letters_have_gone_but_not_for_ever() -> None:
    stream = make_stream()
    row = {"stream_id": stream.id, "minor": 0, "size": 0, "event_type": "T", "event": b""}
    DeadLetter.objects.create(**row, major=1, received_ms=NOW - 500 * DAY, event_id="e")
    DeadLetter.objects.create(**row, major=2, received_ms=NOW - 60 * DAY, event_id="e", topic="t")
    kept = options(
        dead_letters=Duration(30 * 86_400), metrics=MetricsRetention(hour=Duration(90 * 86_400))
    )

    list(purge_expired(Filler().store, kept, now_ms=NOW))

    (cell,) = LetterCell.objects.all()
    assert (cell.topic, cell.open, cell.first_ms) == ("t", 0, NOW - 60 * DAY)
    assert not LetterHour.objects.filter(hour_ms__lt=NOW - 90 * DAY, arrived__gt=0).exists()
