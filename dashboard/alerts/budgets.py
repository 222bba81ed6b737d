"""Error budgets of `[objectives]`: what a promise allows, how much of it is used, how fast.

A promise leaves a share of handlings that may break it; that is its budget. Burn is how many times faster
than allowed it is used: at 1 it lasts exactly its period. The windows and factors of the built-in rules
are those of the SRE workbook (https://sre.google/workbook/alerting-on-slos/).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from dashboard.alerts.measuring import FAILED, FINISHED, group_series
from dashboard.alerts.readings import Observation
from dashboard.alerts.shares import read_share
from dashboard.measures import ALL, QUANTILES
from dashboard.options import ObjectiveOptions
from eventscope.durations import format_duration, parse_duration
from ingest.queries.sums import Sums, read_sums

__all__ = [
    "BURNS",
    "PERIOD_S",
    "Budget",
    "Goal",
    "Spent",
    "budget_of",
    "goals_of",
    "observe_burns",
    "read_budgets",
    "spent",
]

PERIOD_S = 30 * 86_400
BURNS = {"burn_1h": (3_600, 300), "burn_6h": (21_600, 1_800), "burn_3d": (259_200, 21_600)}
"""Metric → its long and its short window in seconds."""
PROMISED = ("p95", "p99")
"""A median that is met half of the time leaves no budget worth watching."""


@dataclass(frozen=True)
class Goal:
    """A promise of ``consumer`` ("": of all): at most ``allowed`` of the handlings fail, or take longer
    than ``limit_ms`` if that is given."""

    name: str
    consumer: str
    allowed: float
    limit_ms: float | None = None


@dataclass(frozen=True)
class Spent:
    """``bad`` of ``total`` handlings broke a promise."""

    bad: int
    total: int

    def burn(self, allowed: float) -> float:
        """How many times more than allowed; 0 while nothing was handled."""
        return self.bad / self.total / allowed if self.total else 0.0


@dataclass(frozen=True)
class Budget:
    """A promise over its period. ``left`` is a share of the budget, negative if more than all is used;
    None while nothing is known."""

    goal: Goal
    spent: Spent
    left: float | None


def goals_of(objectives: ObjectiveOptions) -> list[Goal]:
    """The promises that leave a budget: of all, then of the consumers with promises of their own."""
    found = list(_goals("", {}, objectives))
    for consumer, own in sorted(objectives.consumers.items()):
        found += _goals(consumer, own, objectives)
    return found


def _goals(consumer: str, own: Mapping[str, Any], objectives: ObjectiveOptions) -> Iterable[Goal]:
    """What a consumer does not promise for itself is in the promise of all."""
    of = f" of {consumer}" if consumer else ""
    share = _read(own, "error_rate", read_share, None if consumer else objectives.error_rate)
    if share:
        yield Goal(f"error rate at most {share * 100:.3g}%{of}", consumer, share)
    for name in PROMISED:
        limit = _read(own, name, parse_duration, None if consumer else getattr(objectives, name))
        if limit:
            words = f"{name} within {format_duration(limit)}{of}"
            yield Goal(words, consumer, 1 - QUANTILES[name], limit * 1000)


def _read(own: Mapping[str, Any], key: str, read: Any, otherwise: float | None) -> float | None:
    """A number of a consumer's own table; one that cannot be read is none, as for the rules."""
    try:
        return float(read(own[key])) if key in own else otherwise
    except (TypeError, ValueError, AttributeError):
        return None


def spent(goal: Goal, sums: Sums) -> Spent:
    """What was handled in the stretch of ``sums``, and how much of it broke the promise."""
    scope = (("consumer", (_literal(goal.consumer),)),) if goal.consumer else ()
    groups = group_series(
        sums.series, by=ALL, scope=scope, whole="all", wanted=lambda row: bool(row.consumer)
    )
    if goal.limit_ms is None:
        bad, total = (sums.count(groups.places, 1, *codes) for codes in (FAILED, FINISHED))
    else:
        bad, total = sums.slower(groups.places, 1, "processing", goal.limit_ms)
    return Spent(int(bad[0]), int(total[0]))


def budget_of(goal: Goal, sums: Sums) -> Budget:
    """``sums`` are of the whole period, as far as there is any."""
    told = spent(goal, sums)
    return Budget(goal, told, 1 - told.burn(goal.allowed) if sums.seconds else None)


def read_budgets(objectives: ObjectiveOptions, now_ms: int) -> tuple[list[Budget], float]:
    """The budget of every promise, and how many seconds of the period were observed."""
    since_ms = now_ms - PERIOD_S * 1000
    sums = read_sums(since_ms=since_ms, until_ms=now_ms, finest=3600, now_ms=now_ms)
    return [budget_of(goal, sums) for goal in goals_of(objectives)], sums.seconds


def observe_burns(metric: str, goals: Iterable[Goal], long: Sums, short: Sums) -> list[Observation]:
    """The less of both windows: the long one says that it matters, the short one that it goes on."""
    known = long.seconds > 0 and short.seconds > 0
    found = []
    for goal in goals:
        over_long, over_short = spent(goal, long), spent(goal, short)
        burns = [one.burn(goal.allowed) for one in (over_long, over_short)]
        found.append(
            Observation(
                metric,
                goal.name,
                float(np.min(burns)) if known else None,
                over_long.total,
                f"{over_long.bad:,} of {over_long.total:,} broke it",
                {"consumer": goal.consumer} if goal.consumer else {},
            )
        )
    return found


def _literal(name: str) -> str:
    """A name as a glob that matches nothing else."""
    return "".join(f"[{sign}]" if sign in "*?[" else sign for sign in name)
