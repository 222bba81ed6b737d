"""Fill and drain as a drawing: what was open above, what came and went below. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import NamedTuple

from ingest.queries.deploys import Deploy
from ingest.queries.letter_flows import Flow

__all__ = ["HEIGHT", "WIDTH", "Bar", "Drawing", "Mark", "draw_flow"]

WIDTH, HEIGHT = 720, 150
LANE = 70
"""Height of the upper lane (open); the lower one has its zero line in the middle of the rest."""
ZERO = LANE + (HEIGHT - LANE) / 2
ROOM = (HEIGHT - LANE) / 2 - 4


class Bar(NamedTuple):
    """``kind`` is arrived or drained; ``text`` says it in words."""

    kind: str
    x: float
    y: float
    width: float
    height: float
    text: str


class Mark(NamedTuple):
    """A deploy, where it stands: ``name`` is the service with its version."""

    x: float
    name: str
    at_ms: int

    @property
    def text(self) -> str:
        """For a drawing, which knows no time of the reader's own."""
        return f"{self.name}, {_moment(self.at_ms)}"


class Drawing(NamedTuple):
    """``area`` are the points of the open letters' outline; the sums are those of the whole span."""

    area: str
    bars: list[Bar]
    marks: list[Mark]
    arrived: int
    drained: int
    before: int
    now: int
    most_open: int

    @property
    def empty(self) -> bool:
        return not (self.arrived or self.drained or self.now)


def draw_flow(flows: Sequence[Flow], *, step_ms: int, deploys: Iterable[Deploy] = ()) -> Drawing:
    """``flows`` oldest first, one at least."""
    across = WIDTH / len(flows)
    most_open = max(flow.open for flow in flows)
    most = max(1, *(max(flow.arrived, flow.drained) for flow in flows))
    bars = []
    for place, flow in enumerate(flows):
        text = _text(flow, step_ms)
        for kind, count in (("arrived", flow.arrived), ("drained", flow.drained)):
            if count:
                height = max(1.5, count / most * ROOM)
                y = ZERO - height if kind == "arrived" else ZERO
                x = place * across + across * 0.15
                bars.append(Bar(kind, *map(_tenth, (x, y, across * 0.7, height)), text))
    first = flows[0]
    return Drawing(
        area=_area(flows, across, most_open),
        bars=bars,
        marks=_marks(deploys, first.at_ms, len(flows) * step_ms),
        arrived=sum(flow.arrived for flow in flows),
        drained=sum(flow.drained for flow in flows),
        before=max(0, first.open - first.arrived - first.reopened + first.drained),
        now=flows[-1].open,
        most_open=most_open,
    )


def _marks(deploys: Iterable[Deploy], since_ms: int, span_ms: int) -> list[Mark]:
    inside = [deploy for deploy in deploys if 0 <= deploy.at_ms - since_ms < span_ms]
    return [
        Mark(
            _tenth((deploy.at_ms - since_ms) / span_ms * WIDTH),
            f"{deploy.service} {deploy.version}",
            deploy.at_ms,
        )
        for deploy in inside
    ]


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, tz=UTC).strftime("%Y-%m-%d %H:%M UTC")


def _area(flows: Sequence[Flow], across: float, most_open: int) -> str:
    room = LANE - 10
    points = [(0.0, float(LANE))]
    for place, flow in enumerate(flows):
        y = LANE - flow.open / max(1, most_open) * room
        points += [(place * across, y), ((place + 1) * across, y)]
    points.append((float(WIDTH), float(LANE)))
    return " ".join(f"{_tenth(x)},{_tenth(y)}" for x, y in points)


def _text(flow: Flow, step_ms: int) -> str:
    moment = _moment(flow.at_ms)
    when = moment[:10] if step_ms >= 86_400_000 else moment
    kinds = ("arrived", "resolved", "superseded", "discarded", "archived", "reopened", "expired")
    parts = [f"{count:,} {kind}" for kind in kinds if (count := getattr(flow, kind))]
    return f"{when}: {', '.join(parts)}; {flow.open:,} open"


def _tenth(number: float) -> float:
    return round(number, 1)
