"""What a tick says, made of query results: pure. A tick is the same for every socket.

The last seconds are sent again each time, so that what arrives late corrects the charts; seconds
that are not known are said to be unknown, never zero.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Protocol

import orjson

from dashboard.live.tiles import Tile, tile_json

__all__ = [
    "GROUPINGS",
    "KINDS",
    "OTHER",
    "QUANTILES",
    "TICK_BYTES",
    "Group",
    "Table",
    "build_tick",
    "encode_tick",
    "group_series",
    "rounded",
    "told_groups",
]

GROUPINGS = ("", "type", "source", "consumer")
KINDS = ("processing", "queue", "critical", "publish_delay")
QUANTILES = (0.5, 0.95, 0.99)
OTHER = "other"
TICK_BYTES = 10_000


class Group(Protocol):
    """What is used of `ingest.queries.metrics.MetricGroup`."""

    name: str
    published: Sequence[int]
    processed: Sequence[int]

    def quantiles(self, kind: str, q: float) -> list[float | None]: ...
    def error_rate(self) -> list[float | None]: ...


class Table(Protocol):
    """What is used of `ingest.queries.metrics.MetricTable`."""

    times_ms: Sequence[int]
    known: Sequence[bool]
    groups: Sequence[Group]


def build_tick(
    *,
    now_ms: int,
    status: dict[str, Any],
    tiles: Iterable[Tile],
    tables: dict[str, Table],
    services: list[dict[str, Any]],
) -> dict[str, Any]:
    """The body of a tick: what the strip, the tiles and the charts need of now."""
    total = tables[""]
    return {
        "now": now_ms,
        "status": status,
        "tiles": [tile_json(tile) for tile in tiles],
        "times": [int(ms) for ms in total.times_ms],
        "known": [int(known) for known in total.known],
        "by": {
            grouping: {group.name: group_series(group, grouping) for group in told_groups(table)}
            for grouping, table in tables.items()
        },
        "services": services,
    }


def encode_tick(tick: dict[str, Any], *, limit: int = TICK_BYTES) -> bytes:
    """The tick as JSON; older seconds are left out until it fits the limit, the newest two never."""
    body = orjson.dumps(tick)
    while len(body) > limit and len(tick["times"]) > 2:
        tick = {
            **tick,
            "times": tick["times"][1:],
            "known": tick["known"][1:],
            "by": {key: _shorter(groups) for key, groups in tick["by"].items()},
        }
        body = orjson.dumps(tick)
    return body


def told_groups(table: Table) -> list[Group]:
    """The groups of a table, without a rest in which there is nothing."""
    return [
        group
        for group in table.groups
        if group.name != OTHER or sum(group.published) + sum(group.processed) > 0
    ]


def group_series(group: Group, grouping: str) -> dict[str, Any]:
    """One group's seconds: p published, n processed, e error share, q quantiles by kind.

    A grouping by source has no handlings and one by consumer no publishing; what is all nothing is
    left out.
    """
    series: dict[str, Any] = {}
    if grouping != "consumer":
        series["p"] = [int(count) for count in group.published]
    if grouping != "source":
        series["n"] = [int(count) for count in group.processed]
        series["e"] = [rounded(share) for share in group.error_rate()]
    kinds = {"source": KINDS[3:], "consumer": KINDS[:3]}.get(grouping, KINDS)
    quantiles = QUANTILES if grouping == "" else (0.95,)
    lines = {kind: _quantiles(group, kind, quantiles) for kind in kinds}
    series["q"] = {
        kind: told
        for kind, told in lines.items()
        if any(value is not None for line in told for value in line)
    }
    return series


def rounded(value: float | None) -> float | None:
    """Three digits are all that a chart can show."""
    return None if value is None else float(f"{value:.3g}")


def _quantiles(group: Group, kind: str, quantiles: Iterable[float]) -> list[list[float | None]]:
    return [[rounded(value) for value in group.quantiles(kind, q)] for q in quantiles]


def _shorter(groups: dict[str, Any]) -> dict[str, Any]:
    return {name: _cut(series) for name, series in groups.items()}


def _cut(series: dict[str, Any]) -> dict[str, Any]:
    cut = {key: values[1:] for key, values in series.items() if key != "q"}
    cut["q"] = {kind: [line[1:] for line in lines] for kind, lines in series["q"].items()}
    return cut
