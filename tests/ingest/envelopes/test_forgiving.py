"""System events as other people's code writes them: numbers, texts and nulls in each other's places."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from ingest.envelopes.forgiving import outcome_of, read_forgivingly
from ingest.records import Record
from ingest.system import (
    BreakerChange,
    DeadLettered,
    ErrorInfo,
    ErrorOccurred,
    HealthReport,
    NamedCheck,
    Receipts,
    ServiceChange,
)
from tests.ingest.envelopes.factories import envelope, record

RECEIPT = {"eventId": "evt_1", "consumer": "inventory", "outcome": "success"}
ORIGINAL = {"eventId": "evt_1", "eventType": "ORDER_CREATED", "payload": {}}


def told(event_type: str, payload: object) -> Record:
    return record(envelope(eventType=event_type, payload=payload), topic="system-events")


def receipt(**changes: Any) -> Any:
    made = told("ProcessingReceipts", {"receipts": [RECEIPT | changes]})
    assert isinstance(made.detail, Receipts)
    (read,) = made.detail.receipts
    return read


@pytest.mark.parametrize(
    ("name", "written", "attribute", "read"),
    [
        ("eventId", 17, "event_id", "17"),
        ("eventType", 7, "event_type", "7"),
        ("instance", 3, "instance", "3"),
        ("instance", None, "instance", ""),
        ("correlationId", 9, "correlation_id", "9"),
        ("correlationId", None, "correlation_id", ""),
        ("topic", None, "topic", ""),
        ("partition", "3", "partition", 3),
        ("partition", None, "partition", 0),
        ("offset", None, "offset", ""),
        ("attempt", "2", "attempt", 2),
        ("attempt", 2.0, "attempt", 2),
        ("attempt", None, "attempt", 1),
        ("attempt", True, "attempt", 1),
        ("attempt", "many", "attempt", 1),
        ("maxAttempts", "4", "max_attempts", 4),
        ("durationMs", "12.5", "duration_ms", 12.5),
        ("durationMs", None, "duration_ms", None),
        ("startedAt", 1712138400000, "started_at", 1712138400000),
        ("outcome", "SUCCESS", "outcome", "success"),
        ("outcome", "deadLettered", "outcome", "dead_lettered"),
        ("outcome", "who knows", "outcome", "who knows"),
        ("error", "boom", "error", ErrorInfo("", "boom")),
        ("error", "StockError: none left", "error", ErrorInfo("StockError", "none left")),
        ("error", {"type": None, "message": 5}, "error", ErrorInfo("", "5")),
        ("error", {"type": "E", "stack": ["a", "b"]}, "error", ErrorInfo("E", "", "a\nb")),
    ],
)
def test_receipt_is_read_whatever_its_members_are_written_as(
    name: str, written: object, attribute: str, read: object
) -> None:
    assert getattr(receipt(**{name: written}), attribute) == read


def test_receipt_without_consumer_is_of_its_group() -> None:
    assert receipt(consumer=None, consumerGroup="views").consumer == "views"


def test_one_receipt_that_says_nothing_leaves_the_others() -> None:
    made = told("ProcessingReceipts", {"receipts": [{"eventId": "evt_9"}, RECEIPT, None]})

    assert isinstance(made.detail, Receipts)
    assert [one.event_id for one in made.detail.receipts] == ["evt_1"]
    assert made.keys[-1] == "evt_1"


def test_receipts_may_be_one_that_stands_alone() -> None:
    made = told("ProcessingReceipts", {"receipts": RECEIPT})

    assert isinstance(made.detail, Receipts)
    assert [one.event_id for one in made.detail.receipts] == ["evt_1"]


def test_payload_written_as_a_text_is_read() -> None:
    made = told("ProcessingReceipts", json.dumps({"receipts": [RECEIPT]}))

    assert isinstance(made.detail, Receipts)


@pytest.mark.parametrize("payload", [{"receipts": [{"a": 1}]}, {}, [RECEIPT], "no", None])
def test_what_tells_of_no_handling_is_an_ordinary_event(payload: object) -> None:
    assert told("ProcessingReceipts", payload).detail is None


def test_health_is_read() -> None:
    made = told(
        "HealthCheck",
        {
            "component": "database",
            "service": None,
            "instance": 2,
            "status": "UP",
            "latencyMs": "3.5",
            "checks": [{"name": "pool", "status": "UP", "latencyMs": "1", "output": None}],
        },
    )

    assert made.detail == HealthReport(
        "database", "UP", "", "2", 3.5, [NamedCheck("pool", "UP", 1.0)]
    )


def test_breaker_is_read() -> None:
    made = told(
        "CircuitBreakerStateChanged",
        {
            "name": "provider",
            "from": None,
            "to": "OPEN",
            "failureCount": "5",
            "failureThreshold": 5.0,
            "resetTimeoutMs": "60000",
            "halfOpenTimeoutMs": None,
            "errorRate": "50%",
            "reason": None,
        },
    )

    assert made.detail == BreakerChange(
        name="provider",
        to="OPEN",
        failure_count=5,
        failure_threshold=5,
        reset_timeout_ms=60_000,
        error_rate=0.5,
    )


def test_service_and_error_are_read() -> None:
    started = told("ServiceStarted", {"service": "s", "instance": 1, "version": 2, "host": None})
    failed = told("ErrorOccurred", {"service": None, "error": "boom", "context": {"a": [1]}})

    assert started.detail == ServiceChange("s", "1", "2", "")
    assert failed.detail == ErrorOccurred(ErrorInfo("", "boom"), context={"a": [1]})


def letter(**changes: Any) -> DeadLettered:
    payload = {"event": ORIGINAL, "error": {"type": "E"}, "attempts": 4} | changes
    made = told("DeadLettered", payload)
    assert isinstance(made.detail, DeadLettered)
    assert made.keys[-1] == "evt_1"
    return made.detail


def test_dead_letter_is_read() -> None:
    read = letter(
        attempts="4", originalPartition="2", originalOffset=None, error="boom", consumer=None
    )

    assert bytes(read.event) == json.dumps(ORIGINAL).encode()
    assert (read.attempts, read.original_partition, read.original_offset) == (4, 2, "")
    assert (read.error, read.consumer) == (ErrorInfo("", "boom"), "")


def test_original_that_stands_there_as_a_text_is_what_the_text_says() -> None:
    read = letter(event=json.dumps(ORIGINAL))

    assert read.encoding == "utf-8"
    assert msgspec.json.decode(bytes(read.event)) == json.dumps(ORIGINAL)


def test_number_that_json_does_not_have_costs_that_number_only() -> None:
    body = b'{"component": "db", "status": "healthy", "latencyMs": NaN, "instance": "a"}'
    read = read_forgivingly(HealthReport, body)

    assert read is not None
    assert (read.component, read.instance) == ("db", "a")


@pytest.mark.parametrize("kind", ["structured", "binary"])
def test_service_may_tell_of_itself_in_cloudevents(kind: str) -> None:
    health = {"component": "db", "status": "healthy"}
    attributes = {"specversion": "1.0", "type": "HealthCheck", "id": "h1", "source": "shop"}
    headers = [(f"ce_{name}", value) for name, value in attributes.items()]
    made = (
        record({**attributes, "data": health}) if kind == "structured" else record(health, *headers)
    )

    assert made.detail == HealthReport("db", "healthy")


@pytest.mark.parametrize(
    ("word", "outcome"),
    [("Succeeded", "success"), ("dead-letter", "dead_lettered"), ("FAILURE", "failed")],
)
def test_outcome_in_another_word(word: str, outcome: str) -> None:
    assert outcome_of(word) == outcome
