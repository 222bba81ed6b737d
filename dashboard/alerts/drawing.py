"""The chart of a rule tried on the past: its metric, its limit, when it would have fired. Pure."""

from __future__ import annotations

from typing import Any

import numpy as np

from dashboard.alerts.readings import F64
from dashboard.alerts.replaying import History, Span
from dashboard.alerts.rule import Rule
from dashboard.alerts.wording import format_value
from dashboard.looks import (
    BAND,
    CLEAR,
    HOVER,
    LEGEND,
    MOST_SHAPES,
    X_AXIS,
    Y_AXIS,
    escaped,
    gaps,
)

__all__ = ["MOST_LINES", "draw_replay"]

MOST_LINES = 8
HEADROOM = 1.15
LEAD_STEPS, LEAST_STEPS, FEW_STEPS = 3, 24, 12
FIRED = {
    "type": "rect",
    "yref": "paper",
    "y0": 0,
    "y1": 1,
    "layer": "below",
    "fillcolor": "var(--es-bad)",
    "opacity": 0.14,
    "line": {"width": 0},
    "name": "fired",
}
DAYS = {
    "tickformatstops": [
        {"dtickrange": [None, 43_200_000], "value": "%H:%M"},
        {"dtickrange": [43_200_001, None], "value": "%b %-d"},
    ]
}
AXES = {
    "share": {"tickformat": ".3~%"},
    "ms": {"ticksuffix": " ms"},
    "/s": {"ticksuffix": "/s"},
    "times": {"ticksuffix": "×"},
}


def draw_replay(rule: Rule, history: History, spans: list[Span]) -> dict[str, Any]:
    """The figure as plain data, checked by plotly; at most `MOST_LINES` members, those that fired first."""
    from plotly.graph_objects import Figure

    chosen = _chosen(rule, history, spans)
    traces = [_line(rule, history, place, number) for number, place in enumerate(chosen)]
    many = len(traces) > 1
    layout = {
        "template": None,
        "margin": {"l": 8, "r": 76, "t": 24 if many else 8, "b": 4},
        "paper_bgcolor": CLEAR,
        "plot_bgcolor": CLEAR,
        "hovermode": "x unified",
        "dragmode": False,
        "showlegend": many,
        "font": {"color": "var(--es-text-faint)", "size": 11},
        "hoverlabel": HOVER,
        "legend": LEGEND,
        "xaxis": {**X_AXIS, **DAYS, "fixedrange": True, "range": _range(history)},
        "yaxis": {**Y_AXIS, **AXES.get(rule.unit, {}), "range": [0, _top(rule, history, chosen)]},
        "shapes": [*_gap_bands(history), *_fired(spans), *_limits(rule)],
        "annotations": _captions(rule),
    }
    plain: dict[str, Any] = Figure(data=traces, layout=layout).to_plotly_json()
    return plain


def _chosen(rule: Rule, history: History, spans: list[Span]) -> list[int]:
    fired = {span.subject for span in spans}
    worst = _worst(rule, history.values)
    order = sorted(
        range(len(history.subjects)),
        key=lambda place: (history.subjects[place] not in fired, -worst[place]),
    )
    return order[:MOST_LINES]


def _worst(rule: Rule, values: F64) -> list[float]:
    """How bad each member was at its worst, larger is worse; nothing known is not bad."""
    told = np.where(np.isnan(values), -np.inf if rule.below is None else np.inf, values)
    if not told.size:
        return [0.0] * values.shape[1]
    worst: list[float] = (told.max(axis=0) if rule.below is None else -told.min(axis=0)).tolist()
    return worst


def _line(rule: Rule, history: History, place: int, number: int) -> dict[str, Any]:
    name = escaped(history.subjects[place])
    return {
        "type": "scatter",
        "mode": "lines" if sum(history.known) > FEW_STEPS else "lines+markers",
        "x": [int(ms) for ms in history.times_ms],
        "y": [None if v != v else float(f"{v:.6g}") for v in history.values[:, place].tolist()],
        "name": name,
        "line": {"color": f"var(--es-series-{number + 1})", "width": 1.5},
        "connectgaps": False,
        "hovertemplate": _hover(rule.unit) + name + "<extra></extra>",
    }


def _hover(unit: str) -> str:
    number = {
        "share": "%{y:.3~%}",
        "ms": "%{y:,.3~r} ms",
        "/s": "%{y:,.3~s}/s",
        "times": "%{y:.3~r}×",
    }
    return number.get(unit, "%{y:,.4~r}") + " "


def _range(history: History) -> list[int]:
    """A house of a few hours shows these, and a little of the time before, instead of a grey week."""
    first = history.known.index(True) if any(history.known) else 0
    end = history.times_ms[-1] + history.step_ms
    shown = history.times_ms[first] - LEAD_STEPS * history.step_ms
    return [max(history.times_ms[0], min(shown, end - LEAST_STEPS * history.step_ms)), end]


def _top(rule: Rule, history: History, chosen: list[int]) -> float:
    drawn = history.values[:, chosen]
    highest = float(np.nanmax(drawn)) if drawn.size and not np.isnan(drawn).all() else 0.0
    return (max(highest, rule.limit, rule.clear) or 1.0) * HEADROOM


def _gap_bands(history: History) -> list[dict[str, Any]]:
    found = gaps(history.times_ms, history.known, history.step_ms)
    return [{**BAND, "x0": begin, "x1": end} for begin, end in found[-MOST_SHAPES:]]


def _fired(spans: list[Span]) -> list[dict[str, Any]]:
    """Of several members at once one stretch: what lies over each other would look worse than it is."""
    joined: list[tuple[int, int]] = []
    for span in sorted(spans, key=lambda one: one.from_ms):
        if joined and span.from_ms <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], span.until_ms))
        else:
            joined.append((span.from_ms, span.until_ms))
    return [{**FIRED, "x0": begin, "x1": end} for begin, end in joined[-MOST_SHAPES:]]


def _limits(rule: Rule) -> list[dict[str, Any]]:
    """The limit dotted, the clear threshold fainter if it is another."""
    told = [(rule.limit, "var(--es-objective)", "dash")]
    if rule.clear != rule.limit:
        told.append((rule.clear, "var(--es-text-faint)", "dot"))
    return [
        {
            "type": "line",
            "xref": "paper",
            "x0": 0,
            "x1": 1,
            "y0": value,
            "y1": value,
            "line": {"color": colour, "width": 1, "dash": dash},
            "name": "limit",
        }
        for value, colour, dash in told
    ]


def _captions(rule: Rule) -> list[dict[str, Any]]:
    """The words of the limit only: those of the clear threshold would lie too near."""
    return [
        {
            "xref": "paper",
            "x": 1,
            "xshift": 4,
            "xanchor": "left",
            "y": rule.limit,
            "yanchor": "middle",
            "align": "left",
            "showarrow": False,
            "font": {"color": "var(--es-text-soft)", "size": 11},
            "text": f"limit<br>{format_value(rule.limit, rule.unit)}",
            "name": "limit",
        }
    ]
