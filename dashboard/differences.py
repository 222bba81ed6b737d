"""What changed between two states: added, changed, removed, each with its place. Pure.

Items of a list are told apart by an id of theirs where all have one and keep their order, else by place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from itertools import islice
from typing import Any, Literal, NamedTuple

__all__ = ["MOST_CHANGES", "Change", "Difference", "difference", "same"]

MOST_CHANGES = 500
MOST_ITEMS = 2000
DEEPEST = 100
Kind = Literal["added", "changed", "removed"]
Path = tuple[str | int, ...]
Pair = tuple[int | None, int | None]
"""Places of one item in the old and in the new list; None where it is not in it."""

_ENDING = re.compile(r"^id$|_id$|(?<=[a-z0-9])I[dD]$")
_PLAIN = re.compile(r"[\w$-]+")


class Change(NamedTuple):
    """``path`` leads into the new state; of what was removed, the last step is its place in the old one.

    ``label`` is the path for the eye: ``items[productId=PROD_1].quantity``.
    """

    path: Path
    label: str
    kind: Kind
    before: Any = None
    after: Any = None


class Difference(NamedTuple):
    """``whole`` is False when there are more changes than are told."""

    changes: list[Change]
    whole: bool


def difference(before: Any, after: Any, *, most: int = MOST_CHANGES) -> Difference:
    """What leads from ``before`` to ``after``, at most ``most`` changes, in the order of the new state."""
    found = list(islice(_walk(before, after, (), ""), most + 1))
    return Difference(found[:most], len(found) <= most)


def same(one: Any, other: Any) -> bool:
    """Whether two values are the same JSON: 1, 1.0 and true are not."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one is other or (
            one.keys() == other.keys() and all(same(one[name], other[name]) for name in one)
        )
    if isinstance(one, list):
        return one is other or (len(one) == len(other) and all(map(same, one, other)))
    return bool(one == other)


def _walk(before: Any, after: Any, path: Path, label: str) -> Iterator[Change]:
    if before is after:
        return
    deep = len(path) >= DEEPEST
    if isinstance(before, dict) and isinstance(after, dict) and not deep:
        yield from _walk_object(before, after, path, label)
    elif isinstance(before, list) and isinstance(after, list) and not deep:
        yield from _walk_list(before, after, path, label)
    elif not same(before, after):
        yield Change(path, label, "changed", before, after)


def _walk_object(
    before: dict[str, Any], after: dict[str, Any], path: Path, label: str
) -> Iterator[Change]:
    for name, value in after.items():
        inner, words = (*path, name), _under(label, name)
        if name in before:
            yield from _walk(before[name], value, inner, words)
        else:
            yield Change(inner, words, "added", after=value)
    for name, value in before.items():
        if name not in after:
            yield Change((*path, name), _under(label, name), "removed", before=value)


def _walk_list(before: list[Any], after: list[Any], path: Path, label: str) -> Iterator[Change]:
    identity = _identity(before, after)
    pairs = _by_place(before, after) if identity is None else _by_id(before, after, identity)
    for old, new in pairs:
        if new is None and old is not None:
            words = _item(label, old, before[old], identity)
            yield Change((*path, old), words, "removed", before=before[old])
        elif new is not None:
            words = _item(label, new, after[new], identity)
            if old is None:
                yield Change((*path, new), words, "added", after=after[new])
            else:
                yield from _walk(before[old], after[new], (*path, new), words)


def _by_place(before: list[Any], after: list[Any]) -> Iterator[Pair]:
    """Pairs of places; what is the same at both ends stays, whatever came or went between."""
    most = min(len(before), len(after))
    head = next((at for at in range(most) if not same(before[at], after[at])), most)
    tail = next(
        (at for at in range(most - head) if not same(before[-1 - at], after[-1 - at])), most - head
    )
    olds, news = len(before) - tail, len(after) - tail
    for at in range(head, max(olds, news)):
        yield (at if at < olds else None), (at if at < news else None)


def _by_id(before: list[Any], after: list[Any], identity: str) -> Iterator[Pair]:
    places = {item[identity]: at for at, item in enumerate(before)}
    for new, item in enumerate(after):
        yield places.pop(item[identity], None), new
    for old in places.values():
        yield old, None


def _identity(before: list[Any], after: list[Any]) -> str | None:
    """The member that tells the items of both lists apart, None if there is none or the order changed."""
    items = [*before, *after]
    if not items or len(items) > MOST_ITEMS or not all(isinstance(item, dict) for item in items):
        return None
    named = sorted(
        (name for name in items[0] if _ENDING.search(name)), key=lambda name: name != "id"
    )
    for name in named:
        olds, news = ([item.get(name) for item in some] for some in (before, after))
        if _tells_apart(olds) and _tells_apart(news):
            kept = set(olds) & set(news)
            if [id for id in olds if id in kept] == [id for id in news if id in kept]:
                return name
    return None


def _tells_apart(ids: list[Any]) -> bool:
    return all(type(id) in (str, int) for id in ids) and len(set(ids)) == len(ids)


def _under(label: str, name: str) -> str:
    if not _PLAIN.fullmatch(name):
        return f"{label}[{json.dumps(name, ensure_ascii=False)}]"
    return f"{label}.{name}" if label else name


def _item(label: str, at: int, item: Any, identity: str | None) -> str:
    return f"{label}[{at}]" if identity is None else f"{label}[{identity}={item[identity]}]"
