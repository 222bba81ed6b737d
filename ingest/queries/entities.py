"""Entities: the kinds that are declared or can be guessed, and the events that tell of one."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

from eventscope.reading import cloud_attributes, cloud_metadata, is_native
from eventscope.stamps import format_ms
from ingest.envelopes import stored_id
from ingest.options import EntityOptions, IngestOptions
from ingest.queries.events import EventView, find_events
from ingest.store.globs import name_test
from ingest.system import DETAILS

__all__ = [
    "EntityEvents",
    "EntityKind",
    "EntityRef",
    "document_of",
    "entities_in",
    "entities_of",
    "entity_kinds",
    "find_entity_events",
    "guess_name",
    "metadata_of",
    "values_at",
]

MOST_ITEMS = 1000
MOST_REFS = 20
_ENDING = re.compile(r"_ids?$|(?<=[a-z0-9])(?:Id|ID)s?$")
_NAME = re.compile(r"[A-Za-z][A-Za-z0-9_-]{0,39}")


@dataclass(frozen=True)
class EntityKind:
    """A kind of entity: the types (globs; () is every type but system events) that tell of one.

    ``guessed`` kinds are made of the paths of ``[index]``; they are merged.
    """

    name: str
    id_path: str
    types: tuple[str, ...] = ()
    options: EntityOptions | None = None

    @property
    def guessed(self) -> bool:
        return self.options is None

    def tells(self, event_type: str) -> bool:
        """Whether events of this type tell of such an entity."""
        if self.guessed and event_type in DETAILS:
            return False
        return self._test(event_type)

    @cached_property
    def _test(self) -> Callable[[str], bool]:
        return name_test(self.types)


class EntityRef(NamedTuple):
    kind: str
    id: str


class EntityEvents(NamedTuple):
    """Events of one entity in order of append, each with its envelope in the native form.

    ``whole`` is False when there are more than were read: the newest are left out.
    """

    events: list[tuple[EventView, dict[str, Any]]]
    whole: bool


def entity_kinds(options: IngestOptions) -> dict[str, EntityKind]:
    """Declared kinds, then those that the other indexed paths suggest, by name."""
    kinds = {
        name: EntityKind(name, one.id, one.types, one) for name, one in options.entities.items()
    }
    declared = {kind.id_path for kind in kinds.values()}
    for path in options.index.paths:
        name = guess_name(path)
        if path.startswith("payload.") and path not in declared and name and name not in kinds:
            kinds[name] = EntityKind(name, path)
    return kinds


def guess_name(path: str) -> str:
    """``order`` of payload.orderId, payload.order_id and payload.order.id; "" where there is none."""
    _, *before, last = path.split(".")
    name = _ENDING.sub("", last) if last.lower() != "id" else "".join(before[-1:])
    return name if _NAME.fullmatch(name) else ""


def find_entity_events(kind: EntityKind, entity_id: str, *, limit: int) -> EntityEvents:
    """The events that bear ``entity_id`` where such entities have theirs."""
    wanted = stored_id(entity_id)
    found = find_events([wanted], limit=limit + 1)
    events = []
    for event in found[:limit]:
        if not kind.tells(event.event_type):
            continue
        document = document_of(event)
        if wanted in values_at(document, kind.id_path):
            events.append((event, document))
    return EntityEvents(events, len(found) <= limit and not found.cut)


def entities_of(event: EventView, kinds: Iterable[EntityKind]) -> list[EntityRef]:
    """The entities that ``event`` tells of."""
    return entities_in(event.event_type, document_of(event), kinds)


def entities_in(event_type: str, document: Any, kinds: Iterable[EntityKind]) -> list[EntityRef]:
    """The entities that an envelope tells of, a few at most."""
    refs = [
        EntityRef(kind.name, value)
        for kind in kinds
        if kind.tells(event_type)
        for value in values_at(document, kind.id_path)
    ]
    return list(dict.fromkeys(refs))[:MOST_REFS]


def document_of(event: EventView) -> dict[str, Any]:
    """``eventId, eventType, timestamp, payload, metadata``, whatever format the event came in."""
    envelope = event.envelope
    if isinstance(envelope, dict) and is_native(envelope):
        told = envelope.get("eventId")
        event_id = stored_id(told) if isinstance(told, str) and told else event.event_id
        return {**envelope, "eventId": event_id, "eventType": event.event_type}
    return {
        "eventId": event.event_id,
        "eventType": event.event_type,
        "timestamp": format_ms(event.occurred_ms) if event.occurred_ms else None,
        "payload": event.payload,
        "metadata": {**_attributes(event), **metadata_of(event)},
    }


def metadata_of(event: EventView) -> dict[str, Any]:
    """What is known of an event whose envelope has no ``metadata``."""
    metadata = {
        "source": event.source,
        "correlationId": event.correlation_id,
        "causationId": event.causation_id,
        "traceId": event.trace_id,
    }
    return {name: value for name, value in metadata.items() if value}


def _attributes(event: EventView) -> dict[str, Any]:
    """Of a CloudEvent what the native envelope has no place for: its subject, its extensions."""
    if event.format == "cloudevents" and isinstance(event.envelope, dict):
        return cloud_metadata(event.envelope)
    if event.format == "cloudevents-binary":
        told = {name.lower(): value for name, value in event.headers}
        return cloud_metadata(cloud_attributes(told))
    return {}


def values_at(document: Any, path: str) -> list[str]:
    """The texts and numbers at a dotted path, as ids are stored; a list on the way means its items."""
    found: Sequence[Any] = [document]
    for name in path.split("."):
        found = [inner[name] for value in found for inner in _objects(value) if name in inner]
    texts = (str(value) for value in found if _is_id(value))
    return list(dict.fromkeys(stored_id(text) for text in texts if text))


def _objects(value: Any) -> list[dict[str, Any]]:
    items = value[:MOST_ITEMS] if isinstance(value, list) else [value]
    return [item for item in items if isinstance(item, dict)]


def _is_id(value: Any) -> bool:
    return isinstance(value, str | int | float) and not isinstance(value, bool)
