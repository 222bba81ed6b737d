"""The duty that carries jobs out: a step of each in turn, for a moment, again and again.

Monitor alone calls it, under its lease. Should two ever do so at once, the mark on the broker keeps an
event from being sent twice, and items only move forward.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from django.conf import settings

from dashboard.recovery import items
from dashboard.recovery.closing import carry_out
from dashboard.recovery.deeds import DEEDS
from dashboard.recovery.gathering import gather_chunk
from dashboard.recovery.items import count_items
from dashboard.recovery.models import Job
from dashboard.recovery.pace import Pace
from dashboard.recovery.publishing import Publisher
from dashboard.recovery.sending import BrokerAway
from dashboard.recovery.steps import (
    Cancel,
    Counts,
    End,
    Gather,
    Rest,
    Send,
    Settle,
    Step,
    judge_canaries,
    next_step,
)
from dashboard.recovery.surroundings import Target, group_lags, hindrances
from dashboard.recovery.tracking import LATE_MS, Tracker
from eventscope.stamps import now_ms

__all__ = ["CHUNK", "Worker"]

log = structlog.get_logger(__name__)

CHUNK = 500
SLICE_S = 0.8
LATE_EVERY_MS = 30_000
LATE_JOBS = 50

State = Job.State


@dataclass
class _Turn:
    """A job within one call of `Worker.step`: what was counted and seen around it at its begin."""

    job: Job
    counts: Counts
    blocked: dict[Target, str]

    def count_again(self) -> None:
        self.counts = count_items(self.job)


class Worker:
    """One a process; `step` is the duty."""

    def __init__(self, stopping: Callable[[], bool] = lambda: False) -> None:
        self._stopping = stopping
        self._publisher = Publisher()
        self._tracker = Tracker()
        self._pace = Pace()
        self._late_at = 0

    def step(self) -> None:
        """Advance active jobs for a slice of time in all, those first that waited longest for it."""
        until = time.monotonic() + SLICE_S
        turns: list[_Turn] = []
        for job in Job.objects.filter(state__in=Job.ACTIVE).order_by("touched_ms", "pk"):
            turns.append(self._begin(job))
            if time.monotonic() > until:
                break
        until = max(until, time.monotonic() + SLICE_S / 2)
        while turns and time.monotonic() < until and not self._stopping():
            turns = [turn for turn in turns if self._advance(turn)]
        self._listen_late()

    def close(self) -> None:
        self._publisher.close()

    def _begin(self, job: Job) -> _Turn:
        """Once a call: what is heard by now, and that somebody works on the job."""
        now = now_ms()
        timeout = int(settings.DASHBOARD.dead_letters.redrive_timeout * 1000)
        self._tracker.follow(job, now_ms=now, timeout_ms=timeout)
        Job.objects.filter(pk=job.pk).update(touched_ms=now)
        return _Turn(job, count_items(job), _hindrances(job))

    def _advance(self, turn: _Turn) -> bool:
        """One step; whether another may follow at once."""
        turn.job.refresh_from_db()
        now = now_ms()
        step = next_step(
            turn.job,
            turn.counts,
            now_ms=now,
            allowed=min(CHUNK, self._pace.allowed(turn.job)),
            blocked=_all_blocked(turn),
            canary=self._canary(turn, now),
        )
        return self._carry_out(turn, step, now)

    def _carry_out(self, turn: _Turn, step: Step, now_ms: int) -> bool:
        job = turn.job
        match step:
            case Rest(state, waits_for):
                _move(job, state, waits_for=waits_for)
                return False
            case Gather():
                return self._gather(turn, now_ms)
            case Send(most, canary):
                return self._send(turn, most, canary=canary, now_ms=now_ms)
            case Cancel(ending, why):
                items.give_up(job, now_ms)
                turn.count_again()
                return _move(job, State.SETTLING, ending=ending, why=why, waits_for="")
            case Settle():
                turn.count_again()
                return _move(job, State.SETTLING, waits_for="")
            case End(state):
                self._end(job, state, now_ms)
                return False

    def _gather(self, turn: _Turn, now_ms: int) -> bool:
        job = turn.job
        if job.began_ms is None:
            _move(job, State.RUNNING, began_ms=now_ms, waits_for="")
        gather_chunk(job, now_ms=now_ms)
        if job.gathered:
            turn.count_again()
            job.lags = group_lags({target.group for target in items.targets(job)})
            Job.objects.filter(pk=job.pk).update(lags=job.lags)
            turn.blocked = _hindrances(job)
        return True

    def _send(self, turn: _Turn, most: int, *, canary: bool, now_ms: int) -> bool:
        job = turn.job
        if job.state != State.RUNNING and not _move(job, State.RUNNING, waits_for=""):
            return False
        if job.canary and not canary and not job.canary_passed:
            Job.objects.filter(pk=job.pk).update(canary_passed=True)
        chosen = items.next_items(job, most, turn.blocked)
        if not chosen:
            turn.count_again()
            if turn.counts.requested:
                _move(job, State.WAITING, waits_for="earlier events of the same entities")
            return not turn.counts.requested
        if job.kind in DEEDS:
            turn.counts = carry_out(job, turn.counts, chosen, now_ms)
            return True
        try:
            published = self._publisher.publish(job, chosen, now_ms=now_ms)
        except BrokerAway as error:
            log.warning("jobs.broker_away", action="jobs.broker_away", job=job.pk, error=str(error))
            _move(job, State.WAITING, waits_for=f"the broker: {error}"[:500])
            return False
        self._pace.spend(job, len(chosen))
        turn.counts = items.note_published(turn.counts, published, canary=canary, now_ms=now_ms)
        return True

    def _end(self, job: Job, state: str, now_ms: int) -> None:
        if _move(job, state, ended_ms=now_ms, waits_for=""):
            self._tracker.forget(job)
            log.info("jobs.ended", action="jobs.ended", job=job.pk, state=state)

    def _canary(self, turn: _Turn, now_ms: int) -> str:
        job, counts = turn.job, turn.counts
        if not job.canary or job.canary_passed or not counts.sent:
            return ""
        return judge_canaries(
            self._tracker.canaries(job, now_ms=now_ms),
            share=job.canary_share,
            asked=min(job.canary, counts.sent + counts.requested),
            waited_ms=now_ms - items.last_canary_ms(job, now_ms),
            wait_ms=job.canary_wait_ms,
        )

    def _listen_late(self) -> None:
        now = now_ms()
        if now - self._late_at < LATE_EVERY_MS:
            return
        self._late_at = now
        for job in Job.objects.filter(ended_ms__gt=now - LATE_MS).order_by("-pk")[:LATE_JOBS]:
            self._tracker.follow_late(job, now_ms=now)


def _hindrances(job: Job) -> dict[Target, str]:
    if not job.heed or not job.gathered or job.kind in DEEDS:
        return {}
    return hindrances(items.targets(job), job.lags)


def _all_blocked(turn: _Turn) -> str:
    """What holds up all that is left; "" if something can go."""
    if not turn.blocked or items.requested(turn.job, turn.blocked).exists():
        return ""
    return "; ".join(sorted(set(turn.blocked.values())))[:500]


def _move(job: Job, state: str, **changes: object) -> bool:
    """Change ``state`` unless a person has changed it meanwhile; whether it is so now."""
    before = job.state
    if before == state and all(getattr(job, name) == value for name, value in changes.items()):
        return True
    moved = Job.objects.filter(pk=job.pk, state=before).update(state=state, **changes)
    job.refresh_from_db()
    return bool(moved)
