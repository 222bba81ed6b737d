"""How all charts look: colours are names of CSS variables."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

__all__ = [
    "BAND",
    "CLEAR",
    "HOVER",
    "LEGEND",
    "MOST_SHAPES",
    "TICKS",
    "X_AXIS",
    "Y_AXIS",
    "escaped",
    "gaps",
]

MOST_SHAPES = 60

CLEAR = "rgba(0,0,0,0)"
HOVER = {
    "bgcolor": "var(--es-raised)",
    "bordercolor": "var(--es-line)",
    "font": {"color": "var(--es-text)", "size": 12},
}
LEGEND = {
    "orientation": "h",
    "x": 0,
    "y": 1,
    "yanchor": "bottom",
    "font": {"color": "var(--es-text-soft)", "size": 12},
    "itemclick": "toggle",
    "itemdoubleclick": "toggleothers",
}
TICKS = {
    0.1: "0.1 ms",
    0.3: "0.3 ms",
    1: "1 ms",
    3: "3 ms",
    10: "10 ms",
    30: "30 ms",
    100: "100 ms",
    300: "300 ms",
    1000: "1 s",
    3000: "3 s",
    10_000: "10 s",
    30_000: "30 s",
    100_000: "100 s",
    300_000: "5 min",
    1_000_000: "17 min",
    3_600_000: "1 h",
    14_400_000: "4 h",
    86_400_000: "1 d",
}
X_AXIS = {
    "type": "date",
    "showgrid": False,
    "linecolor": "var(--es-line)",
    "tickcolor": "var(--es-line)",
    "ticks": "outside",
    "ticklen": 4,
    "nticks": 8,
    "tickformatstops": [
        {"dtickrange": [None, 1000], "value": "%H:%M:%S.%L"},
        {"dtickrange": [1000, 60000], "value": "%H:%M:%S"},
        {"dtickrange": [60000, 86400000], "value": "%H:%M"},
        {"dtickrange": [86400000, None], "value": "%b %-d"},
    ],
}
Y_AXIS = {
    "automargin": True,
    "gridcolor": "var(--es-grid)",
    "zeroline": False,
    "fixedrange": True,
    "nticks": 5,
}
BAND = {
    "type": "rect",
    "yref": "paper",
    "y0": 0,
    "y1": 1,
    "layer": "below",
    "fillcolor": "var(--es-band)",
    "line": {"width": 0},
    "name": "gap",
}


def gaps(times: Sequence[int], known: Sequence[bool], step_ms: int) -> list[tuple[int, int]]:
    """The stretches of unknown time, joined."""
    found: list[tuple[int, int]] = []
    for at, is_known in zip(times, known, strict=True):
        if is_known:
            continue
        if found and found[-1][1] == at:
            found[-1] = (found[-1][0], at + step_ms)
        else:
            found.append((at, at + step_ms))
    return found


def escaped(text: str) -> str:
    """A name as it is: plotly reads tags, entities and ``%{…}`` in names and templates."""
    return escape(text, quote=False).replace("%{", "%\u200b{")
