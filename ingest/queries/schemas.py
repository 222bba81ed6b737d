"""Schemas as they were learnt: what is summed up already, and what the newest pieces add."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from ingest.folds.catalog import Kind, open_piece, open_shape
from ingest.models import CatalogPiece, EventSchema
from ingest.schema import schema_of_shape
from ingest.shapes import Shape, merge_shapes

__all__ = ["read_shape", "read_shapes", "schema_of"]

MOST_PIECES = 500
MOST_ROWS = 2_000


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


def _newest() -> Iterable[tuple[Kind, Shape]]:
    rows = CatalogPiece.objects.order_by("id").values_list("data", flat=True)
    for data in rows[:MOST_PIECES]:
        yield from open_piece(bytes(data)).items()
