"""Which entity a letter's event is about: what must be redriven in order."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings

from ingest.models import DeadLetter
from ingest.queries.bodies import read_body
from ingest.store.globs import name_test

__all__ = ["Entity", "entity_of"]

LONGEST = 255


class Entity(NamedTuple):
    """``kind`` is that of ``[entities]``, an indexed path, or ``correlation``."""

    kind: str
    id: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.id}"[:LONGEST]


def entity_of(letter: DeadLetter) -> Entity:
    """By ``[entities]``; by the first indexed path where none is declared; else its correlation."""
    body = read_body(bytes(letter.event))
    for kind, declared in settings.INGEST.entities.items():
        value = _at(body, declared.id)
        if value and name_test(declared.types)(letter.event_type):
            return Entity(kind, value)
    if not settings.INGEST.entities:
        for path in settings.INGEST.index.paths:
            if value := _at(body, path):
                return Entity(path, value)
    return Entity("correlation", letter.correlation_id or letter.event_id)


def _at(body: Any, path: str) -> str:
    for name in path.split("."):
        body = body.get(name) if isinstance(body, dict) else None
    simple = isinstance(body, str | int) and not isinstance(body, bool)
    return str(body) if simple else ""
