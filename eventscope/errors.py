"""The one exception base of the kit, and the errors that its users meet."""

from __future__ import annotations

__all__ = [
    "BreakerOpen",
    "BrokerUnavailable",
    "ConcurrencyError",
    "EnvelopeError",
    "EventscopeError",
    "HandlerError",
    "NoRetry",
    "ReducerError",
    "Skip",
    "TransportError",
]


class EventscopeError(Exception):
    """Something in Eventscope went wrong."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()


class EnvelopeError(EventscopeError, ValueError):
    """The message is not an event in the native envelope."""


class TransportError(EventscopeError):
    """The broker refused a command."""


class BrokerUnavailable(TransportError):
    """The broker does not answer; is it running, and is its address right?"""


class HandlerError(EventscopeError):
    """Handling failed; ``code`` is the error type that receipts, dead letters and handlers see."""

    def __init__(self, message: str = "", *, code: str = "") -> None:
        super().__init__(message)
        self.code = code or type(self).__name__


class NoRetry(HandlerError):
    """Handling failed and trying again will not help: dead-letter at once."""


class Skip(EventscopeError):
    """The handler has nothing to do with this event: acknowledged, reported as skipped."""


class BreakerOpen(EventscopeError):
    """The circuit breaker is open; the call was not made."""


class ConcurrencyError(EventscopeError):
    """The entity has changed since it was read; read it again and repeat the decision."""


class ReducerError(EventscopeError, ValueError):
    """The reducer is not there, or cannot take this event."""
