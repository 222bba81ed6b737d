"""When a breaker refused calls, and whether it opens again and again. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from ingest.models import BreakerTransition
from ingest.queries.absences import Absence
from ingest.queries.fleet import OPEN_STATES

__all__ = ["Refusal", "cut_short", "is_flapping", "merged_refusals", "refusals_of", "with_rejected"]

_PASSING = ("closed", "disabled")


@dataclass(frozen=True)
class Refusal:
    """From opening until calls went through again. ``until_ms`` None: it goes on.

    ``cut``: the process ended at ``until_ms``, and what came of it nobody told.
    ``probes`` is how often it was half open meanwhile, ``reopened`` how often the probe failed.
    ``rejected`` is how many calls were refused, None if the breaker does not tell.
    """

    from_ms: int
    until_ms: int | None
    reason: str
    instance: str = ""
    probes: int = 0
    reopened: int = 0
    rejected: int | None = None
    cut: bool = False

    def lasted_ms(self, now_ms: int) -> int:
        return (now_ms if self.until_ms is None else self.until_ms) - self.from_ms


def refusals_of(changes: Iterable[BreakerTransition], *, instance: str = "") -> list[Refusal]:
    """Of one instance, oldest first. One that had begun before the oldest change begins there."""
    found: list[Refusal] = []
    begun: BreakerTransition | None = None
    probes = reopened = 0
    for change in sorted(changes, key=lambda one: (one.at_ms, one.pk or 0)):
        if begun is None and (change.to_state in OPEN_STATES or change.from_state in OPEN_STATES):
            begun, probes, reopened = change, 0, 0
        elif begun is not None and change.to_state in OPEN_STATES:
            reopened += 1
        if begun is None:
            continue
        probes += change.to_state == "half_open"
        if change.to_state in _PASSING:
            found.append(_refusal(begun, change.at_ms, instance, probes, reopened))
            begun = None
    if begun is not None:
        found.append(_refusal(begun, None, instance, probes, reopened))
    return found


def _refusal(
    begun: BreakerTransition, until_ms: int | None, instance: str, probes: int, reopened: int
) -> Refusal:
    return Refusal(begun.at_ms, until_ms, begun.reason, instance, probes, reopened)


def cut_short(refusals: Iterable[Refusal], gaps: Sequence[Absence]) -> list[Refusal]:
    """A refusal ends where its instance is heard no more. What it was after the gap (oldest first) the
    next change tells: a process that begins anew begins with a closed breaker, and tells so."""
    return [_cut(one, gaps) for one in refusals]


def _cut(one: Refusal, gaps: Sequence[Absence]) -> Refusal:
    for gap_ms, _ in gaps:
        if gap_ms >= one.from_ms and (one.until_ms is None or gap_ms < one.until_ms):
            return replace(one, until_ms=gap_ms, cut=True)
    return one


def with_rejected(
    refusals: Iterable[Refusal], told: Sequence[tuple[int, int]], *, now_ms: int
) -> list[Refusal]:
    """``told`` are the moments at which the instance told how many calls it had refused since its word before:
    what is told after the opening, up to the end, belongs to that refusal. None told at all: nothing is known."""
    if not told:
        return list(refusals)
    return [
        replace(
            one,
            rejected=sum(
                count
                for at_ms, count in told
                if one.from_ms < at_ms <= (now_ms if one.until_ms is None else one.until_ms)
            ),
        )
        for one in refusals
    ]


def merged_refusals(refusals: Iterable[Refusal], *, now_ms: int) -> list[tuple[int, int]]:
    """Stretches [from, until) in which any instance refused, oldest first."""
    found: list[tuple[int, int]] = []
    for one in sorted(refusals, key=lambda one: one.from_ms):
        until = now_ms if one.until_ms is None else one.until_ms
        if found and one.from_ms <= found[-1][1]:
            found[-1] = found[-1][0], max(found[-1][1], until)
        else:
            found.append((one.from_ms, until))
    return found


def is_flapping(
    changes: Sequence[BreakerTransition], *, now_ms: int, times: int, window_ms: int
) -> bool:
    """Whether one instance opened ``times`` or more within ``window_ms``.

    A failed probe that opens it again is no opening: the way of every breaker whose callee stays away.
    """
    openings = [
        change
        for change in changes
        if change.to_state in OPEN_STATES
        and change.from_state not in (*OPEN_STATES, "half_open")
        and now_ms - window_ms <= change.at_ms <= now_ms
    ]
    return len(openings) >= times
