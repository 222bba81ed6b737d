"""The map of one kind of flow, drawn by the server from left to right. The layout is pure.

1. Rare steps are folded away, unless asked for; what only they lead to goes with them.
2. Steps that lead back (walking depth first from the start) bend below; the others fix the columns:
   each type stands behind everything that it follows.
3. A step over several columns reserves a slot in those between, so that no line hides behind a box.
4. Slots of a column are ordered by where their lines come from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from ingest.queries.flows import Flow, FlowStep

__all__ = ["RARE_SHARE", "FlowMap", "MapEdge", "MapNode", "lay_out_flow"]

RARE_SHARE = 0.02
MOST_EDGES = 120
NODE_WIDTH = 190
NODE_HEIGHT = 54
COLUMN_GAP = 100
ROW_GAP = 34
MARGIN = 16
BELOW = 26
THIN, THICK = 1.25, 6.0


@dataclass(frozen=True, slots=True)
class MapNode:
    """A type; ``share`` of the flows have it, ``p50`` after the start. The start has share 1."""

    type: str
    sources: tuple[str, ...]
    share: float
    p50: float | None
    repeats: bool
    x: int
    y: int


@dataclass(frozen=True, slots=True)
class MapEdge:
    """A step between two types: its curve, how thick by its share of all flows, where its words stand."""

    step: FlowStep
    flow_share: float
    back: bool
    path: str
    width: float
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class FlowMap:
    """``folded`` are the rare steps that are not drawn."""

    nodes: list[MapNode]
    edges: list[MapEdge]
    folded: list[FlowStep]
    width: int
    height: int


Slot = tuple[str, ...]
"""(type,) for a box, (from, to, column) for a line that passes by."""


def lay_out_flow(flow: Flow, *, rare: bool = False) -> FlowMap:
    """Every type once, no two boxes over each other, all inside."""
    shown = _connected(flow, _common(flow, rare=rare))
    links = [edge for edge in shown if edge.parent != edge.type]
    ahead, back = _without_rings(flow.start, links)
    column_of = _columns(flow.start, ahead)
    columns = _order(*_slots(column_of, ahead))
    places = _places(columns)
    height = max(y for _, y in places.values()) + NODE_HEIGHT + MARGIN
    drawn = [_edge(flow, edge, _route(edge, column_of), places) for edge in ahead]
    drawn += [_back_edge(flow, edge, places, height) for edge in back]
    return FlowMap(
        nodes=_nodes(flow, shown, places),
        edges=drawn,
        folded=[edge for edge in flow.edges if edge not in shown],
        width=2 * MARGIN + len(columns) * (NODE_WIDTH + COLUMN_GAP) - COLUMN_GAP,
        height=height + (BELOW + MARGIN if back else 0),
    )


def _common(flow: Flow, *, rare: bool) -> list[FlowStep]:
    least = 0.0 if rare else RARE_SHARE
    return [edge for edge in flow.edges if _flow_share(flow, edge) >= least][:MOST_EDGES]


def _flow_share(flow: Flow, edge: FlowStep) -> float:
    return edge.correlations / flow.whole.correlations if flow.whole.correlations else 0.0


def _connected(flow: Flow, edges: Sequence[FlowStep]) -> list[FlowStep]:
    """Those that the start leads to."""
    reached, waiting = {flow.start}, [flow.start]
    while waiting:
        here = waiting.pop()
        for edge in edges:
            if edge.parent == here and edge.type not in reached:
                reached.add(edge.type)
                waiting.append(edge.type)
    return [edge for edge in edges if edge.parent in reached]


def _without_rings(start: str, edges: Sequence[FlowStep]) -> tuple[list[FlowStep], list[FlowStep]]:
    """Steps ahead, and those that lead back to a type on the way to them."""
    below: dict[str, list[FlowStep]] = {}
    for edge in edges:
        below.setdefault(edge.parent, []).append(edge)
    ahead: list[FlowStep] = []
    back: list[FlowStep] = []
    on_path, done = {start}, set()
    stack = [(start, iter(below.get(start, ())))]
    while stack:
        here, rest = stack[-1]
        edge = next(rest, None)
        if edge is None:
            stack.pop()
            on_path.discard(here)
            done.add(here)
        elif edge.type in on_path:
            back.append(edge)
        else:
            ahead.append(edge)
            if edge.type not in done:
                on_path.add(edge.type)
                stack.append((edge.type, iter(below.get(edge.type, ()))))
    return ahead, back


def _columns(start: str, ahead: Sequence[FlowStep]) -> dict[str, int]:
    """The longest way from the start to each type."""
    column_of = {start: 0}
    changed = True
    while changed:
        changed = False
        for edge in ahead:
            column = column_of.get(edge.parent, -1) + 1
            if column and column > column_of.get(edge.type, -1):
                column_of[edge.type] = column
                changed = True
    return column_of


def _route(edge: FlowStep, column_of: dict[str, int]) -> list[Slot]:
    """The slots that a line goes through."""
    between = range(column_of[edge.parent] + 1, column_of[edge.type])
    return [
        (edge.parent,),
        *((edge.parent, edge.type, str(column)) for column in between),
        (edge.type,),
    ]


def _slots(
    column_of: dict[str, int], ahead: Sequence[FlowStep]
) -> tuple[list[list[Slot]], dict[Slot, list[Slot]]]:
    """Slots by column, and from which slots each one's lines come."""
    columns: list[list[Slot]] = [[] for _ in range(max(column_of.values()) + 1)]
    for type, column in column_of.items():
        columns[column].append((type,))
    before: dict[Slot, list[Slot]] = {}
    for edge in ahead:
        route = _route(edge, column_of)
        for number, slot in enumerate(route[1:], 1):
            before.setdefault(slot, []).append(route[number - 1])
            if number < len(route) - 1:
                columns[column_of[edge.parent] + number].append(slot)
    return columns, before


def _order(columns: list[list[Slot]], before: dict[Slot, list[Slot]]) -> list[list[Slot]]:
    """Each column by the middle of where its lines come from."""
    place: dict[Slot, float] = {}
    ordered: list[list[Slot]] = []
    for column in columns:
        middles = {
            slot: sum(place[one] for one in before[slot]) / len(before[slot])
            if slot in before
            else 0
            for slot in column
        }
        ordered.append(sorted(column, key=lambda slot: (middles[slot], slot)))
        step = 1 / (len(column) + 1)
        place.update({slot: (number + 1) * step for number, slot in enumerate(ordered[-1])})
    return ordered


def _places(columns: Sequence[Sequence[Slot]]) -> dict[Slot, tuple[int, int]]:
    """Left upper corners; every column in the middle of the tallest."""
    tallest = max(map(len, columns))
    return {
        slot: (
            MARGIN + number * (NODE_WIDTH + COLUMN_GAP),
            MARGIN + (2 * row + tallest - len(column)) * (NODE_HEIGHT + ROW_GAP) // 2,
        )
        for number, column in enumerate(columns)
        for row, slot in enumerate(column)
    }


def _nodes(
    flow: Flow, shown: Sequence[FlowStep], places: dict[Slot, tuple[int, int]]
) -> list[MapNode]:
    by_type = {step.type: step for step in flow.types}
    itself = {edge.type for edge in shown if edge.parent == edge.type}
    nodes = []
    for slot, (x, y) in places.items():
        if len(slot) != 1:
            continue
        [type] = slot
        step = by_type.get(type) if type != flow.start else None
        known = step or flow.whole
        nodes.append(
            MapNode(
                type=type,
                sources=known.sources,
                share=step.correlations / flow.whole.correlations if step else 1.0,
                p50=step.p50 if step else None,
                repeats=type in itself or (step is not None and step.each > 1.05),
                x=x,
                y=y,
            )
        )
    return nodes


def _edge(
    flow: Flow, edge: FlowStep, route: Sequence[Slot], places: dict[Slot, tuple[int, int]]
) -> MapEdge:
    """Straight through the slots it passes, bending in the gaps between the columns."""
    middles = [(places[slot][0], places[slot][1] + NODE_HEIGHT / 2) for slot in route]
    parts = [f"M{middles[0][0] + NODE_WIDTH} {middles[0][1]:g}"]
    for (x1, y1), (x2, y2) in pairwise(middles):
        bend = x1 + NODE_WIDTH + COLUMN_GAP / 2
        parts.append(f"C{bend:g} {y1:g} {bend:g} {y2:g} {x2} {y2:g}")
        if (x2, y2) != middles[-1]:
            parts.append(f"H{x2 + NODE_WIDTH}")
    (before_x, before_y), (_, end_y) = middles[-2:]
    return MapEdge(
        step=edge,
        flow_share=_flow_share(flow, edge),
        back=False,
        path=" ".join(parts),
        width=_width(flow, edge),
        label_x=before_x + NODE_WIDTH + COLUMN_GAP * 0.5,
        label_y=before_y + (end_y - before_y) * 0.5,
    )


def _back_edge(
    flow: Flow, edge: FlowStep, places: dict[Slot, tuple[int, int]], height: int
) -> MapEdge:
    """Out at the bottom, under everything, and in at the bottom."""
    (x1, y1), (x2, y2) = places[(edge.parent,)], places[(edge.type,)]
    x1, x2 = x1 + NODE_WIDTH // 2 + 20, x2 + NODE_WIDTH // 2 - 20
    floor = height + BELOW / 2
    return MapEdge(
        step=edge,
        flow_share=_flow_share(flow, edge),
        back=True,
        path=(
            f"M{x1} {y1 + NODE_HEIGHT} C{x1} {floor:g} {x1} {floor:g} {x1 - 24} {floor:g} "
            f"H{x2 + 24} C{x2} {floor:g} {x2} {floor:g} {x2} {y2 + NODE_HEIGHT}"
        ),
        width=_width(flow, edge),
        label_x=(x1 + x2) / 2,
        label_y=floor,
    )


def _width(flow: Flow, edge: FlowStep) -> float:
    return round(THIN + (THICK - THIN) * min(1.0, _flow_share(flow, edge)), 2)
