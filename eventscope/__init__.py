"""The kit that services import: publish, subscribe, retry, dead-letter, breakers, health."""

from __future__ import annotations

from eventscope.bus import EventBus
from eventscope.envelope import Event, current_event, new_event
from eventscope.errors import (
    BreakerOpen,
    BrokerUnavailable,
    ConcurrencyError,
    EnvelopeError,
    EventscopeError,
    HandlerError,
    NoRetry,
    Skip,
    TransportError,
)
from eventscope.retry import Backoff, RetryPolicy

__all__ = [
    "Backoff",
    "BreakerOpen",
    "BrokerUnavailable",
    "ConcurrencyError",
    "EnvelopeError",
    "Event",
    "EventBus",
    "EventscopeError",
    "HandlerError",
    "NoRetry",
    "RetryPolicy",
    "Skip",
    "TransportError",
    "current_event",
    "new_event",
]
