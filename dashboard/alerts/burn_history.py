"""How fast the error budgets were used in the past: the same windows as live, ending with each step."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from django.conf import settings

from dashboard.alerts.budgets import BURNS, Goal, goals_of
from dashboard.alerts.readings import F64
from dashboard.alerts.replaying import History
from ingest.queries.metrics import MetricGroup, MetricTable, read_metrics
from ingest.sketch import bin_of

__all__ = ["read_burns"]

MOST_CONSUMERS = 200


def read_burns(metric: str, *, since_ms: int, until_ms: int, step_s: int, now_ms: int) -> History:
    """By goal and step; unknown where nothing of a window was observed. Reads as far back as the long one goes."""
    long, short = (seconds // step_s for seconds in BURNS[metric])
    goals = goals_of(settings.DASHBOARD.objectives)
    tables = {
        by: read_metrics(
            since_ms=since_ms - long * step_s * 1000,
            until_ms=until_ms,
            resolution=60,
            step=step_s,
            group_by=by,
            max_groups=MOST_CONSUMERS,
            now_ms=now_ms,
        )
        for by in {"consumer" if goal.consumer else "" for goal in goals}
    }
    lines = [
        _line(goal, tables["consumer" if goal.consumer else ""], long, short) for goal in goals
    ]
    table = next(iter(tables.values()))
    return History(
        metric,
        table.times_ms[long:],
        table.step_ms,
        tuple(goal.name for goal in goals),
        np.array([burn[long:] for burn, _ in lines]).T,
        np.array([volume[long:] for _, volume in lines]).T,
        table.known[long:],
    )


def _line(goal: Goal, table: MetricTable, long: int, short: int) -> tuple[F64, F64]:
    """The less of both windows, and the handlings of the long one."""
    known = np.array(table.known, np.float64)
    group = next((one for one in table.groups if one.name == goal.consumer), None)
    bad, total = _spent(goal, group, known.size)
    burns = []
    for size in (long, short):
        seen, wrong, handled = (_rolling(line * known, size) for line in (known, bad, total))
        share = np.divide(wrong, handled, out=np.zeros(known.size), where=handled > 0)
        burns.append(np.where(seen > 0, share / goal.allowed, np.nan))
    return np.minimum(*burns), _rolling(total * known, long)


def _spent(goal: Goal, group: MetricGroup | None, size: int) -> tuple[F64, F64]:
    if group is None:
        return np.zeros(size), np.zeros(size)
    if goal.limit_ms is None:
        failed = (group.failed + group.dead_lettered).astype(np.float64)
        return failed, group.processed.astype(np.float64)
    told = group.sketches.get("processing")
    if told is None:
        return np.zeros(size), np.zeros(size)
    weights = told.counts.astype(np.float64)
    slow = told.bins > int(bin_of(goal.limit_ms))
    return _by_step(told.steps[slow], weights[slow], size), _by_step(told.steps, weights, size)


def _by_step(steps: Sequence[int] | np.ndarray, weights: F64, size: int) -> F64:
    return np.bincount(steps, weights=weights, minlength=size).astype(np.float64)


def _rolling(line: F64, size: int) -> F64:
    """The sum of the last ``size`` steps, this one among them."""
    running = np.concatenate(([0.0], np.cumsum(line)))
    begins = np.maximum(0, np.arange(1, line.size + 1) - size)
    return running[1:] - running[begins]
