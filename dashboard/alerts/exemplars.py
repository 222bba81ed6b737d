"""Which events (or checks) made an alert true: the first of them, with what happened."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from dashboard.alerts.models import Episode
from ingest.models import ConsumerGroup, DeadLetter, HealthResult
from ingest.queries.events import EventView, list_events
from ingest.queries.handled import events_told
from ingest.queries.wanted import Wanted
from ingest.records import Record
from ingest.store.base import EventFilter
from ingest.store.marks import Told

__all__ = [
    "FAILED_ENDS",
    "REFUSED_ENDS",
    "Exemplar",
    "Span",
    "failed_events",
    "kept",
    "letters_where",
    "of_failures",
    "read_exemplars",
]

MOST_RECEIPTS = 300
SHOWN = 10
FAILED_ENDS = ("failed", "dead_lettered")
REFUSED_ENDS = ("retried", *FAILED_ENDS)
"""What becomes of an event whose consumer's breaker refuses."""


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


def read_exemplars(episode: Episode, metric: str, span: Span) -> list[Exemplar]:
    """The first ten: dead letters or handlings that failed, were slow, or met an open breaker; what waits; or the
    last results of a component that were not well."""
    labels = episode.labels
    if of_failures(metric):
        return _letters(labels, span) or _handled(labels, span, ends=FAILED_ENDS)
    if metric.startswith("latency") and episode.threshold is not None:
        return _handled(labels, span, over_ms=episode.threshold)
    if metric == "breaker" and labels.get("service"):
        return _handled({"consumer": labels["service"]}, span, ends=REFUSED_ENDS)
    if metric.startswith("backlog"):
        return _waiting(episode)
    if metric == "component":
        return _checks(labels, span)
    return []


def of_failures(metric: str) -> bool:
    return metric.startswith(("error_rate", "dead_letters", "burn"))


def kept(labels: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    return {name: labels[name] for name in names if labels.get(name)}


def letters_where(narrowed: Mapping[str, str]) -> dict[str, str]:
    columns = {"consumer": "consumer", "type": "event_type", "topic": "topic"}
    return {columns[name]: value for name, value in narrowed.items()}


def _letters(labels: Mapping[str, str], span: Span) -> list[Exemplar]:
    narrowed = kept(labels, ("consumer", "type", "topic"))
    rows = DeadLetter.objects.filter(
        received_ms__gte=span.since_ms, received_ms__lt=span.until_ms, **letters_where(narrowed)
    )
    fields = "event_id", "event_type", "correlation_id", "consumer", "received_ms"
    found = rows.order_by("received_ms").values_list(*fields, "error_type", "error_message", "pk")
    return [
        Exemplar(*row[:5], words=": ".join(part for part in row[5:7] if part)[:200], letter=row[7])
        for row in found[:SHOWN]
    ]


def _waiting(episode: Episode) -> list[Exemplar]:
    """The oldest that were not delivered yet to the group of an open alert, as far as the broker tells how
    far it is: now, for nobody keeps how it was."""
    consumer, topic = (episode.labels.get(name, "") for name in ("consumer", "topic"))
    rows = ConsumerGroup.objects.filter(name=consumer, stream__topic=topic)
    if not episode.is_open():
        return []
    found: list[EventView] = []
    for delivered_ms, lag in rows.values_list("delivered_ms", "lag"):
        if delivered_ms is not None and lag:
            where = EventFilter(topics=(topic,), since_ms=delivered_ms + 1)
            found += list_events(where, limit=SHOWN, newest_first=False).events
    first = sorted(found, key=lambda event: event.appended_ms)[:SHOWN]
    return [
        replace(_exemplar(event, None), consumer=consumer, words="not delivered yet")
        for event in first
    ]


def _checks(labels: Mapping[str, str], span: Span) -> list[Exemplar]:
    """The newest results that were not well, with what the last checks of that instance said."""
    rows = HealthResult.objects.filter(
        component__component=labels.get("component", ""),
        component__service=labels.get("service", ""),
        at_ms__gte=span.since_ms,
        at_ms__lt=span.until_ms,
    ).exclude(status="healthy")
    newest = rows.select_related("component").order_by("-at_ms", "-id")[:SHOWN]
    said: set[int] = set()
    found = []
    for row in newest:
        last = row.component_id not in said and row.at_ms == row.component.seen_ms
        said.add(row.component_id)
        found.append(_result(row, row.component.checks if last else []))
    return found


def _result(row: HealthResult, checks: Sequence[object]) -> Exemplar:
    failing = [
        f"{check.get('name')}: {check.get('output') or check.get('status')}"
        for check in checks
        if isinstance(check, dict) and check.get("status") not in ("healthy", None)
    ]
    took = "" if row.latency_ms is None else f" after {row.latency_ms:,.0f} ms"
    words = "; ".join([f"{row.status}{took}", *failing])
    component = row.component
    who = component.instance or component.service
    return Exemplar("", component.component, "", who, row.at_ms, words[:200])


def failed_events(labels: Mapping[str, str], since_ms: int, until_ms: int) -> list[EventView]:
    """Events of which a failure was told in the time, each once; of a bounded number of receipts."""
    wanted = _Noting(labels, FAILED_ENDS, None)
    events, _ = events_told(wanted, since_ms=since_ms, until_ms=until_ms, most=MOST_RECEIPTS)
    return _once(events)


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
