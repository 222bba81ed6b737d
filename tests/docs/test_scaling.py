"""docs/scaling.md says what is worked out from the measured figures, and what the leases really do."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks._sizing import RATES, fan_out, needs_of, read_figures, reconnected, table
from benchmarks.assignment import LEASE, Assignment, Change, changes_of
from ingest.options import LimitOptions

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "scaling.md"
SOON_S = 10.0


def test_the_tables_of_the_document_are_those_that_are_worked_out() -> None:
    assert table(read_figures()) in DOCUMENT.read_text(encoding="utf-8")


def test_needs_grow_with_the_rate_and_no_core_is_planned_to_be_full() -> None:
    figures = read_figures()
    needs = [needs_of(rate, figures) for rate in RATES]
    assert needs == sorted(needs)
    for one in needs:
        busy = one.rate * figures.measured["event_us"] / 1e6 / one.workers
        assert busy <= figures.planned["busy"]
        assert one.partitions >= one.workers


@pytest.mark.parametrize("viewers", [200, 1_000, 10_000])
@pytest.mark.parametrize("seed", range(3))
def test_a_web_process_dies_and_none_of_the_others_gets_more_pages_than_it_carries(
    viewers: int, seed: int
) -> None:
    figures = read_figures()
    processes, _, _ = fan_out(viewers, figures)
    before, after = reconnected(viewers, processes, seed=seed)
    assert before <= after <= figures.measured["sockets"]


@pytest.mark.django_db(databases=["default", "events"])
@pytest.mark.parametrize(("workers", "partitions"), [(2, 3), (7, 28), (12, 5)])
@pytest.mark.parametrize("seed", range(2))
def test_work_is_spread_within_ten_seconds_whoever_joins_or_dies(
    workers: int, partitions: int, seed: int
) -> None:
    assert LimitOptions().lease == LEASE
    assignment = Assignment(partitions, seed=seed)
    for outcome in assignment.run(
        [*changes_of(workers), Change("all but one die", kill=workers - 1)]
    ):
        assert outcome.spread_s < SOON_S, outcome
        assert outcome.unread_s < SOON_S, outcome
        assert outcome.moved <= outcome.needed, outcome
