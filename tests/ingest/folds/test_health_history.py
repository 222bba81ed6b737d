"""How a component stood over time, from the words of its instances: pure, and against brute force."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.folds.health_grace import excuse_starting
from ingest.folds.health_history import (
    DAY_S,
    HOUR_S,
    SILENCE,
    Span,
    Tally,
    join_spans,
    reason_of,
    tally_periods,
    told_spans,
)
from ingest.folds.health_words import RANK, ComponentKey, ComponentState, HealthSample

HOUR_MS, DAY_MS = HOUR_S * 1000, DAY_S * 1000
SILENT = 30
DB = ComponentKey("database", "orders", "orders-1")
OTHER = DB._replace(instance="orders-2")
REFUSED = ({"name": "ping", "status": "unhealthy", "output": "refused"},)


def said(at: int, status: str, key: ComponentKey = DB) -> HealthSample:
    checks = REFUSED if status == "unhealthy" else ()
    return HealthSample(key, at, status, 2.0, checks)


def state(status: str, seen: int, since: int = 0) -> ComponentState:
    return ComponentState(status, since, seen, None, 0, ())


def told(
    *samples: HealthSample,
    before: dict[ComponentKey, ComponentState] | None = None,
    since: int = 0,
) -> list[Span]:
    """What is told of the time before the newest sample."""
    *past, last = told_spans(before or {}, samples, told_ms=since, silent_ms=SILENT)
    return past if last.from_ms == last.until_ms else [*past, last]


def test_time_is_told_by_the_word_before_it_and_unhealthy_says_why() -> None:
    spans = told(said(10, "healthy"), said(20, "unhealthy"), said(30, "healthy"), since=10)

    assert spans == [
        Span("healthy", 10, 20),
        Span("unhealthy", 20, 30, "ping: refused (orders-1)"),
    ]


def test_silence_is_unknown_and_never_healthy() -> None:
    spans = told(said(100, "healthy"), before={DB: state("healthy", 10)}, since=10)

    assert spans == [Span("healthy", 10, 40), Span("unknown", 40, 100, SILENCE)]


def test_the_worst_of_those_that_speak_speaks_for_all() -> None:
    before = {DB: state("unhealthy", 10), OTHER: state("healthy", 10)}

    spans = told(said(35, "healthy", OTHER), said(60, "healthy", OTHER), before=before, since=10)

    assert spans == [Span("unhealthy", 10, 40), Span("healthy", 40, 60)]


def test_one_that_starts_does_not_make_the_others_unknown() -> None:
    before = {OTHER: state("healthy", 10)}

    assert told(said(12, "unknown"), said(20, "healthy", OTHER), before=before, since=10) == [
        Span("healthy", 10, 20)
    ]


def test_a_late_word_changes_nothing_of_what_has_been_told() -> None:
    before = {DB: state("healthy", 50)}

    assert told(said(40, "unhealthy"), before=before, since=50) == []
    assert told(said(40, "unhealthy", OTHER), said(60, "healthy"), before=before, since=50) == [
        Span("unhealthy", 50, 60, "ping: refused (orders-2)")
    ]


def test_the_last_span_says_how_it_stands_from_there_on_and_why() -> None:
    spans = told_spans(
        {DB: state("healthy", 10)}, [said(20, "unhealthy")], told_ms=10, silent_ms=SILENT
    )

    assert spans == [
        Span("healthy", 10, 20),
        Span("unhealthy", 20, 20, "ping: refused (orders-1)"),
    ]
    later = Span("unhealthy", 20, 30)
    assert join_spans([*spans, later])[-1] == Span("unhealthy", 20, 30, "ping: refused (orders-1)")
    assert join_spans([*spans, Span("healthy", 20, 25)]) == [Span("healthy", 10, 25)]


def brute(samples: list[HealthSample], since: int) -> list[str]:
    """The status of every millisecond from ``since`` to the newest sample, by looking at all of them."""
    newest: dict[ComponentKey, int] = {}
    counted = []
    for sample in samples:
        if sample.at_ms >= newest.get(sample.key, -1):
            newest[sample.key] = sample.at_ms
            counted.append(sample)
    found = []
    for at in range(since, max(sample.at_ms for sample in samples)):
        latest = {sample.key: sample for sample in counted if sample.at_ms <= at}
        speaking = [one.status for one in latest.values() if at < one.at_ms + SILENT]
        found.append(max(speaking, key=RANK.__getitem__, default="unknown"))
    return found


words = st.builds(
    said,
    st.integers(0, 150),
    st.sampled_from(["healthy", "degraded", "unhealthy", "unknown"]),
    st.sampled_from([DB, OTHER, DB._replace(instance="orders-3")]),
)


@given(st.lists(words, min_size=1, max_size=12))
def test_spans_are_what_looking_at_every_moment_finds(samples: list[HealthSample]) -> None:
    ordered = sorted(samples, key=lambda sample: sample.at_ms)
    since = ordered[0].at_ms

    spans = told(*samples, since=since)

    moments = [span.status for span in spans for _ in range(span.from_ms, span.until_ms)]
    assert moments == brute(ordered, since)
    assert join_spans(spans) == spans


@given(st.lists(words, min_size=2, max_size=10), st.integers(1, 9))
def test_batches_tell_the_same_as_all_at_once(samples: list[HealthSample], cut: int) -> None:
    ordered = sorted(samples, key=lambda sample: sample.at_ms)
    first, second = ordered[:cut], ordered[cut:]
    since = ordered[0].at_ms
    states = {sample.key: state(sample.status, sample.at_ms) for sample in first}
    until = first[-1].at_ms

    parts = told(*first, since=since) + told(*second, before=states, since=until)

    alone = [span._replace(reason="") for span in parts]
    assert join_spans(alone) == join_spans(
        [span._replace(reason="") for span in told(*ordered, since=since)]
    )


def test_spans_are_cut_where_hours_and_days_begin() -> None:
    spans = [
        Span("healthy", DAY_MS - 5, DAY_MS + 7),
        Span("unknown", DAY_MS + 7, DAY_MS + 9),
        Span("unhealthy", DAY_MS + 9, DAY_MS + 10),
    ]

    found = tally_periods(spans, [said(DAY_MS + 9, "unhealthy")._replace(latency_ms=None)])

    today = Tally(healthy_ms=7, unhealthy_ms=1, results=1, failures=1)
    assert found == {
        (HOUR_S, DAY_MS - HOUR_MS): Tally(healthy_ms=5),
        (HOUR_S, DAY_MS): today,
        (DAY_S, 0): Tally(healthy_ms=5),
        (DAY_S, DAY_MS): today,
    }


@given(st.lists(words, min_size=1, max_size=8))
def test_hours_and_days_hold_all_that_is_known(samples: list[HealthSample]) -> None:
    spans = told(*samples, since=min(sample.at_ms for sample in samples))
    known = sum(span.until_ms - span.from_ms for span in spans if span.status != "unknown")

    found = tally_periods(spans, samples)

    for seconds in (HOUR_S, DAY_S):
        tallies = [tally for (wide, _), tally in found.items() if wide == seconds]
        assert sum(t.healthy_ms + t.degraded_ms + t.unhealthy_ms for t in tallies) == known
        assert sum(tally.results for tally in tallies) == len(samples)
        assert max(tally.slowest_ms or 0 for tally in tallies) == 2.0


def test_reason_names_the_check_that_is_not_well_and_is_bounded() -> None:
    well = {"name": "disk", "status": "healthy", "output": "fine"}
    sample = HealthSample(
        DB, 1, "degraded", None, (well, {"name": "x" * 900, "status": "degraded"})
    )

    assert reason_of(sample) == "x" * 300
    assert reason_of(said(1, "healthy")) == ""
    assert reason_of(HealthSample(DB._replace(instance=""), 1, "unhealthy", None, REFUSED)) == (
        "ping: refused (orders)"
    )


@pytest.mark.parametrize(
    ("before", "results", "after"),
    [
        (None, [(105, "unhealthy"), (125, "unhealthy")], ["unknown", "unhealthy"]),
        (None, [(99, "unhealthy")], ["unhealthy"]),
        (("healthy", 50), [(119, "degraded"), (120, "degraded")], ["unknown", "degraded"]),
        (("unhealthy", 50), [(105, "unhealthy")], ["unhealthy"]),
        (("unknown", 60), [(105, "unhealthy")], ["unhealthy"]),
        (("unknown", 90), [(105, "unhealthy"), (111, "unhealthy")], ["unknown", "unhealthy"]),
        (None, [(105, "healthy"), (110, "unhealthy")], ["healthy", "unknown"]),
    ],
)
def test_grace_after_a_start_is_given_once_and_not_to_what_was_unwell_before(
    before: tuple[str, int] | None, results: list[tuple[int, str]], after: list[str]
) -> None:
    states = {DB: state(before[0], before[1], before[1])} if before else {}

    found = excuse_starting(
        states, [said(*result) for result in results], {("orders", "orders-1"): 100}, grace_ms=20
    )

    assert [sample.status for sample in found] == after


def test_who_is_excused_says_so() -> None:
    (found,) = excuse_starting({}, [said(4, "unhealthy")], {("orders", "orders-1"): 1}, grace_ms=20)

    assert found.checks[0]["output"] == "Said unhealthy within 0.02 s of its start; not counted."
    assert found.checks[1:] == REFUSED
