"""Reads what the overview's charts show."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import Any

from django.conf import settings

from dashboard.live.figures import Chart, build_charts
from dashboard.live.gather import service_json
from dashboard.live.ranges import LATENCIES, View, Window
from dashboard.live.ranking import TOP_GROUPS, busiest
from ingest.queries import state
from ingest.queries.coverage import coverage_of, read_streams
from ingest.queries.metrics import MetricTable, read_metrics

__all__ = ["read_charts"]


def read_charts(view: View, now_ms: int | None = None) -> dict[str, Any]:
    """Figures of ``view`` and what the page needs to keep them current."""
    now_ms = now_ms or time.time_ns() // 1_000_000
    kept = settings.INGEST.retention.metrics.second
    window = view.window(now_ms, seconds_kept=kept)
    table = read_metrics(
        since_ms=window.since_ms,
        until_ms=window.until_ms,
        resolution=window.resolution,
        step=window.step,
        group_by=view.by,
        named=busiest(view.by, now_ms) if view.by and view.live and window.step == 1 else (),
        max_groups=TOP_GROUPS + 1,
    )
    services = _services(window)
    begun_ms = _begun_ms() if _extends(view, window) else 0
    wanted, notes = view.latency, _notes(view, table)
    view = _substituted(view, table)
    chart = Chart(
        table=table,
        by=view.by,
        latency=view.latency,
        window=window,
        objectives=settings.DASHBOARD.objectives,
        services=services,
        begun_ms=begun_ms,
    )
    return {
        "meta": _meta(view, window, now_ms) | {"begun": begun_ms, "wanted": wanted},
        "figures": build_charts(chart),
        "notes": notes,
    }


def _meta(view: View, window: Window, now_ms: int) -> dict[str, Any]:
    return {
        "range": view.range,
        "by": view.by,
        "latency": view.latency,
        "since": window.since_ms,
        "until": window.until_ms,
        "step": window.step * 1000,
        "live": view.live,
        "extends": _extends(view, window),
        "now": now_ms,
        "query": view.query(),
    }


def _extends(view: View, window: Window) -> bool:
    """Whether ticks, which are of single seconds, go on with the lines."""
    return view.live and window.step == 1


def _begun_ms() -> int:
    return coverage_of(read_streams()).from_ms or 0


def _substituted(view: View, table: MetricTable) -> View:
    """Publish delay in place of processing time where there are no receipts."""
    publishers = view.by != "consumer" and _has(table, "publish_delay")
    if view.latency == "processing" and publishers and not _has(table, "processing"):
        return replace(view, latency="publish_delay")
    return view


def _notes(view: View, table: MetricTable) -> dict[str, str]:
    """Why a chart that is empty is."""
    if not any(table.known):
        return dict.fromkeys(("throughput", "latency", "errors"), "This time was not observed.")
    notes = {"throughput": "No events in this time."}
    if view.by == "source":
        notes["errors"] = "What failed is counted by type and consumer, not by source."
        notes["latency"] = "By source only the publish delay is known; choose it above."
    else:
        notes["errors"] = "Nothing was finished in this time, as far as receipts tell."
        notes["latency"] = f"No {LATENCIES[view.latency].lower()} is known for this time."
    if view.by == "consumer" and view.latency == "publish_delay":
        notes["latency"] = "Publish delay belongs to the publisher; choose another latency."
    return notes


def _has(table: MetricTable, kind: str) -> bool:
    return any(group.total_quantile(kind, 0.5) is not None for group in table.groups)


def _services(window: Window) -> list[dict[str, Any]]:
    found = state.markers(window.since_ms, window.until_ms, kinds=("started",))
    return [service_json(marker) for marker in found]
