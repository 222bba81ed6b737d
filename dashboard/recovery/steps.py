"""What a job does next: by its state, its counts and the world around it. Pure.

Steps are small, so that a job can be paused between two of them, and each can be done again: what is
to be done is always read from the items.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from dashboard.recovery.models import Job, JobItem

__all__ = [
    "Cancel",
    "Counts",
    "End",
    "Gather",
    "Rest",
    "Send",
    "Settle",
    "Step",
    "judge_canaries",
    "next_step",
]

State = Job.State


@dataclass(frozen=True)
class Rest:
    """Nothing to do now; ``state`` and ``waits_for`` are what the job is to say of itself."""

    state: str
    waits_for: str = ""


@dataclass(frozen=True)
class Gather:
    """Make items of the next letters of the selection."""


@dataclass(frozen=True)
class Send:
    """Put back at most so many; ``canary``: they are the ones to be watched."""

    most: int
    canary: bool = False


@dataclass(frozen=True)
class Cancel:
    """Give up what is not sent yet; then the job settles and ends in ``ending``, ``why``."""

    ending: str
    why: str = ""


@dataclass(frozen=True)
class Settle:
    """Nothing is left to send: wait for what is still to be heard."""


@dataclass(frozen=True)
class End:
    """Everything is known; the job ends in ``state``."""

    state: str


Step = Rest | Gather | Send | Cancel | Settle | End


class Counts(NamedTuple):
    """Items of a job by state."""

    requested: int = 0
    published: int = 0
    processed: int = 0
    failed: int = 0
    unknown: int = 0
    skipped: int = 0
    cancelled: int = 0

    @property
    def sent(self) -> int:
        """Appended to the broker, whatever became of them."""
        return self.published + self.processed + self.failed + self.unknown

    @property
    def total(self) -> int:
        return sum(self)


def next_step(
    job: Job, counts: Counts, *, now_ms: int, allowed: int, blocked: str, canary: str
) -> Step:
    """``allowed``: letters that the rate lets go now. ``blocked``: what holds up all that is left, ""
    for nothing. ``canary``: what `judge_canaries` says of those that were sent.
    """
    if job.state == State.CANCELLING:
        return Cancel(State.CANCELLED)
    if job.state == State.SETTLING:
        return Rest(State.SETTLING) if counts.published else End(job.ending)
    if job.state == State.PAUSED:
        return Rest(State.PAUSED)
    if job.start_ms is not None and now_ms < job.start_ms:
        return Rest(State.SCHEDULED)
    if not job.gathered:
        return Gather()
    if not counts.requested:
        return Settle()
    if blocked:
        return Rest(State.WAITING, blocked)
    if job.canary and not job.canary_passed and canary != "pass":
        return _watch_canaries(job, counts, allowed, canary)
    return Send(allowed) if allowed else Rest(State.RUNNING)


def judge_canaries(
    states: Iterable[str], *, share: float, asked: int, waited_ms: int, wait_ms: int
) -> str:
    """``pass``, ``wait``, or why to stop. ``states`` are those of the canaries sent.

    A canary that has only been retried counts as failed already (`JobItem.State.FAILED`); one that is
    not heard of in time counts as failed too.
    """
    known = list(states)
    failed = sum(state == JobItem.State.FAILED for state in known)
    unheard = sum(state in (JobItem.State.PUBLISHED, JobItem.State.UNKNOWN) for state in known)
    if failed > share * asked:
        return f"{failed} of {len(known)} canaries failed again"
    if not unheard:
        return "pass" if len(known) >= asked else "wait"
    if waited_ms < wait_ms:
        return "wait"
    if failed + unheard > share * asked:
        return f"{unheard} of {len(known)} canaries were not heard of in time"
    return "pass"


def _watch_canaries(job: Job, counts: Counts, allowed: int, canary: str) -> Step:
    left = min(job.canary - counts.sent, counts.requested)
    if canary not in ("", "wait"):
        return Cancel(State.STOPPED, canary)
    if left > 0:
        return Send(min(left, allowed), canary=True) if allowed else Rest(State.RUNNING)
    return Rest(State.WAITING, f"the first {counts.sent} to be processed")
