"""Who sends what where, and who handles it: three columns, drawn by the server. The layout is pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from ingest.models import Series
from ingest.queries.metrics import read_metrics
from ingest.system import SYSTEM_TYPES

__all__ = ["Edge", "Graph", "Load", "Node", "lay_out", "read_loads", "read_topology"]

COLUMNS = ("source", "topic", "consumer")
X_OF = {"source": 10, "topic": 375, "consumer": 740}
NODE_WIDTH = 250
NODE_HEIGHT = 40
ROW_HEIGHT = 56
TOP = 36
MOST_SERIES = 10_000
MOST_LOADS = 200
LOAD_MS = 900_000


@dataclass(frozen=True, slots=True)
class Load:
    """What went through a node in the last 15 minutes; None where it is not known."""

    per_second: float | None = None
    error_rate: float | None = None


@dataclass(frozen=True, slots=True)
class Node:
    kind: str
    name: str
    x: int
    y: int
    load: Load

    @property
    def middle(self) -> float:
        return self.y + NODE_HEIGHT / 2


@dataclass(frozen=True, slots=True)
class Edge:
    """``types`` flow from the node ``start`` to the node ``end``; ``path`` is its SVG curve."""

    start: str
    end: str
    kind: str
    types: tuple[str, ...]
    path: str


@dataclass(frozen=True, slots=True)
class Graph:
    nodes: list[Node]
    edges: list[Edge]
    height: int


def read_topology(*, now_ms: int) -> Graph:
    """The graph of every series that was ever seen, with the load of the last 15 minutes."""
    series = list(Series.objects.order_by("id")[:MOST_SERIES])
    return lay_out(series, read_loads(now_ms=now_ms))


def read_loads(*, now_ms: int) -> dict[tuple[str, str], Load]:
    """Load by (kind, name) of sources, topics and consumers."""
    loads: dict[tuple[str, str], Load] = {}
    for kind in COLUMNS:
        table = read_metrics(
            since_ms=now_ms - LOAD_MS, until_ms=now_ms, group_by=kind, max_groups=MOST_LOADS
        )
        seconds = sum(table.seconds)
        for group in table.groups if seconds else ():
            counted = group.total("processed" if kind == "consumer" else "published")
            rate = group.total_error_rate() if kind == "consumer" else None
            loads[kind, group.name] = Load(counted / seconds, rate)
    return loads


def lay_out(series: Iterable[Series], loads: Mapping[tuple[str, str], Load]) -> Graph:
    """Nodes in three columns by name, edges between neighbours. System events are left out."""
    flows: dict[tuple[str, str, str, str], set[str]] = {}
    for one in series:
        if one.type in SYSTEM_TYPES:
            continue
        if one.consumer:
            flows.setdefault(("topic", one.topic, "consumer", one.consumer), set()).add(one.type)
        else:
            flows.setdefault(("source", one.source, "topic", one.topic), set()).add(one.type)
    nodes = _nodes(flows, loads)
    edges = [
        Edge(
            start=start,
            end=end,
            kind=start_kind,
            types=tuple(sorted(types)),
            path=_curve(nodes[start_kind, start], nodes[end_kind, end]),
        )
        for (start_kind, start, end_kind, end), types in sorted(flows.items())
    ]
    rows = max((_rows(nodes.values(), kind) for kind in COLUMNS), default=0)
    return Graph(nodes=list(nodes.values()), edges=edges, height=TOP + max(1, rows) * ROW_HEIGHT)


def _nodes(
    flows: Iterable[tuple[str, str, str, str]], loads: Mapping[tuple[str, str], Load]
) -> dict[tuple[str, str], Node]:
    names: dict[str, set[str]] = {kind: set() for kind in COLUMNS}
    for start_kind, start, end_kind, end in flows:
        names[start_kind].add(start)
        names[end_kind].add(end)
    tallest = max(len(found) for found in names.values())
    return {
        (kind, name): Node(
            kind=kind,
            name=name,
            x=X_OF[kind],
            y=TOP + row * ROW_HEIGHT + (tallest - len(names[kind])) * ROW_HEIGHT // 2,
            load=loads.get((kind, name), Load()),
        )
        for kind in COLUMNS
        for row, name in enumerate(sorted(names[kind]))
    }


def _rows(nodes: Iterable[Node], kind: str) -> int:
    return sum(node.kind == kind for node in nodes)


def _curve(start: Node, end: Node) -> str:
    x1, x2 = start.x + NODE_WIDTH, end.x
    bend = (x2 - x1) / 2
    return (
        f"M{x1} {start.middle:g} C{x1 + bend:g} {start.middle:g} "
        f"{x2 - bend:g} {end.middle:g} {x2} {end.middle:g}"
    )
