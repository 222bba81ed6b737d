"""Small stories to learn from, traced as ingest does, and a recount by plain loops."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from django.db import transaction

from ingest.folds.traces import encode_traces, trace_batch
from ingest.models import FlowCount, Stream, TracePiece
from ingest.queries.flows import open_delays
from ingest.records import Position, Record, StreamRef
from ingest.sketch import BINS, bin_of
from ingest.store.series import SeriesDictionary
from tests.ingest.folds.factories import make_batch

__all__ = ["DAY_MS", "START", "Happened", "Stage", "recount", "stored_counts"]

START = 1_795_564_800_000
"""A midnight."""
DAY_MS = 86_400_000


class Happened(NamedTuple):
    """One event; ``at`` counts ms from START, ``delay`` from then to its append."""

    id: str
    type: str
    correlation: str
    at: int
    cause: str = ""
    source: str = "shop"
    delay: int = 0

    @property
    def appended(self) -> int:
        return START + self.at + self.delay


class Stage:
    """A stream that is written batch by batch, and how far it is observed."""

    def __init__(self, topic: str = "orders-topic") -> None:
        self.row = Stream.objects.create(
            broker="main", topic=topic, leased_until=1e12, observed_until_ms=1
        )
        self.ref = StreamRef(self.row.pk, "main", topic, 0, False)
        self.series = SeriesDictionary()
        self.minor = 0

    def publish(self, events: Iterable[Happened], *, bits: int = 0) -> None:
        """One batch, in one transaction."""
        records = [self._record(event) for event in events]
        with transaction.atomic(using="events"):
            traces = trace_batch(make_batch((self.ref, records)), self.series.code, bits=bits)
            if traces.event.size:
                TracePiece.objects.create(
                    bits=bits,
                    events=traces.event.size,
                    newest_ms=int(traces.appended.max()),
                    data=encode_traces(traces),
                )

    def observe(self, until: int) -> None:
        """All that was appended up to START + ``until`` is stored."""
        Stream.objects.filter(pk=self.row.pk).update(observed_until_ms=START + until)

    def _record(self, event: Happened) -> Record:
        self.minor += 1
        return Record(
            position=Position(event.appended, self.minor),
            appended_ms=event.appended,
            event_id=event.id,
            event_type=event.type,
            source=event.source,
            body=b"{}",
            size=2,
            occurred_ms=START + event.at,
            correlation_id=event.correlation,
            causation_id=event.cause,
        )


Counts = dict[tuple[int, str, str, str], tuple[object, ...]]


def recount(events: Sequence[Happened]) -> Counts:
    """What must be counted when all of ``events`` have ended: by place correlations, occurrences,
    sources, bins of the delays, first and last append."""
    stories: dict[str, dict[str, Happened]] = {}
    for event in sorted(events, key=lambda one: one.appended):
        stories.setdefault(event.correlation, {}).setdefault(event.id, event)
    found: dict[tuple[int, str, str, str], list[list[Happened | int]]] = {}
    for story in stories.values():
        _recount_story(story, found)
    return {place: _summed(rows) for place, rows in found.items()}


def _recount_story(story: dict[str, Happened], found: dict) -> None:
    ordered = sorted(story.values(), key=lambda one: (one.at, one.appended))

    def cause(event: Happened) -> Happened | None:
        return story.get(event.cause) if event.cause != event.id else None

    start = next((event for event in ordered if cause(event) is None), ordered[0])
    day = start.appended // DAY_MS
    length = ordered[-1].at - start.at
    found.setdefault((day, start.type, "", ""), []).append([start, length, 1])
    seen: dict[tuple[str, str], list] = {}
    for event in ordered:
        if event is start:
            continue
        parent = cause(event) or start
        for place, since in ((("", event.type), start), ((parent.type, event.type), parent)):
            delay = max(0, event.at - since.at)
            seen.setdefault(place, [event, delay]).append(event)
    for (parent_type, type), (_, delay, *events) in seen.items():
        rows = found.setdefault((day, start.type, parent_type, type), [])
        rows += [[event, delay, number == 0] for number, event in enumerate(events)]


def _summed(rows: list) -> tuple[object, ...]:
    sources: dict[str, int] = {}
    for event, _, _ in rows:
        sources[event.source] = sources.get(event.source, 0) + 1
    bins = sorted(int(bin_of(delay)) for _, delay, first in rows if first)
    times = [event.appended for event, _, _ in rows]
    return (len(bins), len(rows), sources, bins, min(times), max(times))


def stored_counts() -> Counts:
    """The same of what is stored."""
    found: Counts = {}
    for row in FlowCount.objects.all():
        delays = open_delays(row.delays)
        bins = [bin for bin in range(BINS) for _ in range(int(delays[bin]))]
        found[row.day, row.start, row.parent, row.type] = (
            row.correlations,
            row.occurrences,
            row.sources,
            bins,
            row.first_ms,
            row.last_ms,
        )
    return found
