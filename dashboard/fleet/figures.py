"""Figures of components and breakers, as plain data; colours are names of CSS variables. Pure.

Time in which a component was not well, or in which a breaker refused calls, is a band behind the lines.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dashboard.looks import CLEAR, HOVER, LEGEND, X_AXIS, Y_AXIS

__all__ = ["Band", "Line", "figure_of", "with_gaps"]

MOST_BANDS = 100
FEW_POINTS = 40
BAND = {
    "type": "rect",
    "yref": "paper",
    "y0": 0,
    "y1": 1,
    "layer": "below",
    "line": {"width": 0},
    "name": "band",
}
TONES = {
    "unhealthy": "var(--es-bad-soft)",
    "open": "var(--es-bad-soft)",
    "forced_open": "var(--es-bad-soft)",
    "degraded": "var(--es-warn-soft)",
    "half_open": "var(--es-warn-soft)",
    "unknown": "var(--es-band)",
}


class Line(NamedTuple):
    """``points`` are (ms since 1970, value); None is a gap. ``hover`` is plotly's format of a value.

    ``apart``: moments that no line joins.
    """

    name: str
    points: Sequence[tuple[int, float | None]]
    colour: str
    hover: str
    apart: bool = False


class Band(NamedTuple):
    status: str
    from_ms: int
    until_ms: int


def figure_of(
    lines: Iterable[Line],
    bands: Iterable[Band],
    *,
    since_ms: int,
    until_ms: int,
    axis: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """The figure, checked by plotly: an attribute that does not exist is refused."""
    from plotly.graph_objects import Figure

    traces = [_trace(line) for line in lines]
    layout = {
        "template": None,
        "margin": {"l": 8, "r": 12, "t": 24 if len(traces) > 1 else 8, "b": 4},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "hovermode": "x unified",
        "dragmode": False,
        "showlegend": len(traces) > 1,
        "font": {"color": "var(--es-text-faint)", "size": 11},
        "hoverlabel": HOVER,
        "legend": LEGEND,
        "xaxis": {**X_AXIS, "range": [since_ms, until_ms], "fixedrange": True},
        "yaxis": {**Y_AXIS, "rangemode": "tozero", **(axis or {})},
        "shapes": _shapes(bands, since_ms, until_ms),
    }
    plain: dict[str, Any] = Figure(data=traces, layout=layout).to_plotly_json()
    return plain


def _trace(line: Line) -> dict[str, Any]:
    return {
        "type": "scatter",
        "mode": _mode(line),
        "x": [at_ms for at_ms, _ in line.points],
        "y": [value for _, value in line.points],
        "name": line.name,
        "line": {"color": line.colour, "width": 1.75},
        "marker": {"color": line.colour, "size": 6},
        "connectgaps": False,
        "hovertemplate": f"%{{y:{line.hover}}} {line.name}<extra></extra>",
    }


def _mode(line: Line) -> str:
    if line.apart:
        return "markers"
    few = sum(value is not None for _, value in line.points) <= FEW_POINTS
    return "lines+markers" if few else "lines"


def _shapes(bands: Iterable[Band], since_ms: int, until_ms: int) -> list[dict[str, Any]]:
    inside = [
        (band.status, max(band.from_ms, since_ms), min(band.until_ms, until_ms))
        for band in bands
        if band.status in TONES
    ]
    return [
        {**BAND, "x0": begin, "x1": end, "fillcolor": TONES[status]}
        for status, begin, end in inside[-MOST_BANDS:]
        if end > begin
    ]


def with_gaps(
    points: Sequence[tuple[int, float | None]], step_ms: int
) -> list[tuple[int, float | None]]:
    """A gap wherever more than one step lies between two points."""
    found: list[tuple[int, float | None]] = []
    for at_ms, value in points:
        if found and at_ms - found[-1][0] > step_ms:
            found.append((found[-1][0] + step_ms, None))
        found.append((at_ms, value))
    return found
