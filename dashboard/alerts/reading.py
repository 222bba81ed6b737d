"""Reads what a round of evaluation judges: once for all rules, and only what some rule asks for."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

from django.conf import settings
from django.db.models import Count, Sum

from dashboard.alerts.absence import observe_absence
from dashboard.alerts.answering import Facts
from dashboard.alerts.budgets import BURNS, goals_of, observe_burns
from dashboard.alerts.measuring import FINISHED, group_series
from dashboard.alerts.observing import (
    FRESH_MS,
    Backlog,
    observe_backlog,
    observe_breakers,
    observe_clearing,
    observe_components,
    observe_ingest,
    observe_schemas,
    observe_stuck,
)
from dashboard.alerts.readings import Observation
from dashboard.alerts.remembering import Memory
from dashboard.alerts.tallies import Letters
from dashboard.measures import MEASURES, WINDOW_S
from ingest.folds.cells import Counter
from ingest.models import LetterCell
from ingest.queries import state
from ingest.queries.coverage import read_streams
from ingest.queries.flows import count_stuck
from ingest.queries.status import IngestStatus, status_of
from ingest.queries.sums import Sums, read_sums

if TYPE_CHECKING:
    from ingest.models import Breaker

__all__ = ["read_facts"]

THROUGHPUT_S = 60
SCHEMA_MS = 3_600_000
_SUMMED = {name for name, one in MEASURES.items() if one.by[:1] == ("consumer",)} | {"clock_skew"}


def read_facts(now_ms: int, metrics: Iterable[str], memory: Memory | None = None) -> Facts:
    """All that rules on ``metrics`` ask for, as it is now; ``memory`` holds what changes slowly."""
    wanted, memory = set(metrics), memory or Memory()
    streams = read_streams()
    status = status_of(streams, now_ms)
    until, second = status.observed_until_ms, now_ms // 1000 * 1000
    fresh = until is not None and now_ms - until <= FRESH_MS
    window = minute = None
    if wanted & (_SUMMED | {"backlog_clears", "absence"}):
        window = read_sums(since_ms=second - WINDOW_S * 1000, until_ms=second, now_ms=now_ms)
    if "throughput" in wanted:
        minute = read_sums(since_ms=second - THROUGHPUT_S * 1000, until_ms=second, now_ms=now_ms)
    known = fresh and all(sums.seconds > 0 for sums in (window, minute) if sums is not None)
    return Facts(
        window=window,
        minute=minute,
        known=known,
        arrived=_arrived(now_ms - WINDOW_S * 1000) if "dead_letters" in wanted else (),
        waiting=_waiting() if "dead_letters_open" in wanted else (),
        listed=_listed(wanted, now_ms, status, window, known=known, memory=memory),
        copies=frozenset(stream.topic for stream in streams if stream.dead_letters),
    )


def _listed(
    wanted: set[str],
    now_ms: int,
    status: IngestStatus,
    window: Sums | None,
    *,
    known: bool,
    memory: Memory,
) -> dict[str, list[Observation]]:
    """The metrics whose members are what they are, each read if it is wanted."""
    ingest = wanted & {"ingest_stalled", "ingest_behind"}
    readers: dict[str, Callable[[], list[Observation]]] = {
        "breaker": lambda: observe_breakers(_breakers(now_ms)),
        "component": lambda: _components(now_ms),
        "backlog": lambda: observe_backlog(_backlogs(), now_ms=now_ms),
        "backlog_clears": lambda: _clearing(now_ms, window, known=known),
        "stuck_flows": lambda: observe_stuck(count_stuck()),
        "absence": lambda: _absence(now_ms, window, memory, known=known),
        "schema_changes": lambda: observe_schemas(
            memory.schema_changes(now_ms), since_ms=now_ms - SCHEMA_MS
        ),
        **{name: lambda name=name: _burns(name, now_ms, memory) for name in BURNS},
    }
    found = {name: read() for name, read in readers.items() if name in wanted}
    for item in observe_ingest(status, now_ms=now_ms) if ingest else ():
        found[item.metric] = [item]
    return found


def _arrived(since_ms: int) -> list[Letters]:
    """Dead letters received since, by what they are named with."""
    rows = state.filter_dead_letters(state.LetterFilter(since_ms=since_ms))
    named = rows.values_list("event_type", "source", "consumer", "topic")
    return [Letters(*row) for row in named.annotate(count=Count("id")).order_by()]


def _waiting() -> list[Letters]:
    rows = LetterCell.objects.filter(open__gt=0).values_list("event_type", "consumer", "topic")
    return [
        Letters(type, "", consumer, topic, count)
        for type, consumer, topic, count in rows.annotate(count=Sum("open")).order_by()
    ]


def _breakers(now_ms: int) -> list[tuple[Breaker, bool]]:
    """Every breaker instance, and whether its last word still says something of now."""
    views = state.list_breakers(transitions=1, now_ms=now_ms)
    return [(view.breaker, not view.stale) for view in views]


def _components(now_ms: int) -> list[Observation]:
    views = state.list_components(now_ms=now_ms)
    return observe_components(
        [row for view in views for row in view.instances],
        now_ms=now_ms,
        interval_ms=settings.DASHBOARD.health.interval * 1000,
    )


def _backlogs() -> list[Backlog]:
    return [
        Backlog(part.stream.topic, part.name, part.lag, part.pending, part.sampled_ms)
        for view in state.consumer_backlogs()
        for part in view.parts
    ]


def _clearing(now_ms: int, window: Sums | None, *, known: bool) -> list[Observation]:
    finished = _counts(window, "consumer", FINISHED) if known else {}
    seconds = window.seconds if window else 0
    return observe_clearing(_backlogs(), finished, seconds=seconds, now_ms=now_ms)


def _absence(now_ms: int, window: Sums | None, memory: Memory, *, known: bool) -> list[Observation]:
    came = _counts(window, "type", (Counter.PUBLISHED,))
    return observe_absence(memory.habits(now_ms), came, now_ms=now_ms, known=known)


def _counts(sums: Sums | None, by: str, codes: tuple[Counter, ...]) -> dict[str, float]:
    if sums is None:
        return {}
    groups = group_series(sums.series, by=by, scope=(), whole="", wanted=lambda row: True)
    counted = sums.count(groups.places, len(groups.names), *codes)
    return dict(zip(groups.names, counted.tolist(), strict=True))


def _burns(metric: str, now_ms: int, memory: Memory) -> list[Observation]:
    long, short = (memory.sums(seconds, now_ms) for seconds in BURNS[metric])
    return observe_burns(metric, goals_of(settings.DASHBOARD.objectives), long, short)
