"""Fill and drain as a drawing."""

from __future__ import annotations

from dashboard.recovery.burndown import HEIGHT, LANE, WIDTH, ZERO, draw_flow
from ingest.queries.deploys import Deploy
from ingest.queries.letter_flows import Flow

HOUR = 3_600_000


def flow(at: int, *, arrived: int = 0, resolved: int = 0, opened: int = 0) -> Flow:
    return Flow(at * HOUR, arrived, resolved, 0, 0, 0, 0, 0, opened)


def test_arrivals_go_up_and_what_was_dealt_with_goes_down() -> None:
    drawn = draw_flow(
        [flow(0, arrived=8, opened=10), flow(1, arrived=2, resolved=4, opened=8)], step_ms=HOUR
    )
    up, small, down = drawn.bars
    assert (up.kind, small.kind, down.kind) == ("arrived", "arrived", "drained")
    assert (down.y, up.y + up.height) == (ZERO, ZERO)
    assert up.height == 4 * small.height == 2 * down.height
    assert all(0 <= bar.x <= WIDTH - bar.width and LANE <= bar.y <= HEIGHT for bar in drawn.bars)
    assert down.text == "1970-01-01 01:00 UTC: 2 arrived, 4 resolved; 8 open"
    assert (drawn.before, drawn.now, drawn.arrived, drawn.drained) == (2, 8, 10, 4)


def test_nothing_at_all_is_said_to_be_nothing() -> None:
    drawn = draw_flow([flow(0), flow(1)], step_ms=24 * HOUR)
    assert drawn.empty
    assert drawn.bars == []
    assert not draw_flow([flow(0, opened=3)], step_ms=HOUR).empty


def test_deploys_of_the_span_are_marked_where_they_were() -> None:
    deploys = [Deploy("payment", "1.1", HOUR), Deploy("payment", "1.0", 9 * HOUR)]
    drawn = draw_flow([flow(0, opened=1), flow(1)], step_ms=HOUR, deploys=deploys)
    assert drawn.marks == [(WIDTH / 2, "payment 1.1", HOUR)]
    assert drawn.marks[0].text == "payment 1.1, 1970-01-01 01:00 UTC"
