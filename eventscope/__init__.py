"""The kit that services import: publish, subscribe, retry, dead-letter, breakers, health."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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

_HOMES = {
    "Backoff": "eventscope.retry",
    "BreakerOpen": "eventscope.errors",
    "BrokerUnavailable": "eventscope.errors",
    "CheckResult": "eventscope.health",
    "CircuitBreaker": "eventscope.breaker",
    "ConcurrencyError": "eventscope.errors",
    "EnvelopeError": "eventscope.errors",
    "Event": "eventscope.envelope",
    "EventBus": "eventscope.bus",
    "EventscopeError": "eventscope.errors",
    "HandlerError": "eventscope.errors",
    "HealthReporter": "eventscope.health",
    "NoRetry": "eventscope.errors",
    "RetryPolicy": "eventscope.retry",
    "Skip": "eventscope.errors",
    "SyncEventBus": "eventscope.sync",
    "TransportError": "eventscope.errors",
    "current_event": "eventscope.envelope",
    "new_event": "eventscope.envelope",
}


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first asked for (PEP 562).

    Programs that want only durations or stamps, as the dashboard does, then start without loading
    the broker's clients.
    """
    try:
        home = _HOMES[name]
    except KeyError:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}") from None
    value: object = getattr(import_module(home), name)
    globals()[name] = value
    return value
