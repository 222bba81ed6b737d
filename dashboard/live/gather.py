"""Reads what a tick is made of. One call, a handful of queries, whatever the number of sockets."""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings

from dashboard.live.catching import CatchUp, Pace, Sample, catch_up
from dashboard.live.honesty import honesty_of, read_status
from dashboard.live.ranking import TOP_GROUPS, busiest
from dashboard.live.ticks import GROUPINGS, Table, build_tick, encode_tick
from dashboard.live.tiles import TREND, Facts, Tile, TrendMemory, build_tiles, registered_tiles
from ingest.queries import state
from ingest.queries.metrics import MetricTable, read_metrics
from ingest.queries.status import IngestStatus

__all__ = ["gather_tick", "gather_tiles", "service_json"]

RESENT_SECONDS = 6
MINUTE_MS = 60_000

_memory = TrendMemory()
_pace = Pace()


def gather_tick(now_ms: int | None = None) -> bytes:
    """The encoded body of the tick of now."""
    now_ms = now_ms or time.time_ns() // 1_000_000
    second = now_ms // 1000 * 1000
    status = read_status(now_ms)
    samples = _pace.add(Sample(now_ms, status.stored, status.lag))
    tables: dict[str, Table] = {grouping: _seconds(grouping, second) for grouping in GROUPINGS}
    tick = build_tick(
        now_ms=now_ms,
        status=honesty_of(status, catch_up(status, now_ms, samples)),
        tiles=gather_tiles(now_ms, status),
        tables=tables,
        services=_services(second - MINUTE_MS, now_ms),
    )
    return encode_tick(tick)


def _seconds(grouping: str, until_ms: int) -> MetricTable:
    return read_metrics(
        since_ms=until_ms - RESENT_SECONDS * 1000,
        until_ms=until_ms,
        resolution=1,
        step=1,
        group_by=grouping,
        named=busiest(grouping, until_ms) if grouping else (),
        max_groups=TOP_GROUPS + 1,
    )


def gather_tiles(now_ms: int, status: IngestStatus, catching: CatchUp | None = None) -> list[Tile]:
    """The tiles of now; rates and quantiles are of the last minute."""
    second = now_ms // 1000 * 1000
    table = read_metrics(since_ms=second - MINUTE_MS, until_ms=second, resolution=1, step=1)
    facts = _facts(table, status, catch_up(status, now_ms))
    return build_tiles(facts, settings.DASHBOARD.objectives, registered_tiles(), _memory)


def _facts(table: MetricTable, status: IngestStatus, catching: CatchUp | None) -> Facts:
    return Facts(
        **_measured(table),
        open_dead_letters=state.open_dead_letters(),
        open_breakers=state.open_breakers(),
        unhealthy=state.unhealthy_components(),
        lag=status.known_lag,
        stalled=status.stalled,
        behind=catching.behind if catching else "",
        others={source.key: source.read() for source in registered_tiles()},
    )


def _measured(table: MetricTable) -> dict[str, Any]:
    """Rates and quantiles of the last minute; None where nothing is known or nothing happened."""
    known = sum(table.known)
    if not known or not table.groups:
        nothing: dict[str, Any] = {"events_per_second": 0.0 if known else None}
        return nothing | _no_measures()
    group = table.groups[0]
    p95, delay = group.total_quantile("processing", 0.95), False
    kind = "processing"
    if p95 is None:
        kind, delay = "publish_delay", True
        p95 = group.total_quantile(kind, 0.95)
    published = [int(n) if k else None for n, k in zip(group.published, table.known, strict=True)]
    return {
        "events_per_second": group.total("published") / known,
        "rate_trend": tuple(published[-TREND:]),
        "p95": p95,
        "p95_trend": tuple(group.quantiles(kind, 0.95)[-TREND:]),
        "p95_is_publish_delay": delay,
        "error_rate": group.total_error_rate(),
        "error_trend": tuple(group.error_rate()[-TREND:]),
    }


def _no_measures() -> dict[str, Any]:
    return {
        "rate_trend": (),
        "p95": None,
        "p95_trend": (),
        "p95_is_publish_delay": False,
        "error_rate": None,
        "error_trend": (),
    }


def _services(since_ms: int, until_ms: int) -> list[dict[str, Any]]:
    """Service starts, the newest few."""
    found = state.markers(since_ms, until_ms, kinds=("started",), limit=8)
    return [service_json(marker) for marker in found]


def service_json(marker: Any) -> dict[str, Any]:
    """A service start for the browser."""
    words = (marker.service, marker.version, marker.instance)
    return {"at": marker.at_ms, "text": " ".join(word for word in words if word)[:120]}
