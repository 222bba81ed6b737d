"""Celery's task events and task messages, as version 5 writes them, bare and in kombu's wrapper."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ingest.envelopes import FORMAT_NAMES
from ingest.records import Flag, Record
from ingest.system import ErrorInfo, Receipts, ServiceChange
from tests.ingest.envelopes.factories import decoder, record

TASK, ROOT, PARENT = "d3b1-task", "aa00-root", "bb11-parent"
HEADERS = {
    "lang": "py",
    "task": "shop.tasks.charge",
    "id": TASK,
    "root_id": ROOT,
    "parent_id": PARENT,
    "argsrepr": "('4111',)",
    "kwargsrepr": "{'card': '4111'}",
    "origin": "gen77@web-1",
    "retries": 0,
}


def event(kind: str, **fields: Any) -> dict[str, Any]:
    """What a worker sends: every event has these members."""
    return {
        "type": kind,
        "hostname": "celery@worker-1",
        "utcoffset": 0,
        "pid": 42,
        "clock": 1007,
        "timestamp": 1_712_138_400.5,
        "uuid": TASK,
    } | fields


def wrapped(body: object, headers: dict[str, Any]) -> dict[str, Any]:
    """kombu's message on Redis and Kafka."""
    return {
        "body": base64.b64encode(json.dumps(body).encode()).decode(),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {"body_encoding": "base64", "correlation_id": TASK, "delivery_info": {}},
    }


def task_message(card: str = "4111") -> dict[str, Any]:
    return wrapped([["x"], {"card": card, "orderId": "ORD_1"}, {"callbacks": None}], HEADERS)


RECEIVED = event(
    "task-received",
    name="shop.tasks.charge",
    root_id=ROOT,
    parent_id=PARENT,
    args="('4111',)",
    kwargs="{}",
    retries=1,
)
SUCCEEDED = event("task-succeeded", result="'paid'", runtime=0.25)
FAILED = event("task-failed", exception="ValueError('no stock')", traceback="Traceback …")


def receipts_of(made: Record) -> Receipts:
    assert isinstance(made.detail, Receipts)
    return made.detail


def format_of(made: Record) -> str:
    return FORMAT_NAMES[made.flags & Flag.FORMAT_MASK]


@pytest.mark.parametrize("kind", ["task-received", "task-sent"])
def test_event_about_the_message_is_that_message(kind: str) -> None:
    made = record(RECEIVED | {"type": kind})

    assert format_of(made) == "celery"
    assert (made.event_id, made.event_type, made.source) == (TASK, "shop.tasks.charge", "celery")
    assert (made.correlation_id, made.causation_id) == (ROOT, PARENT)
    assert made.occurred_ms == 1_712_138_400_500


def test_success_makes_a_receipt_with_its_runtime() -> None:
    made = record(SUCCEEDED, topic="celeryev")

    assert (made.event_type, made.causation_id, made.correlation_id) == (
        "task-succeeded",
        TASK,
        TASK,
    )
    assert made.event_id == f"{TASK}:task-succeeded:1007"
    (receipt,) = receipts_of(made).receipts
    assert (receipt.event_id, receipt.consumer, receipt.instance) == (
        TASK,
        "celery",
        "celery@worker-1",
    )
    assert (receipt.outcome, receipt.duration_ms, receipt.topic) == ("success", 250.0, "celeryev")
    assert (receipt.started_at, receipt.ended_at) == (1_712_138_400.25, 1_712_138_400.5)
    assert TASK in made.keys


@pytest.mark.parametrize(
    ("kind", "outcome"),
    [
        ("task-failed", "failed"),
        ("task-retried", "retry"),
        ("task-rejected", "failed"),
        ("task-revoked", "skipped"),
    ],
)
def test_outcomes_are_those_of_receipts(kind: str, outcome: str) -> None:
    (receipt,) = receipts_of(record(FAILED | {"type": kind})).receipts

    assert receipt.outcome == outcome


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ValueError('no stock')", ErrorInfo("ValueError", "no stock", "Traceback …")),
        ("shop.NoStock()", ErrorInfo("shop.NoStock", "", "Traceback …")),
        ("<unprintable>", ErrorInfo("", "<unprintable>", "Traceback …")),
        ("", ErrorInfo("", "", "Traceback …")),
    ],
)
def test_exception_is_taken_apart(text: str, expected: ErrorInfo) -> None:
    (receipt,) = receipts_of(record(FAILED | {"exception": text})).receipts

    assert receipt.error == expected


def test_array_of_events_makes_receipts_that_know_the_tasks_name() -> None:
    made = record([RECEIVED, event("task-started"), SUCCEEDED])

    (receipt,) = receipts_of(made).receipts
    assert (receipt.event_type, receipt.correlation_id, receipt.attempt) == (
        "shop.tasks.charge",
        ROOT,
        2,
    )
    assert (made.event_type, made.keys) == ("task-events", (TASK,))


@pytest.mark.parametrize("kind", ["worker-online", "worker-heartbeat", "worker-offline"])
def test_worker_events_tell_of_a_service(kind: str) -> None:
    beat = event(kind, sw_ver="5.5.3", active=1)
    del beat["uuid"]

    assert record(beat).detail == ServiceChange("celery", "celery@worker-1", "5.5.3", "worker-1")


def test_task_message_in_its_wrapper() -> None:
    made = record(task_message())

    assert format_of(made) == "celery"
    assert (made.event_id, made.event_type, made.source) == (TASK, "shop.tasks.charge", "web-1")
    assert (made.correlation_id, made.causation_id, made.keys) == (ROOT, PARENT, ("ORD_1",))


def test_task_message_with_headers_beside_it() -> None:
    pairs = [(name, str(value)) for name, value in HEADERS.items()]
    made = record([[], {"orderId": "ORD_1"}, {}], *pairs)

    assert (made.event_id, made.event_type, made.keys) == (TASK, "shop.tasks.charge", ("ORD_1",))


def test_task_message_that_is_pickled_is_kept() -> None:
    pairs = [(name, str(value)) for name, value in HEADERS.items()]
    made = record(b"\x80\x05\x95pickled", *pairs)

    assert (made.event_id, made.body) == (TASK, b"\x80\x05\x95pickled")


@pytest.mark.parametrize("body", [SUCCEEDED, [RECEIVED, SUCCEEDED]])
def test_events_in_the_wrapper_are_what_they_are_bare(body: object) -> None:
    made = record(wrapped(body, {"hostname": "celery@worker-1"}))

    assert format_of(made) == "celery"
    assert receipts_of(made).receipts[0].event_id == TASK


@pytest.mark.parametrize(
    "body",
    [
        wrapped({"a": 1}, {}),
        wrapped([1], {"id": 3}),
        {**task_message(), "headers": None},
        {**wrapped(SUCCEEDED, {}), "body": "no base64 ! "},
        {"type": "task-succeeded", "uuid": TASK},
        {"type": "invoice", "hostname": "h", "timestamp": 1},
        [SUCCEEDED["uuid"]],
        [],
    ],
)
def test_what_is_not_celerys_is_opaque(body: object) -> None:
    assert format_of(record(body)) == "opaque"


@pytest.mark.parametrize(
    "changes",
    [
        {"runtime": "long"},
        {"timestamp": "now"},
        {"exception": 5},
        {"runtime": [1]},
        {"hostname": {}},
        {"traceback": {}},
    ],
)
def test_wrong_kinds_leave_an_event_without_a_receipt(changes: dict[str, object]) -> None:
    made = record(SUCCEEDED | changes)

    assert (made.event_type, made.detail) == ("task-succeeded", None)


def test_absurd_time_is_guessed_from_the_broker() -> None:
    made = record(SUCCEEDED | {"timestamp": 1e300})

    assert (made.occurred_ms, bool(made.flags & Flag.TIME_GUESSED)) == (None, True)


# -- privacy


@pytest.mark.parametrize(
    "body", [RECEIVED, [RECEIVED, SUCCEEDED], task_message(), wrapped(RECEIVED, {})]
)
def test_what_repeats_the_payload_as_text_is_taken_out_with_it(body: object) -> None:
    made = record(body, using=decoder(redact=("payload.card",)))

    assert b"4111" not in made.body
    assert base64.b64encode(b"4111")[:5] not in made.body
    assert made.flags & Flag.REDACTED


def test_redacted_task_keeps_its_ids_and_receipts() -> None:
    using = decoder(redact=("payload.card", "header:tenant"))
    task = task_message() | {"headers": HEADERS | {"tenant": "secret"}}

    assert record(task, using=using).event_id == TASK
    assert b"secret" not in record(task, using=using).body
    assert receipts_of(record(SUCCEEDED, using=using)).receipts[0].duration_ms == 250.0


def test_headers_beside_the_message_that_repeat_the_payload_are_masked() -> None:
    pairs = [(name, str(value)) for name, value in HEADERS.items()]
    made = record([[], {"card": "4111"}, {}], *pairs, using=decoder(redact=("payload.card",)))

    assert b"4111" not in made.headers + made.body
    assert made.event_id == TASK
