"""Values by schemas of a real registry, from bytes that Confluent's own serializers made."""

from __future__ import annotations

import json
from collections.abc import Callable

import msgspec
import pytest

from ingest.envelopes import Decoder
from ingest.options import (
    BrokerOptions,
    IngestOptions,
    MappingOptions,
    PrivacyOptions,
    RegistryOptions,
)
from ingest.records import Message, Position, Quarantined, Record
from ingest.registry import open_unframers
from ingest.registry.framing import Unframer
from ingest.wire import SCHEMA, UNDECODED, WIRE, why_undecoded, wire_of
from tests.ingest.registry.factories import KINDS, avro_bytes, envelope, serialized
from tests.ingest.registry.servers import Registry

CE = (
    (b"ce_specversion", b"1.0"),
    (b"ce_id", b"ce-1"),
    (b"ce_type", b"ORDER"),
    (b"ce_source", b"s"),
)


def configured(registry: Registry, **more: object) -> IngestOptions:
    told = RegistryOptions(url=registry.url, timeout=30.0)  # type: ignore[arg-type]
    return IngestOptions(
        brokers={"main": BrokerOptions(type="kafka", registry=told)},
        **more,  # type: ignore[arg-type]
    )


def unframer(registry: Registry, **more: object) -> Unframer:
    return open_unframers(configured(registry, **more))["main"]


def message(value: bytes, *headers: tuple[bytes, bytes]) -> Message:
    return Message(Position(1, 7), 1_764_158_400_000, b"ORD_1", value, headers)


def decoded(
    registry: Registry, *values: bytes, headers: tuple[tuple[bytes, bytes], ...] = ()
) -> list[Record]:
    options = configured(registry)
    read = open_unframers(options)["main"].unframe([message(one, *headers) for one in values])
    records, quarantined = Decoder(options).decode_all(read, "orders")
    assert quarantined == []
    return records


@pytest.mark.parametrize("kind", KINDS)
def test_the_envelope_is_found_as_in_json(registry: Registry, kind: str) -> None:
    values = [serialized(registry, kind, "orders", number) for number in range(3)]

    records = decoded(registry, *values)

    for number, record in enumerate(records):
        told, expected = json.loads(record.body), envelope(number)
        told["payload"].pop("total", None)
        assert told == expected
        assert (record.event_id, record.event_type) == (f"evt_{number}", "ORDER_CREATED")
        assert (record.correlation_id, record.source) == (f"corr_{number}", "shop")
        assert record.occurred_ms == 1_795_694_400_000
        assert record.keys == (f"ORD_{number}",)
        headers = msgspec.msgpack.decode(record.headers, type=list[tuple[bytes, bytes]])
        assert wire_of(headers) == values[number]
        assert dict(headers)[SCHEMA].startswith(kind.encode())
        assert dict(headers)[b":key"] == b"ORD_1"


def test_logical_types_are_written_as_people_read_them(registry: Registry) -> None:
    [record] = decoded(registry, serialized(registry, "avro", "orders", 1))

    assert json.loads(record.body)["payload"]["total"] == {"amount": "12.50", "currency": "EUR"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_schema_is_asked_for_once(registry: Registry, kind: str) -> None:
    values = [serialized(registry, kind, "orders", number) for number in range(20)]
    registry.asked.clear()

    decoded(registry, *values)
    decoded(registry, *values)

    assert len(registry.asked) == len(set(registry.asked)) > 0


def test_ids_of_binary_cloudevents_stand_in_headers(registry: Registry) -> None:
    value = avro_bytes(registry, {"type": "map", "values": "string"}, b"\x02\x02a\x02b\x00")
    more = ((b"ce_correlationid", b"corr-9"),)

    [record] = decoded(registry, value, headers=(*CE, *more))

    assert (record.event_id, record.event_type, record.correlation_id) == (
        "ce-1",
        "ORDER",
        "corr-9",
    )
    assert json.loads(record.body) == {"a": "b"}


def test_a_mapping_says_where_another_schema_keeps_its_parts(registry: Registry) -> None:
    """As docs/schema-registry.md has it."""
    mapping = MappingOptions(
        topics=("payments-*",), id="paymentId", type="header:event-type", correlation="orderId"
    )
    names = [{"name": name, "type": "string"} for name in ("paymentId", "orderId")]
    schema = {"type": "record", "name": "Payment", "fields": names}
    value = avro_bytes(registry, schema, b"\x06p-1\x06o-1")
    options = configured(registry, mapping=(mapping,))

    read = open_unframers(options)["main"].unframe([message(value, (b"event-type", b"PAID"))])
    [record], _ = Decoder(options).decode_all(read, "payments-eu")

    assert (record.event_id, record.event_type, record.correlation_id) == ("p-1", "PAID", "o-1")


def test_plain_json_is_left_alone(registry: Registry) -> None:
    messages = [message(b'{"eventId":"1"}'), message(b""), message(b"\x01\x02")]

    assert unframer(registry).unframe(messages) is messages
    assert registry.asked == []


def test_plain_and_framed_values_stay_in_order(registry: Registry) -> None:
    framed = serialized(registry, "json", "orders", 2)
    plain = json.dumps(envelope(1)).encode()

    records = decoded(registry, plain, framed, plain)

    assert [one.event_id for one in records] == ["evt_1", "evt_2", "evt_1"]


# -- what cannot be read

Spoil = Callable[[Registry], bytes]


def _other(registry: Registry) -> bytes:
    """An order's bytes under the number of a schema of two longs."""
    fields = [{"name": name, "type": "long"} for name in ("a", "b")]
    schema = {"type": "record", "name": "Pair", "fields": fields}
    return avro_bytes(registry, schema, serialized(registry, "avro", "orders", 1)[5:])


POISON: dict[str, tuple[Spoil, str]] = {
    "unknown number": (
        lambda registry: b"\0\0\0\x03\xe7" + b"x",
        "knows no schema 999",
    ),
    "only a zero": (lambda registry: b"\0", "the value is cut: 1 bytes"),
    "no value": (lambda registry: b"\0\0\0\0\x01", "the value is cut: 5 bytes"),
    "cut Avro": (
        lambda registry: serialized(registry, "avro", "orders", 1)[:-9],
        "(avro): EOFError",
    ),
    "Avro of another schema": (_other, "bytes are left behind the value"),
    "cut JSON": (
        lambda registry: serialized(registry, "json", "orders", 1)[:-9],
        "(json): the value is no JSON",
    ),
    "cut Protobuf": (
        lambda registry: serialized(registry, "protobuf", "orders", 1)[:-9],
        "(protobuf): DecodeError",
    ),
    "Protobuf of a message that is not there": (
        lambda registry: serialized(registry, "protobuf", "orders", 1)[:5] + b"\x02\x10x",
        "the schema has no message [8]",
    ),
    "Protobuf with cut indexes": (
        lambda registry: serialized(registry, "protobuf", "orders", 1)[:5] + b"\x04\x02",
        "the message indexes are cut",
    ),
    "a kind that is not known": (
        lambda registry: _registered(registry, "THRIFT", "struct A {}"),
        "of a kind that is not read: THRIFT",
    ),
    "Avro that is none": (
        lambda registry: _registered(registry, "AVRO", '{"type": "colour"}'),
        "no Avro schema",
    ),
    "Protobuf that is none": (
        lambda registry: _registered(registry, "PROTOBUF", 'syntax = "proto3";'),
        "the registry has to answer format=serialized",
    ),
}


def _registered(registry: Registry, kind: str, schema: str) -> bytes:
    number = registry.register("odd", {"schema": schema, "schemaType": kind})
    return b"\0" + number.to_bytes(4, "big") + b"value"


@pytest.mark.parametrize("name", POISON)
def test_poison_is_an_opaque_event_with_its_reason_and_its_neighbours_are_read(
    registry: Registry, name: str
) -> None:
    spoil, reason = POISON[name]
    value = spoil(registry)
    good = serialized(registry, "avro", "orders", 5)

    before, record, after = decoded(registry, good, value, good)

    assert (before.event_id, after.event_id) == ("evt_5", "evt_5")
    assert (record.event_id, record.event_type, record.body) == ("orders@1-7", "orders", value)
    headers = msgspec.msgpack.decode(record.headers, type=list[tuple[bytes, bytes]])
    assert reason in why_undecoded(headers)
    assert wire_of(headers) is None


def test_headers_of_ours_cannot_be_sent_by_others(registry: Registry) -> None:
    value = serialized(registry, "json", "orders", 1)
    forged = ((WIRE, b"other bytes"), (UNDECODED, b"because"), (SCHEMA, b"x"))

    [read] = unframer(registry).unframe([message(value, *forged)])

    assert read.headers == ((SCHEMA, b"json 1"), (WIRE, value))


def test_a_value_above_the_limit_is_kept_as_it_came(registry: Registry) -> None:
    value = serialized(registry, "json", "orders", 1) + b" " * (1 << 20)

    [record] = decoded(registry, value)

    headers = msgspec.msgpack.decode(record.headers, type=list[tuple[bytes, bytes]])
    assert "more than [limits] body_bytes" in why_undecoded(headers)


# -- where parts are to be hidden

PRIVATE = PrivacyOptions(redact=("payload.note",))


def test_hidden_parts_are_not_kept_in_the_bytes_that_arrived(registry: Registry) -> None:
    options = configured(registry, privacy=PRIVATE)
    value = serialized(registry, "avro", "orders", 1)

    read = open_unframers(options)["main"].unframe([message(value)])
    [record], quarantined = Decoder(options).decode_all(read, "orders")

    assert quarantined == []
    assert b"gift wrapping" not in record.body + record.headers
    headers = msgspec.msgpack.decode(record.headers, type=list[tuple[bytes, bytes]])
    assert wire_of(headers) == b""


def test_what_cannot_be_read_is_then_withheld_with_its_reason(registry: Registry) -> None:
    options = configured(registry, privacy=PRIVATE)
    value = serialized(registry, "avro", "orders", 1)[:-9]

    read = open_unframers(options)["main"].unframe([message(value)])
    records, [quarantined] = Decoder(options).decode_all(read, "orders")

    assert records == []
    assert isinstance(quarantined, Quarantined)
    assert "(avro): EOFError" in quarantined.reason
    assert b"gift wrapping" not in quarantined.body + quarantined.headers
