"""How long a flow may be quiet before it has ended."""

from __future__ import annotations

import pytest

from ingest.flows.ending import HORIZON_FACTOR, HORIZON_LEAST_MS, KNOWN_FROM, horizon_ms
from ingest.options import FlowOptions
from ingest.queries.flows import Flow, FlowStep

QUIET = 600_000


def flow(*p99s: float, correlations: int = KNOWN_FROM) -> Flow:
    def step(type: str, p99: float) -> FlowStep:
        return FlowStep("A", type, (), correlations, correlations, 1, 1.0, p99, p99, p99, 0, 0)

    edges = tuple(step(f"T{number}", p99) for number, p99 in enumerate(p99s))
    return Flow("A", step("", 0), (), edges)


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        (None, QUIET),
        (flow(50, correlations=KNOWN_FROM - 1), QUIET),
        (flow(50), HORIZON_LEAST_MS),
        (flow(), HORIZON_LEAST_MS),
        (flow(50, 20_000, 60), HORIZON_FACTOR * 20_000),
        (flow(500_000), QUIET),
    ],
)
def test_flow_has_ended_well_after_its_slowest_step_usually_comes(
    known: Flow | None, expected: float
) -> None:
    assert horizon_ms(known, FlowOptions()) == expected
