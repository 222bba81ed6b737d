"""A story as a tree of boxes, causes at the left: lines of an outline, laid out. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

__all__ = ["BOX_HEIGHT", "BOX_WIDTH", "Box", "Link", "Tree", "draw_tree"]

BOX_WIDTH = 208
BOX_HEIGHT = 44
ACROSS = 44
DOWN = 12
EDGE = 8

T = TypeVar("T")


@dataclass(slots=True)
class Box(Generic[T]):
    """``content`` at its place; ``parent`` is the number of the box that it hangs from."""

    content: T
    x: int
    y: float
    parent: int | None


@dataclass(frozen=True, slots=True)
class Link:
    """The curve from a cause's box to an effect's; both by number."""

    cause: int
    effect: int
    path: str


@dataclass(frozen=True, slots=True)
class Tree(Generic[T]):
    boxes: list[Box[T]]
    links: list[Link]
    width: int
    height: float


def draw_tree(contents: Sequence[T], depths: Sequence[int]) -> Tree[T]:
    """Boxes of ``contents`` in depth-first order, each at its depth; a cause stands at its effects' middle.

    What begins deeper than the others, because the cause is on an earlier page, hangs from nothing.
    """
    least = min(depths, default=0)
    boxes: list[Box[T]] = []
    above: list[tuple[int, int]] = []
    for number, (content, depth) in enumerate(zip(contents, depths, strict=True)):
        while above and above[-1][0] >= depth:
            above.pop()
        parent = above[-1][1] if above else None
        x = EDGE + (depth - least) * (BOX_WIDTH + ACROSS)
        boxes.append(Box(content, x, 0.0, parent))
        above.append((depth, number))
    _place_down(boxes)
    return Tree(
        boxes=boxes,
        links=[
            Link(box.parent, number, _curve(boxes[box.parent], box))
            for number, box in enumerate(boxes)
            if box.parent is not None
        ],
        width=max((box.x for box in boxes), default=0) + BOX_WIDTH + EDGE,
        height=max((box.y for box in boxes), default=0) + BOX_HEIGHT + EDGE,
    )


def _place_down(boxes: list[Box[T]]) -> None:
    """Boxes without effects one below the other, in order; the others at the middle of theirs."""
    first: dict[int, float] = {}
    last: dict[int, float] = {}
    parents = {box.parent for box in boxes}
    y = float(EDGE)
    for number, box in enumerate(boxes):
        if number not in parents:
            box.y = y
            y += BOX_HEIGHT + DOWN
    for number in reversed(range(len(boxes))):
        box = boxes[number]
        if number in parents:
            box.y = (first[number] + last[number]) / 2
        if box.parent is not None:
            first[box.parent] = box.y
            last.setdefault(box.parent, box.y)


def _curve(cause: Box[T], effect: Box[T]) -> str:
    x1, y1 = cause.x + BOX_WIDTH, cause.y + BOX_HEIGHT / 2
    x2, y2 = effect.x, effect.y + BOX_HEIGHT / 2
    middle = (x1 + x2) / 2
    return f"M{x1} {y1:g} C{middle:g} {y1:g} {middle:g} {y2:g} {x2} {y2:g}"
