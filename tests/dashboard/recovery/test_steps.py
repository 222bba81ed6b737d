"""What a job does next, by its state and counts; nothing else is looked at."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.steps import (
    Cancel,
    Counts,
    End,
    Gather,
    Rest,
    Send,
    Settle,
    judge_canaries,
    next_step,
)

State = Job.State
NOW = 1_800_000_000_000


def step_of(**given: Any):  # type: ignore[no-untyped-def]
    counts = given.pop("counts", Counts(requested=10))
    around = {"now_ms": NOW, "allowed": 500, "blocked": "", "canary": ""}
    around |= {name: given.pop(name) for name in list(given) if name in around}
    job = Job(**{"kind": "redrive", "state": State.RUNNING, "gathered": True, **given})
    return next_step(job, counts, **around)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, Send(500)),
        ({"gathered": False}, Gather()),
        ({"start_ms": NOW + 1, "state": State.SCHEDULED}, Rest(State.SCHEDULED)),
        ({"start_ms": NOW, "state": State.SCHEDULED}, Send(500)),
        ({"state": State.PAUSED}, Rest(State.PAUSED)),
        ({"state": State.CANCELLING}, Cancel(State.CANCELLED)),
        ({"state": State.CANCELLING, "gathered": False}, Cancel(State.CANCELLED)),
        ({"allowed": 0}, Rest(State.RUNNING)),
        ({"blocked": "the breaker"}, Rest(State.WAITING, "the breaker")),
        ({"state": State.WAITING}, Send(500)),
        ({"counts": Counts(published=3)}, Settle()),
        ({"counts": Counts()}, Settle()),
        ({"counts": Counts(published=3), "state": State.SETTLING}, Rest(State.SETTLING)),
        ({"counts": Counts(failed=3), "state": State.SETTLING}, End(State.COMPLETED)),
        (
            {"counts": Counts(failed=3), "state": State.SETTLING, "ending": State.STOPPED},
            End(State.STOPPED),
        ),
        ({"canary": "wait", "counts": Counts(requested=9)}, Send(500)),
    ],
)
def test_the_next_step(given: dict[str, Any], expected: object) -> None:
    assert step_of(**given) == expected


class TestCanaries:
    def test_so_many_are_sent_first(self) -> None:
        job = Job(kind="redrive", state=State.RUNNING, gathered=True, canary=3)
        around: dict[str, Any] = {"now_ms": NOW, "blocked": "", "canary": ""}

        assert next_step(job, Counts(requested=10), allowed=500, **around) == Send(3, canary=True)
        assert next_step(job, Counts(requested=2), allowed=500, **around) == Send(2, canary=True)
        one_left = Counts(requested=8, published=2)
        assert next_step(job, one_left, allowed=500, **around) == Send(1, canary=True)

    def test_then_the_job_waits_for_them_goes_on_or_stops(self) -> None:
        job = Job(kind="redrive", state=State.WAITING, gathered=True, canary=3)
        sent = Counts(requested=7, published=3)
        around: dict[str, Any] = {"now_ms": NOW, "blocked": "", "allowed": 500}

        assert next_step(job, sent, canary="wait", **around) == Rest(
            State.WAITING, "the first 3 to be processed"
        )
        assert next_step(job, sent, canary="pass", **around) == Send(500)
        assert next_step(job, sent, canary="2 failed", **around) == Cancel(
            State.STOPPED, "2 failed"
        )

    @pytest.mark.parametrize(
        ("states", "share", "waited", "expected"),
        [
            (["processed"] * 4, 0.0, 0, "pass"),
            (["processed", "published"], 0.0, 0, "wait"),
            (["processed"] * 3, 0.0, 0, "wait"),
            (["processed"] * 3 + ["failed"], 0.0, 0, "1 of 4 canaries failed again"),
            (["processed"] * 3 + ["failed"], 0.25, 0, "pass"),
            (["failed", "failed", "published"], 0.25, 0, "2 of 3 canaries failed again"),
            (
                ["processed"] * 3 + ["published"],
                0.0,
                60_000,
                "1 of 4 canaries were not heard of in time",
            ),
            (["processed"] * 3 + ["published"], 0.25, 60_000, "pass"),
        ],
    )
    def test_what_is_heard_of_them_decides(
        self, states: list[str], share: float, waited: int, expected: str
    ) -> None:
        told = [JobItem.State(state) for state in states]
        verdict = judge_canaries(told, share=share, asked=4, waited_ms=waited, wait_ms=60_000)
        assert verdict == expected


def test_sent_is_all_that_the_broker_has() -> None:
    counts = Counts(requested=1, published=2, processed=3, failed=4, unknown=5, skipped=6)
    assert (counts.sent, counts.total) == (14, 21)
