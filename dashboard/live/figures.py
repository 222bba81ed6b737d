"""The overview's figures. Colours are names of CSS variables, which the browser looks up.

Each line that ticks extend says in its ``meta`` what it shows: group and field (see
`dashboard.live.ticks.group_series`). Unknown time is a gap in the lines and a band behind them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.live.objectives import Fit, Objective, caption, fitting, rule
from dashboard.live.ranges import Window
from dashboard.live.ticks import OTHER, Table, group_series, rounded, told_groups
from dashboard.looks import (
    BAND,
    CLEAR,
    HOVER,
    LEGEND,
    MOST_SHAPES,
    TICKS,
    X_AXIS,
    Y_AXIS,
    escaped,
    gaps,
)
from dashboard.options import ObjectiveOptions

__all__ = ["Chart", "build_charts"]

SERIES_COLOURS = 8
NEWEST_MS = 5000
LEAST_SHOWN_MS = 60_000
QUANTILE_NAMES = ("p50", "p95", "p99")
MARK = {
    "type": "line",
    "yref": "paper",
    "y0": 0,
    "y1": 1,
    "line": {"color": "var(--es-marker)", "width": 1, "dash": "dot"},
    "name": "service",
}
Series = list[tuple[str, dict[str, Any]]]


@dataclass(frozen=True)
class Chart:
    """All that the three figures are made of. What is older than ``begun_ms`` is left out."""

    table: Table
    by: str
    latency: str
    window: Window
    objectives: ObjectiveOptions
    services: Sequence[dict[str, Any]]
    begun_ms: int = 0


def build_charts(chart: Chart) -> dict[str, Any]:
    """The figures ``throughput``, ``latency`` and ``errors`` as plain data."""
    series = [(group.name, group_series(group, chart.by)) for group in told_groups(chart.table)]
    return {
        "throughput": _throughput(chart, series),
        "latency": _latency(chart, series),
        "errors": _errors(chart, series),
    }


def _throughput(chart: Chart, series: Series) -> dict[str, Any]:
    traces = []
    step, total = chart.window.step, chart.by == ""
    main = "n" if chart.by == "consumer" else "p"
    for place, (name, values) in enumerate(series):
        for field in ("p", "n") if total else (main,):
            label = {"p": "Published", "n": "Processed"}[field] if total else name
            line = _line(
                chart,
                [count / step for count in values[field]],
                label=label,
                colour=_colour(place + (total and field == "n"), name),
                meta={"group": name, "field": field},
            )
            if field != main:
                line["line"]["dash"] = "dot"
            line["hovertemplate"] = "%{y:,.3~s}/s " + escaped(label) + "<extra></extra>"
            traces.append(line)
    limit = chart.objectives.events_per_second
    goal = Objective(limit, "planned", f"{limit:,.0f}/s")
    return _figure(chart, traces, [goal], {}, fit=Fit(within=2.5, least=10), legend=True)


def _latency(chart: Chart, series: Series) -> dict[str, Any]:
    traces = []
    for place, (name, values) in enumerate(series):
        for index, quantile in enumerate(values["q"].get(chart.latency) or []):
            label = QUANTILE_NAMES[index] if chart.by == "" else name
            line = _line(
                chart,
                quantile,
                label=label,
                colour=_colour(index if chart.by == "" else place, name),
                meta={"group": name, "field": "q", "kind": chart.latency, "index": index},
            )
            line["hovertemplate"] = "%{y:,.3~r} ms " + escaped(label) + "<extra></extra>"
            traces.append(line)
    limits = (chart.objectives.p50, chart.objectives.p95, chart.objectives.p99)
    goals = [
        Objective(limit * 1000, label, f"{limit * 1000:,.0f} ms", _objective_colour(chart, index))
        for index, (label, limit) in enumerate(zip(QUANTILE_NAMES, limits, strict=True))
        if chart.by == "" or label == "p95"
    ]
    axis = {"type": "log", "tickvals": list(TICKS), "ticktext": list(TICKS.values())}
    return _figure(chart, traces, goals, axis)


def _errors(chart: Chart, series: Series) -> dict[str, Any]:
    traces = []
    for place, (name, values) in enumerate(series):
        if "e" not in values:
            continue
        label = name or "Error rate"
        colour = "var(--es-series-6)" if chart.by == "" else _colour(place, name)
        meta = {"group": name, "field": "e"}
        line = _line(chart, values["e"], label=label, colour=colour, meta=meta)
        line["hovertemplate"] = "%{y:.3~%} " + escaped(label) + "<extra></extra>"
        traces.append(line)
    limit = chart.objectives.error_rate
    goal = Objective(limit, "at most", f"{limit * 100:.3g}%")
    return _figure(chart, traces, [goal], {"tickformat": ".2~%"}, fit=Fit(within=10, least=0))


def _line(
    chart: Chart,
    values: Iterable[float | None],
    *,
    label: str,
    colour: str,
    meta: dict[str, Any],
) -> dict[str, Any]:
    known = chart.table.known
    return {
        "type": "scatter",
        "mode": "lines",
        "x": [int(ms) for ms in chart.table.times_ms],
        "y": [rounded(v) if is_known else None for v, is_known in zip(values, known, strict=True)],
        "name": escaped(label),
        "line": {"color": colour, "width": 1.75},
        "connectgaps": False,
        "legendgroup": escaped(label),
        "meta": meta,
    }


def _figure(
    chart: Chart,
    traces: list[dict[str, Any]],
    goals: list[Objective],
    axis: dict[str, Any],
    *,
    fit: Fit | None = None,
    legend: bool = False,
) -> dict[str, Any]:
    """The figure as plain data, checked by plotly: an attribute that does not exist is refused.

    The three charts share their colours, so a breakdown has one legend, the first chart's.
    """
    from plotly.graph_objects import Figure

    many = legend if chart.by else len(traces) > 1
    layout = {
        "template": None,
        "margin": {"l": 8, "r": 52 if fit else 72, "t": 24 if many else 8, "b": 4},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "hovermode": "x unified",
        "dragmode": "zoom",
        "showlegend": many,
        "font": {"color": "var(--es-text-faint)", "size": 11},
        "hoverlabel": HOVER,
        "legend": LEGEND,
        "xaxis": {**X_AXIS, "range": _shown_range(chart)},
        "yaxis": {**Y_AXIS, **axis},
        "shapes": [*_gap_bands(chart), *_service_marks(chart), *(rule(goal) for goal in goals)],
        "annotations": [caption(goal, log=fit is None) for goal in goals],
        "meta": {"fit": fitting(fit, goals[0])} if fit else {},
    }
    plain: dict[str, Any] = Figure(data=traces, layout=layout).to_plotly_json()
    return plain


def _shown_range(chart: Chart) -> list[int]:
    """A house of a few minutes shows these instead of the long time before it."""
    since, until = chart.window.since_ms, chart.window.until_ms
    return [max(since, min(chart.begun_ms, until - LEAST_SHOWN_MS)), until]


def _gap_bands(chart: Chart) -> list[dict[str, Any]]:
    """Bands, but for the newest step, which is unknown only until it is over and stored."""
    step_ms = chart.window.step * 1000
    newest_ms = max(NEWEST_MS, step_ms)
    found = gaps(chart.table.times_ms, chart.table.known, step_ms)
    if found and found[-1][1] >= chart.window.until_ms and found[-1][1] - found[-1][0] <= newest_ms:
        found.pop()
    return [{**BAND, "x0": begin, "x1": end} for begin, end in found[-MOST_SHAPES:]]


def _service_marks(chart: Chart) -> list[dict[str, Any]]:
    return [
        {**MARK, "x0": service["at"], "x1": service["at"]}
        for service in chart.services[-MOST_SHAPES:]
    ]


def _objective_colour(chart: Chart, index: int) -> str:
    return _colour(index, "") if chart.by == "" else "var(--es-objective)"


def _colour(place: int, name: str) -> str:
    if name == OTHER or place >= SERIES_COLOURS:
        return "var(--es-series-other)"
    return f"var(--es-series-{place + 1})"
