from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.records import Flag
from ingest.system import BreakerChange, DeadLettered, Receipts
from tests.ingest.envelopes.factories import APPENDED, decoder, envelope, record

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
TRACE = "4bf92f3577b34da6a3ce929d0e0e4736"


def test_the_guides_event() -> None:
    body = json.dumps(envelope()).encode()

    made = record(body)

    assert (made.event_id, made.event_type, made.source) == (
        "evt_123456",
        "ORDER_CREATED",
        "order-service",
    )
    assert (made.occurred_ms, made.appended_ms) == (1_712_138_400_000, APPENDED)
    assert (made.correlation_id, made.causation_id, made.trace_id) == ("corr_123", "", "")
    assert made.keys == ("ORD_789", "CUST_456")
    assert (made.body, made.size, made.flags, made.headers) == (body, len(body), 0, b"")


@pytest.mark.parametrize(
    ("metadata", "correlation"),
    [
        ({"correlationId": "c", "conversationId": "v", "traceparent": TRACEPARENT}, "c"),
        ({"conversationId": "v", "traceparent": TRACEPARENT}, "v"),
        ({"traceparent": TRACEPARENT}, TRACE),
        (
            {"correlationId": "", "traceparent": "00-" + "0" * 32 + "-00f067aa0ba902b7-01"},
            "evt_123456",
        ),
        ({}, "evt_123456"),
        (None, "evt_123456"),
    ],
)
def test_correlation_id_explicit_else_conversation_else_trace_else_own(
    metadata: dict[str, str] | None, correlation: str
) -> None:
    assert record(envelope(metadata=metadata)).correlation_id == correlation


def test_headers_and_broker_key_are_kept() -> None:
    made = decoder().decode(
        _with_key(envelope(metadata={}), ("traceparent", TRACEPARENT)), "orders-topic"
    )

    assert made.headers == msgspec.msgpack.encode(
        [[b"traceparent", TRACEPARENT.encode()], [b":key", b"k1"]]
    )
    assert made.trace_id == made.correlation_id == TRACE  # type: ignore[union-attr]


def _with_key(body: dict[str, Any], *headers: tuple[str, str]) -> Any:
    from tests.ingest.envelopes.factories import message

    return message(body, *headers, key=b"k1")


# -- times


@pytest.mark.parametrize(
    ("written", "occurred", "flags"),
    [
        (1_712_138_400_000, 1_712_138_400_000, 0),
        (1_712_138_400, 1_712_138_400_000, 0),
        ("2024-04-03T10:00:00", 1_712_138_400_000, 0),
        ("1970-01-01T00:00:00Z", None, Flag.TIME_GUESSED),
        ("9999-12-31T00:00:00Z", None, Flag.TIME_GUESSED),
        ("soon", None, Flag.TIME_GUESSED),
        ({"seconds": 1}, None, 0),
        (None, None, 0),
    ],
)
def test_timestamps_in_every_shape(written: object, occurred: int | None, flags: int) -> None:
    made = record(envelope(timestamp=written))

    assert (made.occurred_ms, made.flags) == (occurred, flags)


# -- odd ids


@pytest.mark.parametrize(
    ("odd", "event_id"),
    [
        (12345, "12345"),
        (None, "orders-topic@1795514400000-0"),
        ("", "orders-topic@1795514400000-0"),
        ({"a": 1}, "orders-topic@1795514400000-0"),
        ("a\0b", "a�b"),
        ("x" * 255, "x" * 255),
    ],
)
def test_odd_event_ids(odd: object, event_id: str) -> None:
    assert record(envelope(eventId=odd)).event_id == event_id


def test_long_ids_are_bounded_by_a_rule_that_reading_repeats() -> None:
    first, second = (record(envelope(eventId="x" * 300 + end)) for end in "ab")

    assert len(first.event_id) == len(second.event_id) == 217
    assert first.event_id != second.event_id
    assert record(envelope(eventId=first.event_id)).event_id == first.event_id


@pytest.mark.parametrize(
    ("odd", "event_type"),
    [
        (None, "orders-topic"),
        ("", "orders-topic"),
        (7, "7"),
        ({}, "orders-topic"),
        ("A\ud800", "A�"),
    ],
)
def test_odd_event_types(odd: object, event_type: str) -> None:
    assert record(envelope(eventType=odd)).event_type == event_type


def test_last_of_duplicate_keys_counts_on_both_ways_of_reading() -> None:
    twins = (
        b'{"eventId":"a","eventType":"T","eventId":"b","payload":{"orderId":"1","orderId":"2"}%s}'
    )

    for extra in (b"", b',"odd":NaN'):
        made = record(twins % extra)
        assert (made.event_id, made.keys) == ("b", ("2",))


# -- indexed paths


def test_indexed_paths_of_any_depth() -> None:
    paths = (
        "payload.order.id",
        "payload.lines.sku",
        "metadata.tenant",
        "metadata.version",
        "region",
        "payload.paid",
        "payload.count",
    )
    body = envelope(
        payload={
            "order": {"id": 7},
            "lines": [{"sku": "a"}, {"sku": "b"}],
            "paid": True,
            "count": 2.5,
        },
        metadata={"tenant": "t1", "version": "1.0"},
        region="eu",
    )

    assert record(body, using=decoder(index=paths)).keys == (
        "7",
        "a",
        "b",
        "t1",
        "1.0",
        "eu",
        "2.5",
    )


scalars = (
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=20)
)
json_values = st.recursive(
    scalars,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(
    st.dictionaries(st.sampled_from(["orderId", "customerId", "other"]), json_values), json_values
)
def test_fast_and_patient_reading_agree(payload: dict[str, Any], extra: Any) -> None:
    """A NaN beside the payload sends the same envelope down the patient way."""
    fast = record(envelope(payload=payload, extra=extra))
    text = json.dumps(envelope(payload=payload, extra=extra))
    patient = record((text[:-1] + ',"odd":NaN}').encode())

    for name in ("event_id", "event_type", "source", "occurred_ms", "correlation_id", "keys"):
        assert getattr(fast, name) == getattr(patient, name)


# -- system events


def test_receipts_are_decoded_and_searchable_by_the_events_they_tell_of() -> None:
    receipts = [{"eventId": f"e{n}", "consumer": "mailer", "outcome": "success"} for n in range(3)]
    made = record(envelope(eventType="ProcessingReceipts", payload={"receipts": receipts}))

    assert isinstance(made.detail, Receipts)
    assert set(made.keys) == {"e0", "e1", "e2"}


def test_dead_letter_is_found_by_its_originals_id_and_keeps_it_byte_for_byte() -> None:
    original = b'{"eventId": "orig",   "eventType":"X"}'
    body = (
        b'{"eventId":"d","eventType":"DeadLettered","payload":{"event":%s,"attempts":3}}' % original
    )
    made = record(body, dead_letters=True)

    assert isinstance(made.detail, DeadLettered)
    assert bytes(made.detail.event) == original
    assert made.keys == ("orig",)


@pytest.mark.parametrize("more", [{}, {"encoding": "utf-8"}])
@pytest.mark.parametrize("size", [1, 100_000])
def test_dead_letter_is_found_by_the_id_of_an_original_that_was_quoted(
    more: dict[str, str], size: int
) -> None:
    original = json.dumps({"eventType": "X", "payload": "x" * size, "eventId": "orig"})
    payload = {"event": original, **more}

    assert record(envelope(eventType="DeadLettered", payload=payload)).keys == ("orig",)


def test_system_event_is_understood_beside_what_strict_json_refuses() -> None:
    body = b'{"eventId":"b","eventType":"CircuitBreakerStateChanged","payload":{"name":"pay","to":"open"},"x":NaN}'

    detail = record(body).detail

    assert isinstance(detail, BreakerChange)
    assert (detail.name, detail.to) == ("pay", "open")


def test_system_event_with_a_wrong_payload_is_an_ordinary_event() -> None:
    made = record(envelope(eventType="HealthCheck", payload={"status": 5}))

    assert (made.detail, made.event_type) == (None, "HealthCheck")
