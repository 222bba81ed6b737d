"""The dry run: how many would go where, what would be left out and why, and what to think of first."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count

from dashboard.recovery.entities import Entity, entity_of
from dashboard.recovery.gathering import bounds, refusal_of
from dashboard.recovery.judging import REASONS
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.selection import Selection, select_letters
from dashboard.recovery.surroundings import Target, hindrances
from ingest.envelopes import stored_id
from ingest.folds.dead_letters import resolves
from ingest.models import ConsumerGroup, DeadLetter, Stream
from ingest.queries.events import EventView, find_events
from ingest.queries.receipts import receipts_for
from ingest.system import DETAILS, Receipt

__all__ = ["Plan", "Way", "later_successes", "plan_redrive", "repeated_entities"]

SAMPLE = 200
ENTITIES = 40
EVENTS = 4_000
HELD_CHUNK = 500


@dataclass(frozen=True)
class Way:
    """Letters that would go to one topic for one consumer.

    ``others`` are further groups that read the topic and will see the events again; ``waits_for`` is
    what would hold them up now.
    """

    topic: str
    consumer: str
    group: str
    letters: int
    others: list[str] = field(default_factory=list)
    waits_for: str = ""


@dataclass(frozen=True)
class Plan:
    """``skipped`` counts by code of `REASONS`. Warnings come from the first ``looked_at`` letters."""

    letters: int
    ways: list[Way]
    skipped: dict[str, int]
    warnings: list[str]
    looked_at: int

    @property
    def sendable(self) -> int:
        return sum(way.letters for way in self.ways)

    def told(self) -> dict[str, Any]:
        """As JSON, for the job's row, the page and the API."""
        return {
            "letters": self.letters,
            "sendable": self.sendable,
            "ways": [
                {
                    "topic": way.topic,
                    "consumer": way.consumer,
                    "consumerGroup": way.group,
                    "letters": way.letters,
                    "otherGroups": way.others,
                    "waitsFor": way.waits_for,
                }
                for way in self.ways
            ],
            "skipped": [
                {"reason": code, "text": REASONS.get(code, code), "letters": n}
                for code, n in sorted(self.skipped.items(), key=lambda one: -one[1])
            ],
            "warnings": self.warnings,
            "lookedAt": self.looked_at,
        }


def plan_redrive(
    selection: Selection,
    *,
    newest: int,
    kind: str = Job.Kind.REDRIVE,
    topic: str = "",
    warn: bool = True,
) -> Plan:
    """What a job over ``selection``, up to the letter ``newest``, would do now. Changes nothing."""
    rows = select_letters(selection, until=newest)
    ways: Counter[tuple[str, str, str]] = Counter()
    skipped: Counter[str] = Counter()
    for letter, broker, busy, n in _alike(rows):
        reason = refusal_of(kind, letter, broker=broker, busy=busy, limits=bounds())
        if reason:
            skipped[reason] += n
        else:
            ways[topic or letter.topic, letter.consumer, letter.consumer_group] += n
    sample = (
        list(rows.filter(status=DeadLetter.Status.OPEN).order_by("pk")[:SAMPLE]) if warn else []
    )
    redrive = kind in Job.SENDING
    return Plan(
        letters=sum(ways.values()) + sum(skipped.values()),
        ways=_ways(ways) if redrive else [Way(*names, n) for names, n in ways.most_common()],
        skipped=dict(skipped),
        warnings=_warnings(sample) if redrive else [],
        looked_at=len(sample),
    )


def repeated_entities(entities: Iterable[tuple[str, Entity]]) -> list[tuple[str, Entity, int]]:
    """(type, entity, how often) where one entity has several letters of one type. Pure."""
    counted = Counter(entities)
    return [(kind, entity, n) for (kind, entity), n in counted.most_common() if n > 1]


def later_successes(letters: Sequence[DeadLetter]) -> list[tuple[DeadLetter, str]]:
    """Letters whose consumer has handled a later event of the same entity, with that event's type.

    The first `ENTITIES` letters are looked at, all in one look-up.
    """
    entities = {letter.pk: stored_id(entity_of(letter).id) for letter in letters[:ENTITIES]}
    by_entity: dict[str, list[EventView]] = {id: [] for id in entities.values()}
    for event in find_events(list(by_entity), limit=EVENTS) if by_entity else ():
        for id in by_entity.keys() & {event.correlation_id, *event.keys}:
            by_entity[id].append(event)
    ids = {event.event_id for events in by_entity.values() for event in events}
    told = receipts_for(ids) if ids else {}
    found = (
        (one, _later_type(one, by_entity[entities[one.pk]], told)) for one in letters[:ENTITIES]
    )
    return [(letter, kind) for letter, kind in found if kind]


def _later_type(
    letter: DeadLetter, events: Iterable[EventView], told: dict[str, list[Receipt]]
) -> str:
    failed_ms = letter.first_failed_ms or letter.received_ms
    for event in events:
        later = event.appended_ms > failed_ms and event.event_id != letter.event_id
        if later and event.event_type not in DETAILS:
            receipts = told.get(event.event_id, ())
            if any(r.outcome == "success" and r.consumer == letter.consumer for r in receipts):
                return event.event_type
    return ""


def _alike(rows: Any) -> Iterable[tuple[DeadLetter, str, bool, int]]:
    """Letters that are judged alike, as one and how many; those that some job holds apart."""
    names = ("status", "topic", "consumer", "consumer_group", "stream_id", "redrives", "flags")
    brokers = dict(Stream.objects.values_list("pk", "broker"))
    held = list(JobItem.objects.filter(state__in=JobItem.HOLDING).values_list("letter", flat=True))
    busy: Counter[tuple[Any, ...]] = Counter()
    for first in range(0, len(held), HELD_CHUNK):
        some = rows.filter(pk__in=held[first : first + HELD_CHUNK])
        for *values, n in some.values_list(*names).annotate(n=Count("pk")):
            busy[tuple(values)] += n
    for *values, n in rows.values_list(*names).annotate(n=Count("pk")).order_by():
        letter = DeadLetter(**dict(zip(names, values, strict=True)))
        taken = busy[tuple(values)]
        if taken:
            yield letter, brokers[letter.stream_id], True, taken
        if n > taken:
            yield letter, brokers[letter.stream_id], False, n - taken


def _ways(counted: Counter[tuple[str, str, str]]) -> list[Way]:
    targets = {Target(consumer, group) for _, consumer, group in counted}
    held_up = hindrances(targets, {})
    groups: dict[str, list[str]] = {}
    topics = {topic for topic, _, _ in counted}
    rows = ConsumerGroup.objects.filter(stream__topic__in=topics).order_by("name")
    for topic, name in rows.values_list("stream__topic", "name").distinct():
        groups.setdefault(topic, []).append(name)
    return [
        Way(
            topic,
            consumer,
            group,
            n,
            others=[name for name in groups.get(topic, ()) if name != group],
            waits_for=held_up.get(Target(consumer, group), ""),
        )
        for (topic, consumer, group), n in counted.most_common()
    ]


def _warnings(letters: Sequence[DeadLetter]) -> list[str]:
    warnings = []
    told = receipts_for({stored_id(letter.event_id) for letter in letters}) if letters else {}
    answered = sum(
        any(r.outcome == "success" and resolves(r, letter) for r in told.get(letter.event_id, ()))
        for letter in letters
    )
    if answered:
        warnings.append(
            f"{answered} have been processed since: their letters resolve by themselves"
        )
    repeats = repeated_entities((letter.event_type, entity_of(letter)) for letter in letters)
    for kind, entity, n in repeats[:3]:
        warnings.append(f"{n} letters of type {kind} are about {entity}: are they duplicates?")
    later = later_successes(letters)
    if later:
        letter, kind = later[0]
        warnings.append(
            f"{len(later)} would come after later events of the same entity that {letter.consumer} has "
            f"handled already, such as {kind} for {entity_of(letter)}"
        )
    return warnings
