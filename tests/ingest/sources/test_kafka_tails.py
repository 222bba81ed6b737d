"""How far a partition is observed, when its producers' clocks are ahead."""

from __future__ import annotations

import pytest

from ingest.records import Message, Position
from ingest.sources.base import Checkpoint, Place
from ingest.sources.kafka_tails import Tail, intake_of

NOW_MS = 1_795_764_396_375


@pytest.mark.parametrize(
    ("ahead_ms", "observed_ms"), [(-5_000, NOW_MS - 5_000), (3_600_000, NOW_MS)]
)
def test_nothing_is_observed_later_than_it_was_looked(ahead_ms: int, observed_ms: int) -> None:
    tail = Tail(Place("orders", 0), Checkpoint(Position(0, 0)))
    tail.end, tail.next = 100, 2  # more waits than was read
    message = Message(Position(1, 1), NOW_MS + ahead_ms, None, b"{}", ())

    intake = intake_of(tail, [message], NOW_MS)

    assert (intake.observed_until_ms, intake.checkpoint.observed_ms) == (observed_ms, observed_ms)
