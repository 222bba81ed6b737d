"""What an alert was raised by and what had changed: reads, and lets `dashboard.alerts.changes` rank."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from dashboard.alerts.changes import Change, Counted, rank_changes
from dashboard.alerts.deploying import read_deploys
from dashboard.alerts.models import Episode
from dashboard.measures import WINDOW_S
from ingest.folds.cells import Counter as Code
from ingest.models import DeadLetter
from ingest.queries.deploys import Deploy
from ingest.queries.events import EventView
from ingest.queries.grouping import SeriesView
from ingest.queries.handled import events_told
from ingest.queries.sums import Sums, read_sums
from ingest.queries.wanted import Wanted
from ingest.records import Record
from ingest.store.marks import Told

__all__ = ["Circumstances", "Exemplar", "Span", "read_circumstances", "span_of"]

HOUR_MS = 3_600_000
MOST_LETTERS = 20_000
MOST_RECEIPTS = 300
SHOWN = 10
FAILED_ENDS = ("failed", "dead_lettered")
FAILURES = "failures"
EVENTS = "events"
LETTERS = "dead letters"


@dataclass(frozen=True)
class Span:
    """The time an alert is about, and the hour before it; ms, half-open."""

    before_ms: int
    since_ms: int
    until_ms: int


@dataclass(frozen=True)
class Exemplar:
    """One event that made the alert true. ``letter`` is its dead letter, None if it is none."""

    event_id: str
    event_type: str
    correlation_id: str
    consumer: str
    at_ms: int
    words: str = ""
    letter: int | None = None


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
    counted = _counted(episode.labels, span, before) if compared else []
    deploys = [one for one in read_deploys() if span.before_ms <= one.at_ms < span.until_ms]
    return Circumstances(
        span=span,
        compared=compared,
        changes=rank_changes(counted),
        deploys=sorted(deploys, key=lambda one: abs(one.at_ms - episode.started_ms)),
        exemplars=_exemplars(episode, metric, span),
        events_query=events_query(episode, metric, span),
        letters_query=urlencode({"status": "all", **_kept(episode.labels, ("type", "consumer"))}),
    )


def span_of(episode: Episode, now_ms: int) -> Span:
    """From a window before it began (its first value was taken over that) to its end, an hour at most."""
    since = episode.started_ms - WINDOW_S * 1000
    end = episode.resolved_ms or now_ms
    until = max(episode.started_ms + 1, min(end, episode.started_ms + HOUR_MS))
    return Span(since - HOUR_MS, since, until)


def events_query(episode: Episode, metric: str, span: Span) -> str:
    """The filter of the list of events that shows what made it true."""
    asked = _kept(episode.labels, ("type", "source", "consumer", "topic"))
    if _of_failures(metric):
        asked["outcome"] = ",".join(FAILED_ENDS)
    elif metric.startswith("latency") and episode.threshold:
        asked["duration"] = f">{max(1, round(episode.threshold))}ms"
    return urlencode({**asked, "since": span.since_ms, "until": span.until_ms})


def _of_failures(metric: str) -> bool:
    return metric.startswith(("error_rate", "dead_letters", "burn"))


def _kept(labels: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: labels[name] for name in names if labels.get(name)}


def _counted(labels: Mapping[str, str], span: Span, before: Sums) -> list[Counted]:
    during = read_sums(since_ms=span.since_ms, until_ms=span.until_ms, finest=60)
    narrowed = _kept(labels, ("consumer", "type", "topic"))
    failed = (Code.FAILED, Code.DEAD_LETTERED)
    found = [
        Counted(FAILURES, by, *(_by(sums, by, failed, narrowed) for sums in (before, during)))
        for by in ("consumer", "type", "topic")
        if by not in narrowed
    ]
    of_events = _kept(labels, ("type", "source", "topic"))
    found += [
        Counted(
            EVENTS, by, *(_by(sums, by, (Code.PUBLISHED,), of_events) for sums in (before, during))
        )
        for by in ("type", "source", "topic")
        if by not in of_events
    ]
    letters = _letters_by_error(narrowed, span)
    return [*found, Counted(LETTERS, "error", *letters)]


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
        received_ms__gte=span.before_ms, received_ms__lt=span.until_ms, **_letters_where(narrowed)
    ).order_by("-received_ms")
    before: Counter[str] = Counter()
    during: Counter[str] = Counter()
    for error, received in rows.values_list("error_type", "received_ms")[:MOST_LETTERS]:
        (during if received >= span.since_ms else before)[error or "unknown error"] += 1
    return dict(before), dict(during)


def _letters_where(narrowed: Mapping[str, str]) -> dict[str, str]:
    columns = {"consumer": "consumer", "type": "event_type", "topic": "topic"}
    return {columns[name]: value for name, value in narrowed.items()}


def _exemplars(episode: Episode, metric: str, span: Span) -> list[Exemplar]:
    """The first ten: dead letters where the alert is of failures, else handlings that failed or were slow."""
    if _of_failures(metric):
        letters = _letters(episode.labels, span)
        if letters:
            return letters
        return _handled(episode.labels, span, ends=FAILED_ENDS)
    if metric.startswith("latency") and episode.threshold is not None:
        return _handled(episode.labels, span, over_ms=episode.threshold)
    return []


def _letters(labels: Mapping[str, str], span: Span) -> list[Exemplar]:
    narrowed = _kept(labels, ("consumer", "type", "topic"))
    rows = DeadLetter.objects.filter(
        received_ms__gte=span.since_ms, received_ms__lt=span.until_ms, **_letters_where(narrowed)
    )
    fields = "event_id", "event_type", "correlation_id", "consumer", "received_ms"
    found = rows.order_by("received_ms").values_list(*fields, "error_type", "error_message", "pk")
    return [
        Exemplar(*row[:5], words=": ".join(part for part in row[5:7] if part)[:200], letter=row[7])
        for row in found[:SHOWN]
    ]


class _Noting(Wanted):
    """Keeps what was told first of each event."""

    def __init__(
        self, labels: Mapping[str, str], ends: Sequence[str], over_ms: float | None
    ) -> None:
        consumer, type = labels.get("consumer"), labels.get("type")

        def named(event_type: str, name: str) -> bool:
            return consumer in (None, name) and type in (None, event_type)

        super().__init__(named, ends, over_ms)
        self.noted: dict[str, Told] = {}

    def told_by(self, record: Record, *, dead_letter: bool) -> Iterator[Told]:
        for told in super().told_by(record, dead_letter=dead_letter):
            self.noted.setdefault(told.event_id, told)
            yield told


def _handled(
    labels: Mapping[str, str],
    span: Span,
    *,
    ends: Sequence[str] = (),
    over_ms: float | None = None,
) -> list[Exemplar]:
    """Of the newest `MOST_RECEIPTS` messages of receipts in the time."""
    wanted = _Noting(labels, ends, over_ms)
    events, _ = events_told(
        wanted, since_ms=span.since_ms, until_ms=span.until_ms, most=MOST_RECEIPTS
    )
    first = sorted(_once(events), key=lambda event: event.appended_ms)
    return [_exemplar(event, wanted.noted.get(event.event_id)) for event in first[:SHOWN]]


def _once(events: Iterable[EventView]) -> list[EventView]:
    return list({event.event_id: event for event in events}.values())


def _exemplar(event: EventView, told: Told | None) -> Exemplar:
    return Exemplar(
        event_id=event.event_id,
        event_type=event.event_type,
        correlation_id=event.correlation_id,
        consumer=told.consumer if told else "",
        at_ms=event.appended_ms,
        words=f"{told.end.replace('_', ' ')} after {told.took_ms:,.0f} ms" if told else "",
    )
