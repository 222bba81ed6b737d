"""What differs between two texts, line by line, as a reader wants to see it. Pure."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence
from typing import NamedTuple

__all__ = ["Line", "difference"]

CONTEXT = 3
MOST_COMPARED = 1_500
MOST_TOLD = 400


class Line(NamedTuple):
    """``kind`` is same, removed, added or gap; numbers count from 1, None where the side has no such line."""

    kind: str
    before: int | None
    after: int | None
    text: str


def difference(before: str, after: str) -> list[Line]:
    """Changed lines with their surroundings; [] if the texts are the same.

    Lines that both begin and end with are set apart first; a longer rest is not aligned but told as
    taken out and put in, so that it takes bounded time.
    """
    old, new = before.splitlines(), after.splitlines()
    if old == new:
        return []
    head = _common(old, new)
    tail = _common(old[head:][::-1], new[head:][::-1])
    found = list(_lines(old, new, head, tail))
    return found if len(found) <= MOST_TOLD else [*found[:MOST_TOLD], Line("gap", None, None, "…")]


def _common(one: Sequence[str], other: Sequence[str]) -> int:
    pairs = zip(one, other, strict=False)
    return next((at for at, (a, b) in enumerate(pairs) if a != b), min(len(one), len(other)))


def _lines(old: list[str], new: list[str], head: int, tail: int) -> Iterator[Line]:
    end, new_end = len(old) - tail, len(new) - tail
    yield from _same(old, range(max(0, head - CONTEXT), head), 0)
    for kind, a, b, c, d in _steps(old[head:end], new[head:new_end]):
        if kind == "equal":
            yield from _shortened(old, range(head + a, head + b), c - a)
            continue
        yield from (Line("removed", head + at + 1, None, old[head + at]) for at in range(a, b))
        yield from (Line("added", None, head + at + 1, new[head + at]) for at in range(c, d))
    yield from _same(old, range(end, min(len(old), end + CONTEXT)), new_end - end)


def _steps(old: list[str], new: list[str]) -> list[tuple[str, int, int, int, int]]:
    if len(old) > MOST_COMPARED or len(new) > MOST_COMPARED:
        return [("replace", 0, len(old), 0, len(new))]
    return list(difflib.SequenceMatcher(None, old, new).get_opcodes())


def _shortened(old: list[str], places: range, shift: int) -> Iterator[Line]:
    if len(places) <= 2 * CONTEXT:
        yield from _same(old, places, shift)
        return
    yield from _same(old, places[:CONTEXT], shift)
    yield Line("gap", None, None, "…")
    yield from _same(old, places[-CONTEXT:], shift)


def _same(old: list[str], places: range, shift: int) -> Iterator[Line]:
    return (Line("same", at + 1, at + shift + 1, old[at]) for at in places)
