"""How a chart shows an objective: a line with its words beside it, or words at the top edge."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["Fit", "Objective", "caption", "fitting", "rule"]

RULE = {"type": "line", "xref": "paper", "x0": 0, "x1": 1, "name": "objective"}
CAPTION = {
    "xref": "paper",
    "x": 1,
    "xshift": 4,
    "xanchor": "left",
    "yanchor": "middle",
    "align": "left",
    "showarrow": False,
    "font": {"color": "var(--es-text-soft)", "size": 11},
    "borderpad": 0,
    "name": "objective",
}
FAR_CAPTION = {
    **CAPTION,
    "xshift": -4,
    "xanchor": "right",
    "yref": "paper",
    "y": 1,
    "yanchor": "top",
    "font": {"color": "var(--es-objective)", "size": 11},
}
HEADROOM = 1.18


@dataclass(frozen=True)
class Objective:
    """A promise: its value on the axis, its name and its amount in words, its line's colour."""

    value: float
    name: str
    amount: str
    colour: str = "var(--es-objective)"


@dataclass(frozen=True)
class Fit:
    """How the y axis follows the data, which the browser works out anew with each tick.

    An objective up to ``within`` times the highest value is a line; one farther off is told at the
    top edge, so that it does not flatten what it is compared with. While all is zero the axis ends
    at ``least``, or at the objective if that is 0.
    """

    within: float
    least: float


def rule(goal: Objective) -> dict[str, Any]:
    line = {"color": goal.colour, "width": 1, "dash": "dot"}
    return {**RULE, "y0": float(goal.value), "y1": float(goal.value), "line": line}


def caption(goal: Objective, *, log: bool) -> dict[str, Any]:
    """The objective's words beside its line's end; on a log axis plotly wants the exponent, and
    lines may be close."""
    y = math.log10(goal.value) if log and goal.value > 0 else float(goal.value)
    return {**CAPTION, "y": y, "text": f"{goal.name}{' ' if log else '<br>'}{goal.amount}"}


def fitting(fit: Fit, goal: Objective) -> dict[str, Any]:
    far = {**FAR_CAPTION, "text": f"{goal.name} {goal.amount} ↑"}
    return {**asdict(fit), "objective": float(goal.value), "headroom": HEADROOM, "far": far}
