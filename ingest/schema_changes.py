"""What changed of a type's payloads, as far as samples tell. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ingest.schema import ENOUGH
from ingest.shapes import Shape, path_text, split_path

__all__ = ["Change", "Version", "changes_of", "parent_of"]

MOST_CHANGES = 20
COMMON = 0.5
LEAST = 5
"""A field that so few samples had, or fewer than half of those that could, has not appeared yet."""


class Version(NamedTuple):
    version: str
    shape: Shape

    @property
    def average(self) -> float:
        """Bytes an event."""
        return self.shape.size / self.shape.samples


class Change(NamedTuple):
    """``kind`` is version, appeared or gone; ``at_ms`` is when it was first or last seen."""

    kind: str
    version: str
    path: str
    at_ms: int


def changes_of(versions: Sequence[Version]) -> list[Change]:
    """What changed of a type, the newest first. Pure.

    A field has *appeared* when so many samples came before it that it would have been among them, and it is
    common since; it is *gone* when the same is true the other way round.
    """
    found = [change for one in versions for change in _changes(one)]
    oldest = min((one.shape.first_ms for one in versions), default=0)
    found += [
        Change("version", one.version, "", one.shape.first_ms)
        for one in versions
        if one.shape.first_ms > oldest
    ]
    return sorted(found, key=lambda change: -change.at_ms)[:MOST_CHANGES]


def _changes(one: Version) -> list[Change]:
    shape = one.shape
    span = max(1, shape.last_ms - shape.first_ms)
    found: list[Change] = []
    for path, seen in shape.paths.items():
        parent = shape.paths.get(parent_of(path))
        if not path or parent is None:
            continue
        objects = parent.types.get("object", 0)
        before, after = (
            (seen.first_ms - shape.first_ms) / span,
            (shape.last_ms - seen.last_ms) / span,
        )
        there = seen.count / max(1.0, objects * (1 - before - after))
        if there < COMMON or seen.count < LEAST:
            continue
        text = path_text(split_path(path))
        if before * objects >= ENOUGH:
            found.append(Change("appeared", one.version, text, seen.first_ms))
        if after * objects >= ENOUGH:
            found.append(Change("gone", one.version, text, seen.last_ms))
    return found


def parent_of(path: str) -> str:
    return path.rpartition("\0")[0]
