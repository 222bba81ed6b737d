"""An event that waits for its next attempt, on whatever broker."""

from __future__ import annotations

from typing import NamedTuple

from eventscope.envelope import Event, decode_event
from eventscope.errors import EnvelopeError
from eventscope.transports.base import Delivery

__all__ = ["Waiting", "event_in"]


class Waiting(NamedTuple):
    """``attempts`` were made; ``idle_ms`` ago it was put to wait, None if it is due at once.

    ``movable``: its delay can be ended by `ingest.queries.retries.make_due`.
    """

    broker: str
    topic: str
    group: str
    entry: str
    attempts: int
    idle_ms: int | None
    event_id: str
    event_type: str
    correlation_id: str
    movable: bool = True


def event_in(one: Delivery) -> Event | None:
    """The event that waits there; None where it is none."""
    try:
        return decode_event(
            one.body or b"", topic=one.topic, position=one.entry, headers=one.headers
        )
    except EnvelopeError:
        return None
