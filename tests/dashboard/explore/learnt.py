"""Flows as the learner would leave them: counts, stuck ones, how far it came."""

from __future__ import annotations

from ingest.models import FlowCount, FlowState, StuckFlow
from ingest.queries.flows import DAY_MS, pack_delays
from ingest.sketch import bin_of
from tests.dashboard.explore.factories import START

__all__ = ["NOW", "count", "learn_orders", "stick"]

NOW = START + 60_000


def learn_orders(stock_taken: int = 1000, **state: object) -> None:
    """A thousand orders, ``stock_taken`` of them with stock taken after a second; 1 in 8 was looked at."""
    count("ORDER_CREATED")
    count("ORDER_CREATED", "", "STOCK_TAKEN", stock_taken)
    count("ORDER_CREATED", "ORDER_CREATED", "STOCK_TAKEN", stock_taken)
    FlowState.objects.create(pk=1, ran_ms=START, watermark_ms=NOW, learnt=1000, bits=3, **state)


def count(start: str, parent: str = "", type: str = "", number: int = 1000) -> None:
    FlowCount.objects.create(
        day=START // DAY_MS,
        start=start,
        parent=parent,
        type=type,
        correlations=number,
        occurrences=number,
        delays=pack_delays([bin_of(1000)], [number]),
        sources={"inventory-service": number},
        first_ms=START,
        last_ms=START + 5,
    )


def stick(number: int, start: str = "ORDER_CREATED") -> StuckFlow:
    """One that waits for stock since START + ``number``."""
    return StuckFlow.objects.create(
        correlation=number,
        correlation_id=f"corr_{number}",
        start=start,
        started_ms=START,
        last_type="ORDER_CREATED",
        last_source="order-service",
        last_ms=START + number,
        parent="ORDER_CREATED",
        parent_ms=START + number,
        type="STOCK_TAKEN",
        source="inventory-service",
        share=0.997,
        usual_ms=1200,
        due_ms=START + number + 5000,
    )
