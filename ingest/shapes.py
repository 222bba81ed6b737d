"""What payloads look like, learnt by looking at some: paths, their JSON types, how often each is there.

A `Shape` is a sum. Two of them merge into what one look at all their samples would have given, in any
order, also where a bound leaves paths out: kept are always the first ``MOST_PATHS`` by (depth, path).
Pure; nothing here knows a database.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from ingest.sealing import SEALED

__all__ = [
    "ITEMS",
    "MOST_PATHS",
    "PathShape",
    "Shape",
    "join_path",
    "kind_of",
    "learn",
    "merge_shapes",
    "path_text",
    "split_path",
]

MOST_PATHS = 300
MOST_NODES = 600
"""Values that are looked at in one payload, the shallow ones first."""
MOST_ITEMS = 20
DEEPEST = 12
MOST_WORDS = 12
LONGEST_WORD = 40
_LONGEST_NAME = 100
_ROOT = ""
_BETWEEN = "\0"
ITEMS = "\x01"
"""Stands in a path for "each item of the array"."""
HIDDEN = ("encrypted", "redacted")


class PathShape(msgspec.Struct, array_like=True, gc=False):
    """Values at one path: how many of each JSON type, when the first and the last were seen (ms).

    ``words`` counts the texts there while they are few and short, as those of an enumeration; else None.
    """

    types: dict[str, int]
    first_ms: int
    last_ms: int
    words: dict[str, int] | None = msgspec.field(default_factory=dict)

    @property
    def count(self) -> int:
        return sum(self.types.values())


class Shape(msgspec.Struct, array_like=True, gc=False):
    """All that was learnt of the payloads of one type and version. ``cut``: there are more paths than kept."""

    samples: int
    first_ms: int
    last_ms: int
    size: int
    largest: int
    paths: dict[str, PathShape]
    cut: bool = False


def learn(payload: Any, *, at_ms: int, size: int) -> Shape:
    """What one payload tells, appended at ``at_ms``; ``size`` is that of the whole event in bytes."""
    paths: dict[str, PathShape] = {}
    waiting: deque[tuple[str, int, Any]] = deque([(_ROOT, 0, payload)])
    seen = 0
    while waiting and seen < MOST_NODES:
        path, depth, value = waiting.popleft()
        seen += 1
        _note(paths, path, value, at_ms)
        if depth < DEEPEST and isinstance(value, dict | list):
            waiting.extend((join_path(path, name), depth + 1, inner) for name, inner in _in(value))
    kept = _bounded(paths)
    return Shape(1, at_ms, at_ms, size, size, kept, bool(waiting) or len(kept) < len(paths))


def merge_shapes(shapes: Iterable[Shape]) -> Shape | None:
    """The sum; None of nothing. Commutative and associative."""
    total: Shape | None = None
    for shape in shapes:
        total = shape if total is None else _sum(total, shape)
    return total


def kind_of(value: Any) -> str:
    """The JSON type of a value; or that it was hidden before it was stored."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, str):
        return _kind_of_text(value)
    if isinstance(value, int):
        return "integer"
    if isinstance(value, float):
        return "number"
    return "object" if isinstance(value, dict) else "array"


def join_path(path: str, name: str) -> str:
    return f"{path}{_BETWEEN}{name[:_LONGEST_NAME]}"


def split_path(path: str) -> list[str]:
    """Names from the payload down; the payload itself is []."""
    return path.split(_BETWEEN)[1:]


def path_text(names: Sequence[str | int], root: str = "payload") -> str:
    """A path as people write it: ``payload.items[0].price``, ``payload["a b"]``, ``payload.items[]``."""
    parts = [root]
    for name in names:
        if isinstance(name, int):
            parts.append(f"[{name}]")
        elif name == ITEMS:
            parts.append("[]")
        elif name.isidentifier() or name.replace("-", "_").isidentifier():
            parts.append(f".{name}")
        else:
            parts.append(f"[{msgspec.json.encode(name).decode()}]")
    return "".join(parts)


def _kind_of_text(value: str) -> str:
    if value == "[redacted]":
        return "redacted"
    sealed = value.startswith("$encrypted:") and SEALED.fullmatch(value.encode("utf-8", "replace"))
    return "encrypted" if sealed else "string"


def _in(value: dict[str, Any] | list[Any]) -> Iterable[tuple[str, Any]]:
    """Members of an object, the first items of an array. A name that would be taken for ours is left out."""
    if isinstance(value, list):
        return [(ITEMS, inner) for inner in value[:MOST_ITEMS]]
    return [
        (name, inner) for name, inner in value.items() if _BETWEEN not in name and name != ITEMS
    ]


def _note(paths: dict[str, PathShape], path: str, value: Any, at_ms: int) -> None:
    kind = kind_of(value)
    found = paths.get(path)
    if found is None:
        found = paths[path] = PathShape({}, at_ms, at_ms)
    found.types[kind] = found.types.get(kind, 0) + 1
    if kind == "string" and found.words is not None:
        fits = len(value) <= LONGEST_WORD
        found.words = _few(found.words, {value: 1}) if fits else None


def _sum(one: Shape, other: Shape) -> Shape:
    paths = dict(one.paths)
    for path, added in other.paths.items():
        known = paths.get(path)
        paths[path] = added if known is None else _sum_paths(known, added)
    kept = _bounded(paths)
    return Shape(
        samples=one.samples + other.samples,
        first_ms=min(one.first_ms, other.first_ms),
        last_ms=max(one.last_ms, other.last_ms),
        size=one.size + other.size,
        largest=max(one.largest, other.largest),
        paths=kept,
        cut=one.cut or other.cut or len(kept) < len(paths),
    )


def _sum_paths(one: PathShape, other: PathShape) -> PathShape:
    return PathShape(
        types=_add(one.types, other.types),
        first_ms=min(one.first_ms, other.first_ms),
        last_ms=max(one.last_ms, other.last_ms),
        words=_few(one.words, other.words),
    )


def _add(one: dict[str, int], other: dict[str, int]) -> dict[str, int]:
    return one | {name: one.get(name, 0) + count for name, count in other.items()}


def _few(one: dict[str, int] | None, other: dict[str, int] | None) -> dict[str, int] | None:
    """The words of both while they are few; once there were many they are never told again."""
    if one is None or other is None:
        return None
    both = _add(one, other)
    return both if len(both) <= MOST_WORDS else None


def _bounded(paths: dict[str, PathShape]) -> dict[str, PathShape]:
    if len(paths) <= MOST_PATHS:
        return paths
    first = sorted(paths, key=lambda path: (path.count(_BETWEEN), path))[:MOST_PATHS]
    return {path: paths[path] for path in first}
