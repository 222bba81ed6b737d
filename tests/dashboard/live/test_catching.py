"""How far behind ingest is, in words: what is not known is not told, and a wrong pace is not invented."""

from __future__ import annotations

import pytest

from dashboard.live.catching import CatchUp, Pace, Sample, catch_up
from dashboard.live.honesty import honesty_of
from ingest.queries.status import IngestStatus

NOW = 1_800_000_000_000


def status(*, behind_ms: int = 120_000, lag: int = 6_000_000, stored: int = 10**6) -> IngestStatus:
    return IngestStatus(
        newest_ms=NOW - behind_ms,
        newest_age_ms=behind_ms,
        lag=lag,
        undecoded=0,
        lost=0,
        streams=1,
        stalled=False,
        catching_up=behind_ms > 5_000,
        observed_until_ms=NOW - behind_ms,
        stored=stored,
    )


def samples(*told: tuple[int, int, int]) -> list[Sample]:
    """(seconds before now, stored, lag)."""
    return [Sample(NOW - seconds * 1000, stored, lag) for seconds, stored, lag in told]


def test_the_sentence_has_how_far_how_fast_and_how_long() -> None:
    found = catch_up(status(), NOW, samples((10, 0, 6_400_000), (0, 480_000, 6_000_000)))
    assert found == CatchUp(120_000, 48_000.0, 150_000, losing=False)
    assert found.words == "2 min behind, at 48k/s, done in about 2 min"


def test_a_pace_is_told_only_when_it_was_seen_for_a_while() -> None:
    for seen in ([], samples((0, 5, 5)), samples((1, 0, 9), (0, 48_000, 5))):
        found = catch_up(status(), NOW, seen)
        assert found is not None
        assert found.words == "2 min behind"


def test_more_that_arrives_than_is_stored_has_no_end_that_could_be_told() -> None:
    found = catch_up(status(), NOW, samples((10, 0, 1_000), (0, 20_000, 9_000)))
    assert found is not None
    assert found.words == "2 min behind, at 2k/s, falling further behind"


def test_a_lag_that_stays_is_told_without_an_end() -> None:
    found = catch_up(status(), NOW, samples((10, 0, 1_000), (0, 500, 1_000)))
    assert found is not None
    assert found.words == "2 min behind, at 50/s"


def test_a_lag_that_was_not_asked_for_yet_is_no_lag_that_grew() -> None:
    found = catch_up(status(), NOW, samples((10, 0, 0), (0, 160_000, 480_000)))
    assert found is not None
    assert found.words == "2 min behind, at 16k/s"


def test_who_keeps_up_or_does_not_work_does_not_catch_up() -> None:
    assert catch_up(status(behind_ms=900), NOW) is None
    assert catch_up(status()._replace(catching_up=False, stalled=True), NOW) is None
    assert catch_up(status()._replace(observed_until_ms=None), NOW) is None


@pytest.mark.parametrize(
    ("ms", "words"),
    [
        (5_100, "5 s behind"),
        (89_000, "89 s behind"),
        (90_000, "2 min behind"),
        (3_600_000, "60 min behind"),
        (5_400_000, "2 h behind"),
        (86_400_000, "24 h behind"),
        (3 * 86_400_000, "3 d behind"),
    ],
)
def test_spans_are_told_in_a_unit_of_their_size(ms: int, words: str) -> None:
    assert CatchUp(ms, None, None, losing=False).words == words


@pytest.mark.parametrize(
    ("rate", "words"),
    [(0.4, "0"), (999.4, "999"), (999.9, "1k"), (48_123, "48k"), (1_500, "1.5k"), (2.5e6, "2.5M")],
)
def test_rates_are_told_in_two_digits(rate: float, words: str) -> None:
    assert CatchUp(9_000, rate, None, losing=False).words == f"9 s behind, at {words}/s"


def test_the_pace_is_of_the_last_seconds_and_begins_anew_with_another_database() -> None:
    pace = Pace()
    for second in range(60):
        kept = pace.add(Sample(second * 1000, second * 100, 0))
    assert (kept[0].at_ms, kept[-1].at_ms, len(kept)) == (44_000, 59_000, 16)
    assert pace.add(Sample(60_000, 5, 0)) == (Sample(60_000, 5, 0),)
    assert pace.add(Sample(1_000, 9, 0)) == (Sample(1_000, 9, 0),)


def test_a_lag_that_nobody_counts_is_not_told_as_none() -> None:
    stalled = status(lag=0)._replace(stalled=True)
    assert honesty_of(stalled)["lag"] is None
    assert honesty_of(stalled._replace(lag=7))["lag"] == 7
    assert honesty_of(status(lag=0))["lag"] == 0


def test_the_strip_says_it_and_is_silent_otherwise() -> None:
    late = status()
    assert honesty_of(late, catch_up(late, NOW))["catching"] == "2 min behind"
    assert honesty_of(late, catch_up(late, NOW))["word"] == "Catching up"
    assert honesty_of(status(behind_ms=0))["catching"] == ""
