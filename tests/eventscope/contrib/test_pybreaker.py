from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import pybreaker
import pytest

from eventscope import SyncEventBus
from eventscope.contrib.pybreaker import BreakerListener
from tests.servers import Valkey


def refuse() -> None:
    raise ConnectionError("the provider is down")


def test_changes_of_state_are_published_in_our_names_with_rates(
    valkey: Valkey, published: Callable[..., list[dict[str, Any]]]
) -> None:
    with SyncEventBus(valkey.url, source="payment-service", instance="one") as bus:
        breaker = pybreaker.CircuitBreaker(
            fail_max=2, reset_timeout=0.05, name="provider", listeners=[BreakerListener(bus)]
        )
        breaker.call(lambda: None)
        for _ in range(2):
            with pytest.raises((ConnectionError, pybreaker.CircuitBreakerError)):
                breaker.call(refuse)
        with pytest.raises(pybreaker.CircuitBreakerError):
            breaker.call(refuse)
        time.sleep(0.1)
        breaker.call(lambda: None)
        changes = [
            event["payload"]
            for event in published("system-events", "CircuitBreakerStateChanged", least=3)
        ]

    assert [(change["from"], change["to"]) for change in changes] == [
        ("closed", "open"),
        ("open", "half_open"),
        ("half_open", "closed"),
    ]
    first = changes[0]
    assert (first["name"], first["service"], first["instance"]) == (
        "provider",
        "payment-service",
        "one",
    )
    assert (first["failureThreshold"], first["resetTimeoutMs"]) == (2, 50)
    assert first["errorRate"] == pytest.approx(2 / 3, abs=0.01)
    assert first["reason"] == "2 failures, 2 open it"


class Reports:
    """Stands where the bus would, as a `Reporter`."""

    source, instance = "s", "i"

    def __init__(self) -> None:
        self.told: list[Any] = []

    def report(self, event_type: str, payload: Any) -> None:
        self.told.append(payload)


def test_breakers_of_one_listener_are_told_apart_and_the_nameless_has_a_name() -> None:
    reports = Reports()
    listener = BreakerListener(reports)
    one = pybreaker.CircuitBreaker(fail_max=1, name="one", listeners=[listener])
    other = pybreaker.CircuitBreaker(fail_max=1, listeners=[listener])
    one.call(lambda: None)

    other.open()
    one.open()

    assert [(change.name, change.throughput > 0) for change in reports.told] == [
        ("pybreaker", False),
        ("one", True),
    ]
