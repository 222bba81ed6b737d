from __future__ import annotations

import json

import pytest

from ingest.envelopes import FORMAT_NAMES, Decoder
from ingest.options import IngestOptions, MappingOptions
from ingest.records import Flag, Message, Position, Quarantined, Record
from ingest.sources.redis_entries import messages_of
from tests.ingest.envelopes.factories import decoder, message, record

TRACEPARENT = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
CLOUD = {
    "specversion": "1.0",
    "id": "ce-1",
    "type": "com.shop.ordered",
    "source": "/shop",
    "time": "2024-04-03T10:00:00Z",
    "correlationid": "corr",
    "causationid": "cause",
    "traceparent": TRACEPARENT,
}


def format_of(flags: int) -> str:
    return FORMAT_NAMES[flags & Flag.FORMAT_MASK]


def test_cloudevents_structured() -> None:
    made = record({**CLOUD, "data": {"orderId": "ORD_1"}})

    assert format_of(made.flags) == "cloudevents"
    assert (made.event_id, made.event_type, made.source) == ("ce-1", "com.shop.ordered", "/shop")
    assert (made.correlation_id, made.causation_id) == ("corr", "cause")
    assert made.trace_id == TRACEPARENT[3:35]
    assert (made.occurred_ms, made.keys) == (1_712_138_400_000, ("ORD_1",))


@pytest.mark.parametrize("prefix", ["ce_", "ce-", "CE-"])
def test_cloudevents_binary(prefix: str) -> None:
    headers = [(prefix + name, value) for name, value in CLOUD.items()]
    made = record(b'{"orderId":"ORD_1"}', *headers, (":field", "data"))

    assert format_of(made.flags) == "cloudevents-binary"
    assert (made.event_id, made.event_type, made.source) == ("ce-1", "com.shop.ordered", "/shop")
    assert (made.correlation_id, made.causation_id, made.keys) == ("corr", "cause", ("ORD_1",))


def test_cloudevents_binary_with_bytes_that_are_no_text() -> None:
    headers = [(b"ce_specversion", b"1.0"), (b"ce_type", b"t"), (b"ce_id", b"1")]
    made = decoder().decode(Message(Position(1, 0), 1, None, b"\xff\x00", tuple(headers)), "t")

    assert (made.body, format_of(made.flags)) == (b"\xff\x00", "cloudevents-binary")  # type: ignore[union-attr]


def test_native_comes_before_cloudevents() -> None:
    assert format_of(record({**CLOUD, "eventId": "n", "eventType": "N"}).flags) == "native"


@pytest.mark.parametrize("body", [b"[1,2]", b'"text"', b'{"a":1}', b"42", b"null"])
def test_what_fits_no_envelope_is_kept_under_its_topics_name(body: bytes) -> None:
    made = record(body)

    assert format_of(made.flags) == "opaque"
    assert (made.event_type, made.event_id) == ("orders-topic", "orders-topic@1795514400000-0")
    assert made.body == body


@pytest.mark.parametrize(
    ("fields", "body"),
    [
        ([b"data", b"\x00\x01binary"], b"\x00\x01binary"),
        ([b"kind", b"x", b"payload", b"not json"], b"not json"),
        ([b"status", b"paid", b"n", b"1"], b'{"status":"paid","n":"1"}'),
        ([b"a", b"1", b"a", b"2"], b""),
        ([b"a", b"\xff"], b""),
    ],
)
def test_entries_without_an_event_field_are_kept_whole(fields: list[bytes], body: bytes) -> None:
    (made,) = messages_of([[b"5-1", fields]])
    stored = decoder().decode(made, "topic")

    assert stored.body == body
    assert stored.event_id == "topic@5-1"  # type: ignore[union-attr]
    if not body:
        assert all(pair in made.headers for pair in zip(fields[::2], fields[1::2], strict=True))


def test_flat_entry_with_an_envelopes_fields_is_native() -> None:
    fields = [
        b"eventId",
        b"e1",
        b"eventType",
        b"PAID",
        b"payload",
        b'{"orderId":"O1"}',
        b"correlationId",
        b"c1",
        b"source",
        b"shop",
    ]
    (made,) = messages_of([[b"5-1", fields]])
    stored = decoder().decode(made, "topic")

    assert (
        stored.event_id,
        stored.event_type,
        stored.source,
        stored.correlation_id,
        stored.keys,
    ) == ("e1", "PAID", "shop", "c1", ("O1",))  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"garbage", "not valid JSON"),
        (b'{"eventId":"a","eventType":"b"', "not valid JSON"),
        (b'{"eventId":"a"}}', "not valid JSON"),
        (b"", "empty"),
        (b"  ", "empty"),
        (b"[" * 100_000, "nested too deeply"),
        (b"\xff\xfe", "not valid JSON"),
    ],
)
def test_body_that_claims_an_envelope_and_is_none_is_quarantined_with_the_reason(
    body: bytes, reason: str
) -> None:
    made = decoder().decode(message(body), "orders-topic")

    assert isinstance(made, Quarantined)
    assert reason in made.reason
    assert (made.body, made.size) == (body, len(body))


def test_on_a_dead_letter_topic_even_garbage_is_a_dead_letter() -> None:
    assert record(b"garbage", topic="failed-events", dead_letters=True).body == b"garbage"


def test_quarantined_bytes_are_bounded() -> None:
    made = decoder(body_bytes=1024).decode(message(b"x" * 5000), "t")

    assert isinstance(made, Quarantined)
    assert (len(made.body), made.size) == (1024, 5000)


def test_decode_all_keeps_order_and_tells_poison_apart() -> None:
    messages = [
        message({"eventType": "A", "eventId": str(n)} if n % 3 else b"?", minor=n) for n in range(9)
    ]

    records, quarantined = Decoder(IngestOptions()).decode_all(messages, "t")

    assert [made.event_id for made in records] == ["1", "2", "4", "5", "7", "8"]
    assert [made.position.minor for made in quarantined] == [0, 3, 6]
    assert json.loads(records[0].body)["eventId"] == "1"


def mapped() -> Decoder:
    billing = MappingOptions(
        topics=("billing-*",),
        id="meta.uuid",
        type="header:Kind",
        time="meta.at",
        source="meta.app",
        correlation="meta.chain",
        causation="meta.cause",
        payload="body",
    )
    return Decoder(IngestOptions(mapping=(billing,)))


def test_mapping_says_where_another_envelope_keeps_its_parts() -> None:
    body = {
        "meta": {"uuid": "u1", "at": 1_712_138_400, "app": "bill", "chain": "c1", "cause": "p1"},
        "body": {"orderId": "O1"},
    }

    made = record(body, ("kind", "INVOICED"), using=mapped(), topic="billing-eu")

    assert format_of(made.flags) == "mapped"
    assert (made.event_id, made.event_type, made.source) == ("u1", "INVOICED", "bill")
    assert (made.correlation_id, made.causation_id) == ("c1", "p1")
    assert (made.occurred_ms, made.keys) == (1_712_138_400_000, ("O1",))


@pytest.mark.parametrize("body", [b"<invoice/>", b"\xff\xfe", b""])
def test_body_of_any_kind_is_kept_where_a_mapping_names_it_by_its_headers(body: bytes) -> None:
    where = MappingOptions(topics=("billing-*",), id="header:Id", type="header:Kind")
    using = Decoder(IngestOptions(mapping=(where,)))

    made = record(body, ("id", "u1"), ("kind", "INVOICED"), using=using, topic="billing-eu")

    assert (made.event_id, made.event_type, made.body) == ("u1", "INVOICED", body)
    assert isinstance(using.decode(message(body, ("id", "u1")), "orders"), Quarantined)


def test_body_without_the_mapped_payload_is_quarantined() -> None:
    assert isinstance(
        mapped().decode(message(b"<invoice/>", ("kind", "INVOICED")), "billing-eu"), Quarantined
    )


def test_mapping_applies_to_its_topics_only_and_after_the_known_formats() -> None:
    body = {"meta": {"uuid": "u1"}}

    assert format_of(record(body, using=mapped(), topic="orders").flags) == "opaque"
    assert (
        format_of(record({**CLOUD, **body}, using=mapped(), topic="billing-eu").flags)
        == "cloudevents"
    )
    assert format_of(record({"other": 1}, using=mapped(), topic="billing-eu").flags) == "opaque"


def test_a_key_without_a_value_is_an_event_and_nothing_at_all_is_none() -> None:
    """In a compacted topic it says that the key is gone."""
    gone = decoder(redact=("payload.card",)).decode(message(b"", key=b"ORD_1"), "orders-topic")
    nothing = decoder().decode(message(b""), "orders-topic")
    blank = decoder().decode(message(b" ", key=b"ORD_1"), "orders-topic")

    assert isinstance(gone, Record)
    assert (format_of(gone.flags), gone.event_type, gone.body) == ("opaque", "orders-topic", b"")
    assert isinstance(nothing, Quarantined)
    assert isinstance(blank, Quarantined)
