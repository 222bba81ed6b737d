"""The catalog: every event type with its people, its figures and what its payloads look like."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

from dashboard.explore.catalog import SeenType, read_catalog
from ingest.folds.catalog import Kind
from ingest.queries.events import EventFilter, EventView, list_events
from ingest.queries.metrics import read_metrics
from ingest.queries.schemas import read_shapes
from ingest.queries.table import MetricGroup
from ingest.schema import ENOUGH
from ingest.schema_changes import Change, Version, changes_of, parent_of
from ingest.shapes import ITEMS, PathShape, Shape, path_text, split_path
from ingest.system import DETAILS

__all__ = [
    "Change",
    "FieldRow",
    "Figures",
    "KnownType",
    "Version",
    "changes_of",
    "compare_versions",
    "read_type",
    "read_types",
]

RANGE_MS = 3_600_000
MOST_TYPES = 1_000
MOST_VERSIONS = 4


@dataclass(frozen=True, slots=True)
class Figures:
    """Of the last hour. ``handled`` is how many consumers handled each event, by their receipts."""

    per_second: float | None = None
    published: int = 0
    handled: float | None = None
    error_rate: float | None = None


@dataclass(frozen=True, slots=True)
class KnownType:
    """One event type. Versions are those that samples were seen of, the newest first."""

    seen: SeenType
    versions: list[Version]
    figures: Figures
    changes: list[Change] = field(default_factory=list)
    example: EventView | None = None

    @property
    def system(self) -> bool:
        return self.seen.type in DETAILS

    @property
    def last_ms(self) -> int | None:
        return max((one.shape.last_ms for one in self.versions), default=None)

    @property
    def average(self) -> float | None:
        samples = sum(one.shape.samples for one in self.versions)
        return sum(one.shape.size for one in self.versions) / samples if samples else None

    @property
    def largest(self) -> int:
        return max((one.shape.largest for one in self.versions), default=0)

    @property
    def newest_change(self) -> Change | None:
        return max(self.changes, key=lambda change: change.at_ms, default=None)


class Cell(NamedTuple):
    """What one version has at a path; ``presence`` is the share of the objects there, None for items."""

    types: str
    presence: float | None
    words: list[str]
    first_ms: int


class FieldRow(NamedTuple):
    """A path over all versions shown; a cell is None where the version does not have it."""

    path: str
    name: str
    depth: int
    cells: list[Cell | None]
    differs: bool


def read_types(*, now_ms: int) -> list[KnownType]:
    """Every known type by name, the types of services before system events."""
    shapes = _by_type(read_shapes())
    figures = read_figures(now_ms=now_ms)
    known = [
        _known(seen, shapes.get(seen.type, []), figures.get(seen.type, Figures()))
        for seen in read_catalog()
    ]
    return sorted(known, key=lambda one: (one.system, one.seen.type))


def read_type(event_type: str, *, now_ms: int) -> KnownType | None:
    """One type with an example; None if it was never seen."""
    seen = next((one for one in read_catalog() if one.type == event_type), None)
    if seen is None:
        return None
    versions = _by_type(read_shapes(event_type)).get(event_type, [])
    figures = read_figures(now_ms=now_ms, types=(event_type,)).get(event_type, Figures())
    found = list_events(EventFilter(types=(event_type,)), limit=1).events
    example = found[0] if found and found[0].event_type == event_type else None
    return _known(seen, versions, figures, example)


def read_figures(*, now_ms: int, types: Sequence[str] = ()) -> dict[str, Figures]:
    """By type, of the last hour."""
    table = read_metrics(
        since_ms=now_ms - RANGE_MS,
        until_ms=now_ms,
        group_by="type",
        types=types,
        max_groups=MOST_TYPES,
        now_ms=now_ms,
    )
    return {group.name: _figures(group) for group in table.groups}


def compare_versions(versions: Sequence[Version]) -> list[FieldRow]:
    """Every path of ``versions`` as a row, below the one that holds it. Pure."""
    paths = {path for one in versions for path in one.shape.paths if path}
    return [_row(path, versions) for path in sorted(paths, key=split_path)]


def _known(
    seen: SeenType, versions: list[Version], figures: Figures, example: EventView | None = None
) -> KnownType:
    return KnownType(seen, versions, figures, changes_of(versions), example)


def _by_type(shapes: dict[Kind, Shape]) -> dict[str, list[Version]]:
    found: dict[str, list[Version]] = {}
    for kind, shape in shapes.items():
        found.setdefault(kind.type, []).append(Version(kind.version, shape))
    return found


def _figures(group: MetricGroup) -> Figures:
    published = group.total("published")
    handled = group.total("processed") / published if published else None
    return Figures(group.total_rate("published"), published, handled, group.total_error_rate())


def _row(path: str, versions: Sequence[Version]) -> FieldRow:
    names = split_path(path)
    cells = [_cell(path, one.shape) for one in versions]
    able = [cell for cell, one in zip(cells, versions, strict=True) if _may_have(path, one.shape)]
    kinds = {None if cell is None else cell.types for cell in able}
    return FieldRow(
        path=path_text(names),
        name="each item" if names[-1] == ITEMS else names[-1],
        depth=min(len(names) - 1, 8),
        cells=cells,
        differs=len(kinds) > 1,
    )


def _cell(path: str, shape: Shape) -> Cell | None:
    seen = shape.paths.get(path)
    if seen is None:
        return None
    parent = shape.paths.get(parent_of(path))
    objects = parent.types.get("object", 0) if parent else 0
    items = split_path(path)[-1] == ITEMS
    presence = None if items or not objects else min(1.0, seen.count / objects)
    return Cell(" | ".join(_types(seen)), presence, _words(seen), seen.first_ms)


def _may_have(path: str, shape: Shape) -> bool:
    """Whether anything was seen that could have held it: of a field below one that is gone nothing is said."""
    parent = shape.paths.get(parent_of(path))
    if parent is None:
        return False
    return (
        split_path(path)[-1] != ITEMS and bool(parent.types.get("object"))
    ) or path in shape.paths


def _types(seen: PathShape) -> list[str]:
    kinds = sorted(seen.types)
    return [kind for kind in kinds if not (kind == "integer" and "number" in kinds)]


def _words(seen: PathShape) -> list[str]:
    """Texts that come again and again, as those of an enumeration."""
    words = seen.words or {}
    often = seen.count >= 2 * ENOUGH and all(count > 1 for count in words.values())
    return sorted(words, key=lambda word: -words[word]) if often else []
