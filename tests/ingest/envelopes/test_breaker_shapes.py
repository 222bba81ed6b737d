"""Changes of circuit breakers as other libraries document them: pure."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.envelopes.breaker_shapes import breaker_change_of
from ingest.folds.breakers import map_state
from ingest.system import BreakerChange
from tests.ingest.envelopes.test_native import envelope, record

# Resilience4j's CircuitBreakerEventDTO, as /actuator/circuitbreakerevents answers it
RESILIENCE4J = {
    "circuitBreakerName": "backendA",
    "type": "STATE_TRANSITION",
    "creationTime": "2017-01-10T15:39:17.117+01:00[Europe/Berlin]",
    "errorMessage": None,
    "durationInMs": None,
    "stateTransition": "HALF_OPEN_TO_CLOSED",
}
# https://www.pollydocs.org/advanced/telemetry.html
POLLY = {
    "event.name": "OnCircuitOpened",
    "event.severity": "Error",
    "pipeline.name": "payments",
    "pipeline.instance": "eu-1",
    "strategy.name": "provider",
    "exception.type": "System.TimeoutException",
    "BreakDuration": "00:00:30",
}
# https://github.com/danielfm/pybreaker: CircuitBreakerListener.state_change
PYBREAKER = {
    "name": "provider",
    "old_state": "closed",
    "new_state": "half-open",
    "fail_counter": 3,
    "fail_max": 5,
    "reset_timeout": 60,
}
# https://www.envoyproxy.io/docs/envoy/latest/api-v3/data/cluster/v3/outlier_detection_event.proto
ENVOY = {
    "type": "CONSECUTIVE_5XX",
    "cluster_name": "payment",
    "upstream_url": "10.0.0.7:8080",
    "action": "EJECT",
    "num_ejections": "2",
    "enforced": True,
}


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        (RESILIENCE4J, BreakerChange("backendA", "CLOSED", "HALF_OPEN")),
        (
            {**RESILIENCE4J, "stateTransition": "CLOSED_TO_FORCED_OPEN", "service": "shop"},
            BreakerChange("backendA", "FORCED_OPEN", "CLOSED", "shop"),
        ),
        (
            POLLY,
            BreakerChange(
                "provider", "open", "", "payments", "eu-1",
                reset_timeout_ms=30_000, reason="System.TimeoutException",
            ),
        ),
        (
            {"event.name": "OnCircuitOpened", "strategy.name": "p", "IsManual": True},
            BreakerChange("p", "isolated", reason="isolated by hand"),
        ),
        (
            {"event.name": "OnCircuitHalfOpened", "strategy.name": "p"},
            BreakerChange("p", "half_open"),
        ),
        (
            PYBREAKER,
            BreakerChange(
                "provider", "half-open", "closed",
                failure_count=3, failure_threshold=5, reset_timeout_ms=60_000,
            ),
        ),
        (
            ENVOY,
            BreakerChange(
                "payment", "open", "closed", "envoy", "10.0.0.7:8080",
                failure_count=2, reason="consecutive 5xx",
            ),
        ),
        ({**ENVOY, "action": "UNEJECT"}, BreakerChange(
            "payment", "closed", "open", "envoy", "10.0.0.7:8080",
            failure_count=2, reason="consecutive 5xx",
        )),
        (
            {"name": "p", "new_state": "open", "fail_counter": "inf", "reset_timeout": "nan"},
            BreakerChange("p", "open"),
        ),
        ({**ENVOY, "enforced": False}, None),
        ({**RESILIENCE4J, "type": "ERROR"}, None),
        ({**RESILIENCE4J, "stateTransition": "nonsense"}, None),
        ({**RESILIENCE4J, "circuitBreakerName": None}, None),
        ({"event.name": "OnRetry", "strategy.name": "p"}, None),
        ({}, None),
        ([], None),
        ("open", None),
    ],
)  # fmt: skip
def test_documented_shapes_are_read(payload: Any, expected: BreakerChange | None) -> None:
    assert breaker_change_of(payload) == expected


@pytest.mark.parametrize(
    ("payload", "state"),
    [
        (RESILIENCE4J, "closed"),
        (POLLY, "open"),
        ({**POLLY, "IsManual": True}, "forced_open"),
        (PYBREAKER, "half_open"),
        (ENVOY, "open"),
    ],
)
def test_their_states_are_ours(payload: dict[str, Any], state: str) -> None:
    change = breaker_change_of(payload)
    assert change is not None
    assert map_state(change.to) == state


@pytest.mark.parametrize("payload", [RESILIENCE4J, POLLY, PYBREAKER, ENVOY])
def test_an_event_with_such_a_payload_tells_of_a_breaker(payload: dict[str, Any]) -> None:
    made = record(envelope(eventType="CircuitBreakerStateChanged", payload=payload))
    assert made.detail == breaker_change_of(payload)
    other = record(envelope(eventType="HealthCheck", payload=payload))
    assert other.detail is None


values = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8)
names = sorted({*RESILIENCE4J, *POLLY, *PYBREAKER, *ENVOY})


@given(st.dictionaries(st.sampled_from(names), values | st.lists(values, max_size=2)))
def test_no_payload_is_too_strange(payload: dict[str, Any]) -> None:
    for known in (RESILIENCE4J, POLLY, PYBREAKER, ENVOY):
        breaker_change_of({**known, **payload})
