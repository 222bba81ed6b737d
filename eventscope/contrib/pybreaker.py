"""Circuit breakers of pybreaker on the Breakers page: ``CircuitBreaker(listeners=[BreakerListener(bus)])``."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from contextvars import ContextVar
from typing import Any

from eventscope.breaker import Reporter
from eventscope.contrib.missing import MissingLibrary
from eventscope.durations import parse_duration
from eventscope.payloads import BreakerChange
from eventscope.window import Rates, Window

try:
    import pybreaker
except ImportError as error:
    raise MissingLibrary("pybreaker", "pybreaker") from error

__all__ = ["BreakerListener"]

_began: ContextVar[float] = ContextVar("eventscope_pybreaker")
_STATES = {
    pybreaker.STATE_CLOSED: "closed",
    pybreaker.STATE_OPEN: "open",
    pybreaker.STATE_HALF_OPEN: "half_open",
}


class BreakerListener(pybreaker.CircuitBreakerListener):
    """Publishes every change of state, with error rate, latency and throughput of the last ``window``.

    One listener may serve many breakers; give each a ``name``. Calls that are refused count for nothing.
    """

    def __init__(
        self,
        bus: Reporter,
        *,
        window: str | float = "60s",
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._bus = bus
        self._seconds = parse_duration(window)
        self._clock = clock
        self._lock = threading.Lock()
        self._windows: dict[str, Window] = {}

    def before_call(self, cb: Any, func: Any, *args: Any, **kwargs: Any) -> None:
        _began.set(self._clock())

    def success(self, cb: Any) -> None:
        self._record(_name(cb), failed=False)

    def failure(self, cb: Any, exc: BaseException) -> None:
        self._record(_name(cb), failed=True)

    def state_change(self, cb: Any, old_state: Any, new_state: Any) -> None:
        before, after = (_STATES.get(state.name, state.name) for state in (old_state, new_state))
        name = _name(cb)
        self._bus.report(
            "CircuitBreakerStateChanged",
            _change(cb, name, self._bus, before, after, self._rates(name)),
        )

    def _record(self, name: str, *, failed: bool) -> None:
        now = self._clock()
        with self._lock:
            window = self._windows.setdefault(name, Window(self._seconds))
            window.record(now, failed=failed, seconds=now - _began.get(now))

    def _rates(self, name: str) -> Rates:
        with self._lock:
            return self._windows.setdefault(name, Window(self._seconds)).rates(self._clock())


def _name(cb: Any) -> str:
    return cb.name or "pybreaker"


def _change(
    cb: Any, name: str, bus: Reporter, before: str, after: str, rates: Rates
) -> BreakerChange:
    return BreakerChange(
        name=name,
        service=bus.source,
        instance=bus.instance,
        from_=before,
        to=after,
        failure_count=cb.fail_counter,
        failure_threshold=cb.fail_max,
        reset_timeout_ms=round(cb.reset_timeout * 1000),
        half_open_timeout_ms=0,
        error_rate=round(rates.error_rate, 6),
        latency_ms=round(rates.latency_ms, 3),
        throughput=round(rates.throughput, 3),
        reason=_reason(cb, after),
    )


def _reason(cb: Any, after: str) -> str:
    """pybreaker gives none; what can be told from its settings."""
    if after == "open":
        return f"{cb.fail_counter} failures, {cb.fail_max} open it"
    if after == "half_open":
        return f"reset timeout of {cb.reset_timeout:g}s is over"
    return "a trial call succeeded, or it was closed by hand"
