"""A story as lines that can be folded: what is shown, in which order, and what each line hides.

Pure. Like siblings of a large story (one type, one source, one cause) are one line until it is opened;
a subtree can be closed; a filter keeps what fits and, for context, the causes above it. Nothing is
lost: every event stands in a line of its own, in a fold, or below a closed line that counts it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from dashboard.explore.parts import FAILURES, Row, Step, Story

__all__ = ["Fold", "Line", "View", "outline"]

FOLDS_FROM = 60
FOLD_LEAST = 6
Show = Literal["", "all", "roots"]


@dataclass(frozen=True, slots=True)
class View:
    """What a reader has chosen; all of it stands in the page's address.

    ``show``: ``all`` opens every fold, ``roots`` closes every subtree; ``opened``, ``closed`` and
    ``unfolded`` (by the first event in it) are the exceptions. ``wanted`` is never folded away.
    """

    wanted: str = ""
    show: Show = ""
    opened: frozenset[str] = frozenset()
    closed: frozenset[str] = frozenset()
    unfolded: frozenset[str] = frozenset()
    types: frozenset[str] = frozenset()
    services: frozenset[str] = frozenset()
    failures: bool = False

    @property
    def filters(self) -> bool:
        return bool(self.types or self.services or self.failures)


@dataclass(slots=True)
class Fold:
    """Like siblings. ``failed`` counts those that did; times are of all of them."""

    steps: list[Step]
    failed: int = 0

    @property
    def event_id(self) -> str:
        return self.steps[0].event_id

    @property
    def at_ms(self) -> int:
        return self.steps[0].at_ms

    @property
    def end_ms(self) -> int:
        return max(step.end_ms for step in self.steps)

    @property
    def typical_ms(self) -> int | None:
        return self._took_ms(0.5)

    @property
    def slow_ms(self) -> int | None:
        return self._took_ms(0.95)

    def _took_ms(self, quantile: float) -> int | None:
        """Event → end of its last handling, of those that were handled."""
        took = sorted(step.end_ms - step.at_ms for step in self.steps if step.bars)
        return took[min(len(took) - 1, int(quantile * len(took)))] if took else None


@dataclass(slots=True)
class Line:
    """``below`` events stand under it, shown or not. ``context``: kept only for what is below it."""

    row: Row | Fold
    depth: int
    below: int = 0
    state: Literal["leaf", "open", "closed"] = "leaf"
    context: bool = False

    @property
    def event_id(self) -> str:
        return self.row.event_id


@dataclass(slots=True)
class _Tree:
    tops: list[Row] = field(default_factory=list)
    children: dict[str, list[Row]] = field(default_factory=dict)
    below: dict[str, int] = field(default_factory=dict)


def outline(story: Story, outcomes: Mapping[str, str], view: View) -> list[Line]:
    """The lines to show, in order."""
    kept, context = _kept(story.rows, outcomes, view)
    tree = _tree(kept)
    spared = _spared(story, view.wanted)

    def arranged(siblings: list[Row]) -> list[Row | Fold]:
        if len(kept) <= FOLDS_FROM:
            return list(siblings)
        return list(_folded(siblings, spared | context, outcomes))

    lines: list[Line] = []
    stack: list[tuple[int, Row | Fold]] = [(0, row) for row in reversed(arranged(tree.tops))]
    while stack:
        depth, row = stack.pop()
        line = _line(row, depth, tree, view, spared)
        line.context = row.event_id in context
        lines.append(line)
        if line.state == "open":
            below = (
                row.steps
                if isinstance(row, Fold)
                else arranged(tree.children.get(row.event_id, []))
            )
            stack += [(depth + 1, one) for one in reversed(below)]
    return lines


def _kept(rows: list[Row], outcomes: Mapping[str, str], view: View) -> tuple[list[Row], set[str]]:
    """The rows that fit the filter and the causes above them; and the ids of those causes alone."""
    if not view.filters:
        return rows, set()
    fits = {row.event_id for row in rows if isinstance(row, Step) and _fits(row, outcomes, view)}
    wanted = set(fits)
    for row in reversed(rows):  # causes stand above their effects
        if row.event_id in wanted and isinstance(row, Step) and row.state in ("child", "orphan"):
            wanted.add(row.parent)
    return [row for row in rows if row.event_id in wanted], wanted - fits


def _fits(step: Step, outcomes: Mapping[str, str], view: View) -> bool:
    if view.types and step.event.event_type not in view.types:
        return False
    if view.failures and outcomes.get(step.event_id) not in FAILURES:
        return False
    if not view.services or step.event.source in view.services:
        return True
    return any(bar.handling.consumer in view.services for bar in step.bars)


def _tree(rows: list[Row]) -> _Tree:
    tree = _Tree()
    for row in rows:
        if isinstance(row, Step) and row.state in ("child", "orphan"):
            tree.children.setdefault(row.parent, []).append(row)
        else:
            tree.tops.append(row)
    for row in reversed(rows):
        below = tree.children.get(row.event_id, ())
        tree.below[row.event_id] = sum(1 + tree.below[one.event_id] for one in below)
    return tree


def _spared(story: Story, wanted: str) -> set[str]:
    """What no fold may hide: the critical path, and the wanted event with its causes."""
    spared = set(story.critical_path)
    if not wanted:
        return spared
    parents = {step.event_id: step.parent for step in story.steps if step.state != "ring"}
    at = wanted
    while at in parents and at not in spared:
        spared.add(at)
        at = parents[at]
    return spared


def _folded(
    siblings: list[Row], spared: set[str], outcomes: Mapping[str, str]
) -> Iterable[Row | Fold]:
    """The siblings with those of one type and source, if they are many, as one."""
    groups: dict[tuple[str, str], list[Step]] = {}
    for row in siblings:
        if isinstance(row, Step) and row.event_id not in spared:
            groups.setdefault((row.event.event_type, row.event.source), []).append(row)
    folds = {steps[0].event_id: steps for steps in groups.values() if len(steps) >= FOLD_LEAST}
    hidden = {step.event_id for steps in folds.values() for step in steps}
    for row in siblings:
        if steps := folds.get(row.event_id):
            failed = sum(outcomes.get(step.event_id) in FAILURES for step in steps)
            yield Fold(steps, failed)
        elif row.event_id not in hidden:
            yield row


def _line(row: Row | Fold, depth: int, tree: _Tree, view: View, spared: set[str]) -> Line:
    if isinstance(row, Fold):
        below = sum(1 + tree.below[step.event_id] for step in row.steps)
        opened = view.show == "all" or row.event_id in view.unfolded
    else:
        below = tree.below[row.event_id]
        opened = _is_open(row.event_id, view, spared)
    state: Literal["leaf", "open", "closed"] = "open" if opened else "closed"
    return Line(row, depth, below, state if below else "leaf")


def _is_open(event_id: str, view: View, spared: set[str]) -> bool:
    if event_id in view.closed:
        return False
    if view.show != "roots":
        return True
    return event_id in view.opened or (bool(view.wanted) and event_id in spared)
