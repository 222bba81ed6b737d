"""Schemas as they were learnt: what is summed up already, and what the newest pieces add."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from ingest.envelopes import configured_decoder
from ingest.folds.catalog import Kind, open_piece, open_shape
from ingest.folds.text import bounded
from ingest.models import CatalogPiece, EventSchema
from ingest.queries.bodies import read_body
from ingest.queries.events import EventView
from ingest.records import Flag
from ingest.schema import ENOUGH, Violation, check_payload, schema_of_shape
from ingest.shapes import Shape, merge_shapes
from ingest.store.sql import to_message

__all__ = ["Comparison", "compare", "read_shape", "read_shapes", "schema_of"]

MOST_PIECES = 500
MOST_ROWS = 2_000


class Comparison(NamedTuple):
    """``sure`` is False while too few samples were seen to say what is usual. Paths begin at the body."""

    version: str
    samples: int
    sure: bool
    differences: list[Violation]


def read_shapes(event_type: str = "") -> dict[Kind, Shape]:
    """Shapes by type and version, of one type or of all; two queries. The newest version first."""
    rows = EventSchema.objects.order_by("-seen_ms")
    if event_type:
        rows = rows.filter(type=event_type)
    found: dict[Kind, list[Shape]] = {
        Kind(row.type, row.version): [open_shape(bytes(row.data))] for row in rows[:MOST_ROWS]
    }
    for kind, shape in _newest():
        if not event_type or kind.type == event_type:
            found.setdefault(kind, []).append(shape)
    summed = {kind: merge_shapes(shapes) for kind, shapes in found.items()}
    told = {kind: shape for kind, shape in summed.items() if shape is not None}
    return dict(sorted(told.items(), key=lambda pair: (-pair[1].last_ms, pair[0])))


def read_shape(event_type: str, version: str) -> Shape | None:
    """The shape of one version; None if no sample of it was seen."""
    return read_shapes(event_type).get(Kind(event_type, version))


def schema_of(event_type: str, version: str) -> dict[str, Any] | None:
    """The JSON Schema of one version's payloads, for `ingest.schema.check_payload`; None if unknown."""
    shape = read_shape(event_type, version)
    return None if shape is None else schema_of_shape(shape, title=event_type, version=version)


def compare(event: EventView) -> Comparison | None:
    """How an event differs from what is usual for its type and version; None if that is not known."""
    if event.flags & Flag.TRUNCATED:
        return None
    told = configured_decoder().payload_of(to_message(event.stored), event.topic)
    version = bounded(told.version, 64)
    schema = schema_of(event.event_type, version)
    if schema is None:
        return None
    payload = read_body(told.raw)
    found = [
        one._replace(path=_within(told.name, one.path)) for one in check_payload(schema, payload)
    ]
    return Comparison(version, schema["x-samples"], schema["x-samples"] >= ENOUGH, found)


def _within(name: str, path: str) -> str:
    """A path that begins at ``payload``, as one of the body: the payload stands under ``name`` there."""
    rest = path.removeprefix("payload")
    return f"{name}{rest}" if name else rest.removeprefix(".")


def _newest() -> Iterable[tuple[Kind, Shape]]:
    rows = CatalogPiece.objects.order_by("id").values_list("data", flat=True)
    for data in rows[:MOST_PIECES]:
        yield from open_piece(bytes(data)).items()
