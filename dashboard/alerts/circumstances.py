"""What an alert was raised by and what had changed: reads, and lets `dashboard.alerts.changes` rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

import msgspec

from dashboard.alerts.changes import Change, Counted, rank_changes
from dashboard.alerts.deploying import read_deploys
from dashboard.alerts.exemplars import (
    FAILED_ENDS,
    REFUSED_ENDS,
    Exemplar,
    Span,
    failed_events,
    kept,
    letters_where,
    of_failures,
    read_exemplars,
)
from dashboard.alerts.models import Episode
from dashboard.measures import WINDOW_S
from ingest.folds.cells import Counter as Code
from ingest.models import DeadLetter
from ingest.queries.deploys import Deploy
from ingest.queries.events import EventView, list_events
from ingest.queries.grouping import SeriesView
from ingest.queries.sums import Sums, read_sums
from ingest.store.base import EventFilter
from ingest.system import SYSTEM_TYPES

__all__ = ["Circumstances", "Exemplar", "Span", "read_circumstances", "span_of"]

HOUR_MS = 3_600_000
MOST_LETTERS = 20_000
FAILURES = "failures"
EVENTS = "events"
VERSION = "version"
NAMES = ("type", "source", "topic")
MOST_SAMPLED = 500
OF_NO_EVENTS = ("component", "ingest_stalled", "ingest_behind")
LETTERS = "dead letters"


@dataclass(frozen=True)
class Circumstances:
    """``events_query`` and ``letters_query`` are filters of the lists that show the same. Not ``compared``:
    nothing was observed in the hour before, so there is nothing to compare with."""

    span: Span
    compared: bool
    changes: list[Change]
    deploys: list[Deploy]
    exemplars: list[Exemplar]
    events_query: str
    letters_query: str


def read_circumstances(episode: Episode, *, metric: str, now_ms: int) -> Circumstances:
    """``metric`` is the rule's: it says which events made it true."""
    span = span_of(episode, now_ms)
    before = read_sums(since_ms=span.before_ms, until_ms=span.since_ms, finest=60)
    compared = before.seconds > 0
    counted = _counted(episode.labels, metric, span, before) if compared else []
    deploys = [one for one in read_deploys() if span.before_ms <= one.at_ms < span.until_ms]
    return Circumstances(
        span=span,
        compared=compared,
        changes=rank_changes(counted),
        deploys=sorted(deploys, key=lambda one: abs(one.at_ms - episode.started_ms)),
        exemplars=read_exemplars(episode, metric, span),
        events_query=events_query(episode, metric, span),
        letters_query=urlencode({"status": "all", **kept(episode.labels, ("type", "consumer"))}),
    )


def span_of(episode: Episode, now_ms: int) -> Span:
    """From a window before it began (its first value was taken over that) to its end, an hour at most."""
    since = episode.started_ms - WINDOW_S * 1000
    end = episode.resolved_ms or now_ms
    until = max(episode.started_ms + 1, min(end, episode.started_ms + HOUR_MS))
    return Span(since - HOUR_MS, since, until)


def events_query(episode: Episode, metric: str, span: Span) -> str:
    """The filter of the list of events that shows what made it true; "" where none does."""
    asked = kept(episode.labels, ("type", "source", "consumer", "topic"))
    if metric in OF_NO_EVENTS:
        return ""
    if metric == "breaker":
        asked = {"consumer": episode.labels.get("service", ""), "outcome": ",".join(REFUSED_ENDS)}
    elif metric.startswith("backlog"):
        asked = kept(episode.labels, ("topic",))
    elif of_failures(metric):
        asked["outcome"] = ",".join(FAILED_ENDS)
    elif metric.startswith("latency") and episode.threshold:
        asked["duration"] = f">{max(1, round(episode.threshold))}ms"
    return urlencode({**asked, "since": span.since_ms, "until": span.until_ms})


def _counted(labels: Mapping[str, str], metric: str, span: Span, before: Sums) -> list[Counted]:
    during = read_sums(since_ms=span.since_ms, until_ms=span.until_ms, finest=60)
    narrowed = kept(labels, ("consumer", "type", "topic"))
    failed = (Code.FAILED, Code.DEAD_LETTERED)
    found = [
        Counted(FAILURES, by, *(_by(sums, by, failed, narrowed) for sums in (before, during)))
        for by in ("consumer", "type", "topic")
        if by not in narrowed
    ]
    of_events = kept(labels, NAMES)
    found += [
        Counted(
            EVENTS, by, *(_by(sums, by, (Code.PUBLISHED,), of_events) for sums in (before, during))
        )
        for by in NAMES
        if by not in of_events
    ]
    letters = _letters_by_error(narrowed, span)
    return [*found, _versions(labels, metric, span), Counted(LETTERS, "error", *letters)]


def _versions(labels: Mapping[str, str], metric: str, span: Span) -> Counted:
    """Versions of the types that came in several, of a sample of events in each stretch: of those that failed
    where the alert is of failures, else of all."""
    stretches = ((span.before_ms, span.since_ms), (span.since_ms, span.until_ms))
    failed = of_failures(metric)
    read = failed_events if failed else _some_events
    before, during = (_by_version(read(labels, *stretch)) for stretch in stretches)
    versions = Counter(type for type, _ in {**before, **during})
    told = (
        {f"{type} {version}": n for (type, version), n in counts.items() if versions[type] > 1}
        for counts in (before, during)
    )
    return Counted(FAILURES if failed else EVENTS, VERSION, *told)


def _some_events(labels: Mapping[str, str], since_ms: int, until_ms: int) -> list[EventView]:
    """The newest of them."""
    names = {f"{name}s": (value,) for name, value in kept(labels, NAMES).items()}
    where = msgspec.structs.replace(EventFilter(since_ms=since_ms, until_ms=until_ms), **names)
    return list_events(where, limit=MOST_SAMPLED).events


def _by_version(events: Iterable[EventView]) -> dict[tuple[str, str], int]:
    """By type and version; events of the house itself, and those that tell no version, are left out."""
    told = (
        (event.event_type, event.version)
        for event in events
        if event.event_type not in SYSTEM_TYPES
    )
    return dict(Counter(one for one in told if one[1]))


def _by(sums: Sums, by: str, codes: Sequence[Code], narrowed: Mapping[str, str]) -> dict[str, int]:
    """Counts by the names of one kind, of the series that fit."""
    found: Counter[str] = Counter()
    for place, series in enumerate(sums.series):
        name = getattr(series, by)
        if name and _fits(series, narrowed):
            count = int(sums.counters[place, list(codes)].sum())
            if count:
                found[name] += count
    return dict(found)


def _fits(series: SeriesView, narrowed: Mapping[str, str]) -> bool:
    return all(getattr(series, name) == value for name, value in narrowed.items())


def _letters_by_error(
    narrowed: Mapping[str, str], span: Span
) -> tuple[dict[str, int], dict[str, int]]:
    """Before and during, by the type of error; of at most `MOST_LETTERS`, the newest."""
    rows = DeadLetter.objects.filter(
        received_ms__gte=span.before_ms, received_ms__lt=span.until_ms, **letters_where(narrowed)
    ).order_by("-received_ms")
    before: Counter[str] = Counter()
    during: Counter[str] = Counter()
    for error, received in rows.values_list("error_type", "received_ms")[:MOST_LETTERS]:
        (during if received >= span.since_ms else before)[error or "unknown error"] += 1
    return dict(before), dict(during)
