"""Whether an event is what was asked for, by what its body and its consumers tell. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Protocol

from dashboard.explore.filters import EventQuery
from dashboard.explore.outcomes import outcome_of
from dashboard.explore.story import Handling
from ingest.queries.entities import EntityKind
from ingest.store.globs import name_test

__all__ = ["Asked", "handled_as_asked", "has_values", "is_entity", "took_ms"]


class Asked(Protocol):
    """What is looked at of an event."""

    event_type: str
    body: bytes

    def holds(self, path: str, values: Collection[str]) -> bool: ...


def took_ms(handling: Handling) -> float | None:
    """Processing time: as told, else from start to end; None when neither is known."""
    if handling.duration_ms is not None:
        return handling.duration_ms
    if handling.started_ms is None or handling.ended_ms is None:
        return None
    return float(handling.ended_ms - handling.started_ms)


def handled_as_asked(query: EventQuery, event_type: str, handlings: Iterable[Handling]) -> bool:
    """Whether the handlings, of the consumers asked for alone if there are any, are as asked.

    A consumer that has not handled the event fits only where ``unprocessed`` is asked for.
    """
    told = list(handlings)
    if query.consumers:
        left_out = name_test([name[1:] for name in query.consumers if name.startswith("!")])
        wanted = name_test(query.consumers)
        if _only_without(query.consumers):
            if any(left_out(one.consumer) for one in told):
                return False
        else:
            told = [one for one in told if wanted(one.consumer)]
            if not told and "unprocessed" not in query.outcomes:
                return False
    if query.over_ms is not None and not _longer(told, query.over_ms):
        return False
    return not query.outcomes or outcome_of(event_type, told) in query.outcomes


def has_values(query: EventQuery, event: Asked) -> bool:
    """Whether every indexed path asked for holds one of its values, and the body every text."""
    if query.texts and not _holds_texts(query.texts, event.body):
        return False
    return all(event.holds(path, values) for path, values in query.paths)


def is_entity(entity: str, event: Asked, kinds: Mapping[str, EntityKind]) -> bool:
    """Whether the event tells of ``entity`` (kind:id), by where such entities have their id.

    Of a kind that is neither declared nor guessed, any event that carries the id.
    """
    name, _, id = entity.partition(":")
    kind = kinds.get(name)
    return kind is None or (kind.tells(event.event_type) and event.holds(kind.id_path, [id]))


def _only_without(names: Sequence[str]) -> bool:
    return all(name.startswith("!") for name in names)


def _longer(handlings: Iterable[Handling], over_ms: float) -> bool:
    return any((took := took_ms(one)) is not None and took > over_ms for one in handlings)


def _holds_texts(texts: Sequence[str], body: bytes) -> bool:
    """In any case, written plainly or as JSON escapes it."""
    lower = body.lower()
    return all(any(form in lower for form in _forms(text)) for text in texts)


def _forms(text: str) -> tuple[bytes, bytes]:
    lower = text.lower()
    escaped = "".join(c if c.isascii() else f"\\u{ord(c):04x}" for c in lower)
    return lower.encode("utf-8", "surrogatepass"), escaped.encode()
