"""FastStream's messages on Redis: the binary form, and the JSON form of earlier versions."""

from __future__ import annotations

import json
import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.envelopes import FORMAT_NAMES
from ingest.records import Flag, Quarantined, Record
from tests.ingest.envelopes.factories import decoder, envelope, message, record

AROUND = {"correlation_id": "corr-7", "content-type": "application/json", "message_id": "m-1"}
FIELD = (":field", "__data__")


def binary(data: bytes, headers: dict[str, str] | None = None) -> bytes:
    """As ``BinaryMessageFormatV1.encode`` of FastStream 0.7 writes it."""
    around = b"".join(
        struct.pack(">H", len(text.encode())) + text.encode()
        for pair in (AROUND if headers is None else headers).items()
        for text in pair
    )
    count = len(AROUND if headers is None else headers)
    start = 8 + 2 + 4 + 4
    head = struct.pack(">HII", 1, start, start + 2 + len(around)) + struct.pack(">H", count)
    return b"\x89BIN\x0d\x0a\x1a\x0a" + head + around + data


def as_json(data: bytes) -> bytes:
    return json.dumps({"data": data.decode(), "headers": AROUND}).encode()


def format_of(made: Record) -> str:
    return FORMAT_NAMES[made.flags & Flag.FORMAT_MASK]


@pytest.mark.parametrize("written", [binary, as_json])
def test_ids_are_in_the_headers_and_the_payload_is_searched(written) -> None:  # type: ignore[no-untyped-def]
    made = record(written(b'{"orderId":"ORD_1"}'), FIELD)

    assert format_of(made) == "faststream"
    assert (made.event_id, made.correlation_id) == ("m-1", "corr-7")
    assert (made.event_type, made.keys) == ("orders-topic", ("ORD_1",))


@pytest.mark.parametrize("written", [binary, as_json])
def test_envelope_within_says_more_than_the_wrapper(written) -> None:  # type: ignore[no-untyped-def]
    made = record(written(json.dumps(envelope()).encode()), FIELD)

    assert format_of(made) == "faststream"
    assert (made.event_id, made.event_type) == ("evt_123456", "ORDER_CREATED")
    assert (made.source, made.correlation_id) == ("order-service", "corr_123")
    assert made.keys == ("ORD_789", "CUST_456")


def test_type_may_stand_in_a_header() -> None:
    made = record(binary(b"1", {"correlation_id": "c", "event_type": "PAID"}), FIELD)

    assert (made.event_type, made.correlation_id) == ("PAID", "c")


def test_data_may_be_any_bytes_even_on_a_topic_of_envelopes() -> None:
    body = binary(b"\xff\x00\x80")

    made = record(body)

    assert (made.body, made.correlation_id) == (body, "corr-7")


@pytest.mark.parametrize(
    "body",
    [
        b"\x89BIN\x0d\x0a\x1a\x0a",
        binary(b"{}")[:30],
        binary(b"{}").replace(b"\x00\x01", b"\x00\x09", 1),
        b"\x89BIN\x0d\x0a\x1a\x0a" + struct.pack(">HIIH", 1, 18, 1 << 31, 0),
        b"\x89BIN\x0d\x0a\x1a\x0a" + struct.pack(">HIIH", 1, 18, 20, 65535) + b"\xff" * 40,
        b"\x89BIN\x0d\x0a\x1a\x0a" + struct.pack(">HIIH", 1, 0xFFFFFFFF, 20, 1),
    ],
)
def test_what_is_cut_short_or_false_is_kept_as_it_is(body: bytes) -> None:
    made = record(body, FIELD)

    assert (format_of(made), made.body) == ("opaque", body)


def test_what_is_cut_short_on_a_topic_of_envelopes_is_quarantined() -> None:
    body = binary(b"{}")[:30]
    made = decoder().decode(message(body), "t")

    assert isinstance(made, Quarantined)
    assert made.body == body


def test_object_with_data_and_headers_of_others_is_not_faststream() -> None:
    assert format_of(record({"data": "x", "headers": {"a": "b"}})) == "opaque"


@given(
    st.dictionaries(st.text(max_size=20), st.text(max_size=40), max_size=5), st.binary(max_size=60)
)
def test_whatever_faststream_writes_is_read(headers: dict[str, str], data: bytes) -> None:
    body = binary(data, headers)
    made = record(body, FIELD)

    assert (format_of(made), made.body) == ("faststream", body)


@given(st.binary(max_size=60))
def test_no_bytes_behind_the_mark_make_it_raise(rest: bytes) -> None:
    made = decoder(redact=("payload.a", "header:b")).decode(
        message(b"\x89BIN\x0d\x0a\x1a\x0a" + rest), "t"
    )

    assert isinstance(made, Record | Quarantined)


def test_masked_header_keeps_the_lengths_right() -> None:
    body = binary(b'{"card":"4111","orderId":"ORD_1"}', AROUND | {"x-card": "4222"})
    made = record(body, FIELD, using=decoder(redact=("payload.card", "header:X-Card")))

    assert b"4111" not in made.body
    assert b"4222" not in made.body
    assert (made.event_id, made.keys) == ("m-1", ("ORD_1",))
    again = record(made.body, FIELD)
    assert (again.event_id, again.correlation_id, again.keys) == ("m-1", "corr-7", ("ORD_1",))
