"""One order in each of the three formats, written by the serializers of Confluent's client."""

from __future__ import annotations

import datetime
import json
from functools import cache
from typing import Any

from confluent_kafka.schema_registry import Schema, SchemaReference, SchemaRegistryClient
from confluent_kafka.schema_registry.avro import AvroSerializer
from confluent_kafka.schema_registry.json_schema import JSONSerializer
from confluent_kafka.schema_registry.protobuf import ProtobufSerializer
from confluent_kafka.serialization import MessageField, SerializationContext
from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

from tests.ingest.registry.servers import Registry

__all__ = ["AT", "KINDS", "avro_bytes", "envelope", "order_class", "serialized", "written"]

AT = datetime.datetime(2026, 11, 26, 12, 0, tzinfo=datetime.UTC)
KINDS = ("avro", "json", "protobuf")
_MONEY = {
    "type": "record",
    "name": "shop.Money",
    "fields": [
        {
            "name": "amount",
            "type": {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2},
        },
        {
            "name": "currency",
            "type": {"type": "enum", "name": "shop.Currency", "symbols": ["EUR", "USD"]},
        },
    ],
}
_ENVELOPE = {
    "type": "record",
    "name": "shop.Envelope",
    "fields": [
        {"name": "eventId", "type": "string"},
        {"name": "eventType", "type": "string"},
        {"name": "timestamp", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {
            "name": "payload",
            "type": {
                "type": "record",
                "name": "shop.Order",
                "fields": [
                    {"name": "orderId", "type": "string"},
                    {"name": "note", "type": ["null", "string"]},
                    {"name": "total", "type": "shop.Money"},
                ],
            },
        },
        {
            "name": "metadata",
            "type": {
                "type": "record",
                "name": "shop.Metadata",
                "fields": [
                    {"name": "source", "type": "string"},
                    {"name": "correlationId", "type": "string"},
                ],
            },
        },
    ],
}
_JSON_SCHEMA = {"title": "Envelope", "type": "object", "required": ["eventId", "eventType"]}


def envelope(number: int) -> dict[str, Any]:
    """As the events page shows it, whichever format it came in (amounts are text in none of them alike)."""
    return {
        "eventId": f"evt_{number}",
        "eventType": "ORDER_CREATED",
        "timestamp": "2026-11-26T12:00:00Z",
        "payload": {"orderId": f"ORD_{number}", "note": f"gift wrapping {number}"},
        "metadata": {"source": "shop", "correlationId": f"corr_{number}"},
    }


def serialized(registry: Registry, kind: str, topic: str, number: int) -> bytes:
    """The order as its producer puts it on ``topic``; its schema is registered first."""
    client = SchemaRegistryClient({"url": registry.url})
    context = SerializationContext(topic, MessageField.VALUE)
    made: bytes | None
    if kind == "avro":
        money = Schema(json.dumps(_MONEY), "AVRO")
        client.register_schema("money", money)
        reference = SchemaReference("shop.Money", "money", 1)
        schema = Schema(json.dumps(_ENVELOPE), "AVRO", [reference])
        made = AvroSerializer(client, schema)(written(number), context)
    elif kind == "json":
        made = JSONSerializer(json.dumps(_JSON_SCHEMA), client)(envelope(number), context)
    else:
        settings = {"use.deprecated.format": False}
        made = ProtobufSerializer(order_class(), client, settings)(_message(number), context)
    assert made is not None
    return made


def avro_bytes(registry: Registry, schema: Any, body: bytes) -> bytes:
    """``body`` framed as a value of ``schema``, whatever it holds."""
    number = registry.register("hostile", {"schema": json.dumps(schema), "schemaType": "AVRO"})
    return b"\0" + number.to_bytes(4, "big") + body


def written(number: int) -> dict[str, Any]:
    import decimal

    told = envelope(number)
    told["timestamp"] = AT
    told["payload"]["total"] = {"amount": decimal.Decimal("12.50"), "currency": "EUR"}
    return told


def _message(number: int) -> Any:
    told = envelope(number)
    made = order_class()(
        event_id=told["eventId"],
        event_type=told["eventType"],
        payload={"order_id": told["payload"]["orderId"], "note": told["payload"]["note"]},
        metadata={
            "source": told["metadata"]["source"],
            "correlation_id": told["metadata"]["correlationId"],
        },
    )
    made.timestamp.FromDatetime(AT)
    return made


@cache
def order_class() -> Any:
    """The second message of a file that imports another, as generated code has it."""
    from google.protobuf import timestamp_pb2

    pool = descriptor_pool.Default()
    parts = descriptor_pb2.FileDescriptorProto(
        name="shop/parts.proto", package="shop", syntax="proto3"
    )
    _fields(parts.message_type.add(name="Order"), "order_id", "note")
    _fields(parts.message_type.add(name="Metadata"), "source", "correlation_id")
    pool.Add(parts)
    file = descriptor_pb2.FileDescriptorProto(
        name="shop/envelope.proto",
        package="shop",
        syntax="proto3",
        dependency=["shop/parts.proto", timestamp_pb2.DESCRIPTOR.name],
    )
    _fields(file.message_type.add(name="Another"), "nothing")
    envelope = file.message_type.add(name="Envelope")
    _fields(envelope, "event_id", "event_type")
    for number, (name, kind) in enumerate(
        [
            ("timestamp", ".google.protobuf.Timestamp"),
            ("payload", ".shop.Order"),
            ("metadata", ".shop.Metadata"),
        ],
        3,
    ):
        envelope.field.add(name=name, number=number, type=11, type_name=kind, label=1)
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("shop.Envelope"))


def _fields(message: Any, *names: str) -> None:
    for number, name in enumerate(names, 1):
        message.field.add(name=name, number=number, type=9, label=1)
