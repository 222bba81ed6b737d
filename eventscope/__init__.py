"""The kit that services import: publish, subscribe, retry, dead-letter, breakers, health."""

from __future__ import annotations

from eventscope.breaker import CircuitBreaker
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
from eventscope.health import CheckResult, HealthReporter
from eventscope.retry import Backoff, RetryPolicy
from eventscope.sync import SyncEventBus

__all__ = [
    "Backoff",
    "BreakerOpen",
    "BrokerUnavailable",
    "CheckResult",
    "CircuitBreaker",
    "ConcurrencyError",
    "EnvelopeError",
    "Event",
    "EventBus",
    "EventscopeError",
    "HandlerError",
    "HealthReporter",
    "NoRetry",
    "RetryPolicy",
    "Skip",
    "SyncEventBus",
    "TransportError",
    "current_event",
    "new_event",
]
