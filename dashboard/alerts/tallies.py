"""Dead letters as rules judge them: counted by any of their names. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import numpy as np

from dashboard.alerts.readings import Readings, matches
from dashboard.measures import ALL

__all__ = ["Letters", "measure_letters", "member_of"]

WHOLE = "all dead letters"


class Letters(NamedTuple):
    """``count`` letters of one kind; a name that is not told is ""."""

    type: str
    source: str
    consumer: str
    topic: str
    count: int


def measure_letters(
    metric: str,
    by: str,
    scope: Iterable[tuple[str, tuple[str, ...]]],
    rows: Iterable[Letters],
    *,
    known: bool,
) -> Readings:
    """Counts by name. What did arrive is true even while we lag; that nothing did, is not."""
    counts: dict[str, float] = {}
    labels: dict[str, Mapping[str, str]] = {}
    wanted = list(scope)
    for row in rows:
        if all(matches(globs, getattr(row, name)) for name, globs in wanted):
            name, told = member_of(row, by)
            counts[name] = counts.get(name, 0.0) + row.count
            labels[name] = told
    return Readings(
        metric,
        tuple(counts),
        np.array(list(counts.values()), np.float64),
        np.full(len(counts), np.inf),
        lambda subject: ("", labels.get(subject, {})),
        0.0 if known else float("nan"),
    )


def member_of(row: Letters, by: str) -> tuple[str, Mapping[str, str]]:
    """Where no consumer is told, the topic stands for it."""
    if by == ALL:
        return WHOLE, {}
    if by == "consumer" and not row.consumer and row.topic:
        return row.topic, {"topic": row.topic}
    name = str(getattr(row, by))
    return (name, {by: name}) if name else (f"unknown {by}", {})
