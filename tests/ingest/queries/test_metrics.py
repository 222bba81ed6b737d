"""What was folded is what is read: `read_metrics` over the real tables."""

from __future__ import annotations

import pytest
from django.db import transaction
from pytest_django import DjangoAssertNumQueries

from ingest.folds import apply_folds
from ingest.models import Gap, MetricPiece, Stream
from ingest.queries import gather
from ingest.queries.metrics import MetricsError, MetricTable, read_metrics
from ingest.records import Batch, Record
from ingest.store.series import SeriesDictionary
from tests.ingest.folds.factories import (
    START,
    make_batch,
    make_receipt,
    make_record,
    make_ref,
    tell,
)

pytestmark = pytest.mark.django_db(databases=["default", "events"])

MINUTE = START // 60_000 * 60_000


def observe(from_ms: int, until_ms: int, *, topic: str = "orders-topic", **rest: object) -> Stream:
    rest.setdefault("leased_until", until_ms / 1000 + 10)
    return Stream.objects.create(
        broker="main",
        topic=topic,
        observed_from_ms=from_ms,
        observed_until_ms=until_ms,
        **rest,
    )


def fold(*parts: tuple[object, list[Record]], read_ms: int = START) -> None:
    batch: Batch = make_batch(*parts, read_ms=read_ms)  # type: ignore[arg-type]
    with transaction.atomic(using="events"):
        apply_folds(batch, SeriesDictionary())


def read(since: int, until: int, **rest: object) -> MetricTable:
    rest.setdefault("now_ms", until)
    return read_metrics(since_ms=since, until_ms=until, **rest)  # type: ignore[arg-type]


def test_counts_stand_in_the_second_of_append() -> None:
    observe(MINUTE, MINUTE + 10_000)
    events = [make_record(MINUTE + at) for at in (0, 999, 1000, 5500)]
    fold((make_ref(), events))

    table = read(MINUTE, MINUTE + 10_000, resolution=1)

    assert table.times_ms == [MINUTE + second * 1000 for second in range(10)]
    assert table.whole.published.tolist() == [2, 1, 0, 0, 0, 1, 0, 0, 0, 0]
    assert table.known == [True] * 10
    assert table.whole.total("published") == 4
    assert table.whole.rate("published")[0] == 2.0


@pytest.mark.parametrize("resolution", [1, 60, 3600])
def test_every_resolution_tells_the_same_total(resolution: int) -> None:
    observe(MINUTE, MINUTE + 3_600_000)
    receipts = [make_receipt(outcome=name) for name in ("success", "success", "failed", "retry")]
    fold(
        (make_ref(), [make_record(MINUTE + at * 7_000) for at in range(50)]),
        (make_ref("system-events", id=2), [tell(receipts, MINUTE + 61_000)]),
    )

    whole = read(MINUTE, MINUTE + 3_600_000, resolution=resolution, step=3600).whole

    assert whole.total("published") == 50
    assert whole.total("processed") == 3
    assert whole.total("retried") == 1
    assert whole.total_error_rate() == 1 / 3


def test_latencies_of_receipts_are_named_apart() -> None:
    observe(MINUTE, MINUTE + 60_000)
    receipt = make_receipt(
        offset=f"{MINUTE + 100}-0",
        produced_at=MINUTE,
        started_at=MINUTE + 150,
        ended_at=MINUTE + 350,
        duration_ms=180.0,
    )
    fold((make_ref("system-events"), [tell([receipt], MINUTE + 400)]))

    whole = read(MINUTE, MINUTE + 60_000, resolution=60).whole

    assert whole.quantiles("queue", 0.5)[0] == pytest.approx(50, rel=0.01)
    assert whole.quantiles("processing", 0.5)[0] == pytest.approx(180, rel=0.01)
    assert whole.quantiles("critical", 0.5)[0] == pytest.approx(350, rel=0.01)
    assert whole.total_quantile("critical", 0.99) == pytest.approx(350, rel=0.01)
    assert whole.total_quantile("publish_delay", 0.5) is None


def test_quantiles_are_of_each_step_and_of_the_whole() -> None:
    observe(MINUTE, MINUTE + 3_000)
    first = [make_record(MINUTE + 500, occurred=MINUTE + 500 - delay) for delay in range(1, 101)]
    second = [make_record(MINUTE + 1500, occurred=MINUTE + 1500 - 1000) for _ in range(3)]
    fold((make_ref(), first + second))

    whole = read(MINUTE, MINUTE + 3_000, resolution=1).whole

    assert whole.quantiles("publish_delay", 0.95) == [
        pytest.approx(95, rel=0.01),
        pytest.approx(1000, rel=0.01),
        None,
    ]
    assert whole.total_quantile("publish_delay", 0.99) == pytest.approx(1000, rel=0.01)
    assert whole.total_quantile("publish_delay", 0.5) == pytest.approx(52, rel=0.01)


def test_time_not_observed_is_a_gap_and_never_zero() -> None:
    stream = observe(MINUTE + 2_500, MINUTE + 6_500)
    Gap.objects.create(
        stream=stream,
        after_major=0,
        after_minor=0,
        from_ms=MINUTE + 4_200,
        until_ms=MINUTE + 4_700,
        lost=7,
        found_ms=MINUTE + 6_000,
    )

    table = read(MINUTE, MINUTE + 8_000, resolution=1)

    assert table.known == [False, False, True, True, False, True, False, False]
    assert table.whole.rate("published") == [None, None, 0.0, 0.0, None, 0.0, None, None]


def test_a_partly_observed_step_is_known_only_when_asked_for() -> None:
    observe(MINUTE, MINUTE + 1_500)
    fold((make_ref(), [make_record(MINUTE + 1_200)]))

    assert read(MINUTE, MINUTE + 3_000, resolution=1).known == [True, False, False]
    table = read(MINUTE, MINUTE + 3_000, resolution=1, partial=True)
    assert table.known == [True, True, False]
    assert table.seconds == [1.0, 0.5, 0.0]
    assert table.whole.rate("published") == [0.0, 2.0, None]


def test_the_rate_of_a_range_is_of_its_known_time() -> None:
    observe(MINUTE, MINUTE + 2_500)
    fold((make_ref(), [make_record(MINUTE + at) for at in (0, 100, 1_200, 2_100)]))

    whole = read(MINUTE, MINUTE + 10_000, resolution=1).whole
    partly = read(MINUTE, MINUTE + 10_000, resolution=1, partial=True).whole
    later = read(MINUTE + 5_000, MINUTE + 10_000, resolution=1).whole

    assert (whole.total("published"), whole.total_rate("published")) == (4, 1.5)
    assert partly.total_rate("published") == 1.6
    assert later.total_rate("published") is None


def test_the_slowest_live_stream_bounds_what_is_known() -> None:
    observe(MINUTE, MINUTE + 9_000, leased_until=MINUTE / 1000 + 10)
    observe(MINUTE, MINUTE + 4_000, topic="slow", leased_until=MINUTE / 1000 + 9)
    observe(MINUTE, MINUTE + 1_000, topic="deleted long ago", leased_until=MINUTE / 1000 - 600)

    assert read(MINUTE, MINUTE + 9_000, resolution=1).known == [True] * 4 + [False] * 5


def test_buckets_past_their_retention_are_not_known() -> None:
    observe(MINUTE - 10 * 3_600_000, MINUTE)
    since = MINUTE - 7 * 3_600_000

    assert read(since, since + 5_000, resolution=1, now_ms=MINUTE).known == [False] * 5
    assert read(since, since + 120_000, resolution=60, now_ms=MINUTE).known == [True] * 2


def test_system_events_and_dead_letter_copies_count_only_when_asked_for() -> None:
    observe(MINUTE, MINUTE + 1_000)
    failed = observe(MINUTE, MINUTE + 1_000, topic="failed-events", dead_letters=True)
    fold(
        (make_ref(), [make_record(MINUTE)]),
        (
            make_ref("failed-events", id=failed.pk, dead_letters=True),
            [make_record(MINUTE, minor=n) for n in (0, 1)],
        ),
        (make_ref("system-events", id=3), [make_record(MINUTE, type="HealthCheck")] * 4),
    )

    def total(**filters: tuple[str, ...]) -> int:
        return read(MINUTE, MINUTE + 1_000, resolution=1, **filters).whole.total("published")

    assert total() == 1
    assert total(topics=("failed-events",)) == 2
    assert total(types=("HealthCheck",)) == 4
    assert total(types=("*",)) == 5


def test_groups_beyond_the_limit_are_the_other() -> None:
    observe(MINUTE, MINUTE + 1_000)
    events = [make_record(MINUTE, type=f"T{n}") for n in range(5) for _ in range(10 - n)]
    fold((make_ref(), events))

    table = read(MINUTE, MINUTE + 1_000, resolution=1, group_by="type", max_groups=3)

    assert [(group.name, group.total("published")) for group in table.groups] == [
        ("T0", 10),
        ("T1", 9),
        ("other", 21),
    ]


def test_groups_may_be_named_and_keep_their_order() -> None:
    observe(MINUTE, MINUTE + 1_000)
    fold((make_ref(), [make_record(MINUTE, type=f"T{n}") for n in range(5)]))

    table = read(MINUTE, MINUTE + 1_000, resolution=1, group_by="type", named=("T3", "T9", "T0"))

    assert [(group.name, group.total("published")) for group in table.groups] == [
        ("T3", 1),
        ("T9", 0),
        ("T0", 1),
        ("other", 3),
    ]


def test_a_long_step_of_many_pieces_is_read_in_bounded_chunks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    observe(MINUTE, MINUTE + 120_000)
    for second in range(60):
        delays = [make_record(MINUTE + second * 1000, occurred=MINUTE + at) for at in range(9)]
        fold((make_ref(), delays))
    expected = read(MINUTE, MINUTE + 120_000, resolution=1, step=30, group_by="type")
    monkeypatch.setattr(gather, "_CHUNK_CELLS", 4)

    found = read(MINUTE, MINUTE + 120_000, resolution=1, step=30, group_by="type")

    one, other = expected.groups[0], found.groups[0]
    assert other.published.tolist() == one.published.tolist() == [270, 270, 0, 0]
    for q in (0.01, 0.5, 0.9, 0.99):
        assert other.quantiles("publish_delay", q) == one.quantiles("publish_delay", q)


@pytest.mark.parametrize("events", [3, 900])
def test_large_and_small_pieces_tell_the_same_with_and_without_filters(events: int) -> None:
    """A large piece carries the sum over its series, a small one does not."""
    observe(MINUTE, MINUTE + 60_000)
    records = [
        make_record(MINUTE + n, type=f"T{n % 40}", occurred=MINUTE - n * 7) for n in range(events)
    ]
    receipts = [make_receipt(type=f"T{n % 40}", duration_ms=float(n)) for n in range(events)]
    fold((make_ref(), [*records, tell(receipts, MINUTE)]))

    plain = read(MINUTE, MINUTE + 60_000, resolution=60).whole
    filtered = read(MINUTE, MINUTE + 60_000, resolution=60, types=("T*",)).whole

    assert plain.published.tolist() == filtered.published.tolist() == [events]
    assert plain.processed.tolist() == filtered.processed.tolist() == [events]
    for kind in ("publish_delay", "processing"):
        assert plain.total_quantile(kind, 0.9) == filtered.total_quantile(kind, 0.9) is not None


@pytest.mark.parametrize(
    ("filters", "published", "processed"),
    [
        ({}, 3, 2),
        ({"types": ("A",)}, 2, 1),
        ({"sources": ("s1",)}, 2, 0),
        ({"consumers": ("c1",)}, 0, 1),
        ({"sources": ("s1",), "consumers": ("c1",)}, 2, 1),
        ({"topics": ("orders-*",)}, 3, 2),
        ({"topics": ("payments",)}, 0, 0),
    ],
)
def test_filters_leave_out_counts_that_do_not_know_the_name(
    filters: dict[str, tuple[str, ...]], published: int, processed: int
) -> None:
    observe(MINUTE, MINUTE + 1_000)
    events = [
        make_record(MINUTE, type=t, source=s) for t, s in ("A1", "A1", "B2") for s in ["s" + s]
    ]
    receipts = [make_receipt(type="A", consumer="c1"), make_receipt(type="B", consumer="c2")]
    fold((make_ref(), [*events, tell(receipts, MINUTE)]))

    whole = read(MINUTE, MINUTE + 1_000, resolution=1, **filters).whole

    assert (whole.total("published"), whole.total("processed")) == (published, processed)


def test_grouping_by_consumer_has_no_line_for_publishing() -> None:
    observe(MINUTE, MINUTE + 1_000)
    fold((make_ref(), [make_record(MINUTE), tell([make_receipt(consumer="c1")], MINUTE)]))

    by_consumer = read(MINUTE, MINUTE + 1_000, resolution=1, group_by="consumer")
    by_source = read(MINUTE, MINUTE + 1_000, resolution=1, group_by="source")

    assert [group.name for group in by_consumer.groups] == ["c1"]
    assert [group.name for group in by_source.groups] == ["order-service"]


def test_groups_of_one_consumer_are_told_apart() -> None:
    observe(MINUTE, MINUTE + 1_000)
    receipts = [
        make_receipt(consumer="shop", consumer_group="inventory"),
        make_receipt(consumer="shop", consumer_group="inventory", outcome="failed"),
        make_receipt(consumer="shop", consumer_group="mail"),
        make_receipt(consumer="payments", consumer_group="payments"),
        make_receipt(consumer="stock"),
    ]
    fold((make_ref(), [make_record(MINUTE), tell(receipts, MINUTE)]))

    by_group = read(MINUTE, MINUTE + 1_000, resolution=1, group_by="group")
    by_consumer = read(MINUTE, MINUTE + 1_000, resolution=1, group_by="consumer")

    assert {group.name: group.total("processed") for group in by_group.groups} == {
        "inventory": 2, "mail": 1, "payments": 1, "stock": 1,
    }  # fmt: skip
    assert {group.name: group.total("processed") for group in by_consumer.groups} == {
        "shop": 3, "payments": 1, "stock": 1,
    }  # fmt: skip


def test_a_topic_that_is_no_longer_configured_does_not_hide_what_is_stored_since() -> None:
    """Nobody leases its stream any more, so its observation stands still for ever."""
    hour = 3_600_000
    observe(MINUTE - hour, MINUTE - hour // 2, topic="dropped")
    observe(MINUTE - hour, MINUTE + 60_000)
    fold((make_ref(), [make_record(MINUTE)]))

    table = read(MINUTE, MINUTE + 60_000, resolution=1)

    assert all(table.known)
    assert table.whole.total("published") == 1


def test_when_nobody_ingests_time_is_unknown_whatever_was_dropped_before() -> None:
    hour = 3_600_000
    observe(MINUTE - hour, MINUTE - hour // 2, topic="dropped")
    observe(MINUTE - hour, MINUTE + 30_000)
    observe(MINUTE - hour, MINUTE + 29_000, topic="payments-topic")

    table = read(MINUTE, MINUTE + 60_000, resolution=1, now_ms=MINUTE + hour)

    assert table.known == [True] * 29 + [False] * 31


@pytest.mark.parametrize("pieces", [1, 30])
def test_the_number_of_queries_does_not_grow(
    pieces: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    observe(MINUTE, MINUTE + 60_000)
    for number in range(pieces):
        fold((make_ref(), [make_record(MINUTE + number * 1000)]))

    with django_assert_num_queries(4, using="events"):
        table = read(MINUTE, MINUTE + 60_000, resolution=1, group_by="type")

    assert table.groups[0].total("published") == pieces
    assert MetricPiece.objects.filter(resolution=1).count() == pieces


@pytest.mark.parametrize(
    "wrong",
    [
        {"until_ms": MINUTE},
        {"resolution": 2},
        {"resolution": 60, "step": 90},
        {"step": 0},
        {"group_by": "colour"},
        {"resolution": 1, "until_ms": MINUTE + 3 * 86_400_000},
    ],
)
def test_what_cannot_be_read_is_refused(wrong: dict[str, object]) -> None:
    with pytest.raises(MetricsError):
        read_metrics(**{"since_ms": MINUTE, "until_ms": MINUTE + 60_000, **wrong})  # type: ignore[arg-type]
