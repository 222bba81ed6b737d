"""What other libraries write beside a message that they gave up: headers on the dead-letter topic.

Spring Kafka ``kafka_dlt-*``: https://docs.spring.io/spring-kafka/reference/kafka/annotation-error-handling.html#dead-letters
and ``retry_topic-*`` of its retry topics; Spring Cloud Stream ``x-original-*``, ``x-exception-*``.
Kafka Connect ``__connect.errors.*``: KIP-298. SmallRye (Quarkus) ``dead-letter-*``.
NServiceBus: https://docs.particular.net/nservicebus/messaging/headers#error-forwarding-headers
RabbitMQ ``x-death``: https://www.rabbitmq.com/docs/dlx. MassTransit ``MT-Fault-*``.
Azure Service Bus ``DeadLetterReason``, ``DeadLetterErrorDescription``.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import msgspec

from ingest.envelopes.masstransit import last_part
from ingest.envelopes.nservicebus import iso_time
from ingest.timestamps import parse_ms

__all__ = ["Failure", "header_pairs", "read_failure", "unpack_headers", "without_failure"]

_TOPIC = (
    "kafka_dlt-original-topic",
    "__connect.errors.topic",
    "nservicebus.failedq",
    "x-original-topic",
    "dead-letter-topic",
    "x-first-death-queue",
)
_PARTITION = (
    "kafka_dlt-original-partition",
    "__connect.errors.partition",
    "x-original-partition",
    "dead-letter-partition",
)
_OFFSET = (
    "kafka_dlt-original-offset",
    "__connect.errors.offset",
    "x-original-offset",
    "dead-letter-offset",
)
_GROUP = ("kafka_dlt-original-consumer-group", "x-original-consumer-group")
_CONSUMER = (
    "__connect.errors.connector.name",
    "mt-fault-consumertype",
    "nservicebus.processingendpoint",
)
_TYPE = (
    "kafka_dlt-exception-cause-fqcn",
    "kafka_dlt-exception-fqcn",
    "kafka_dlt-key-exception-fqcn",
    "__connect.errors.exception.class.name",
    "nservicebus.exceptioninfo.exceptiontype",
    "mt-fault-exceptiontype",
    "x-exception-fqcn",
    "dead-letter-cause-class-name",
    "dead-letter-exception-class-name",
    "deadletterreason",
    "x-first-death-reason",
    "mt-reason",
)
_MESSAGE = (
    "kafka_dlt-exception-message",
    "kafka_dlt-key-exception-message",
    "__connect.errors.exception.message",
    "nservicebus.exceptioninfo.message",
    "mt-fault-message",
    "x-exception-message",
    "dead-letter-cause",
    "dead-letter-reason",
    "deadlettererrordescription",
)
_STACK = (
    "kafka_dlt-exception-stacktrace",
    "kafka_dlt-key-exception-stacktrace",
    "__connect.errors.exception.stacktrace",
    "nservicebus.exceptioninfo.stacktrace",
    "mt-fault-stacktrace",
    "x-exception-stacktrace",
)
_FAILED = ("nservicebus.timeoffailure", "mt-fault-timestamp")
_ATTEMPTS = ("retry_topic-attempts", "kafka_deliveryattempt")
_RETRIES = ("nservicebus.flretries", "nservicebus.retries", "mt-fault-retrycount")
"""Counted without the first attempt."""

_OF_FAILURE = (
    "kafka_dlt-",
    "__connect.errors.",
    "nservicebus.exceptioninfo.",
    "nservicebus.failedq",
    "nservicebus.timeoffailure",
    "nservicebus.flretries",
    "mt-fault-",
    "mt-reason",
    "x-death",
    "x-first-death-",
    "x-last-death-",
    "x-exception-",
    "x-original-",
)

_pairs = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])


class Failure(NamedTuple):
    """What is known of a failure; "" and 0 where nothing is."""

    topic: str = ""
    partition: int = 0
    offset: str = ""
    group: str = ""
    consumer: str = ""
    error_type: str = ""
    message: str = ""
    stack: str = ""
    attempts: int = 0
    failed_ms: int | None = None
    first_failed_ms: int | None = None


def header_pairs(packed: bytes) -> list[tuple[bytes, bytes]]:
    """`Record.headers` as they came; unreadable ones are none."""
    if not packed:
        return []
    try:
        return _pairs.decode(packed)
    except msgspec.MsgspecError:
        return []


def without_failure(pairs: Iterable[tuple[bytes, bytes]]) -> list[tuple[bytes, bytes]]:
    """The headers that the original had: all but those that only tell of its failure."""
    return [
        (name, value)
        for name, value in pairs
        if not name.decode("utf-8", "replace").lower().startswith(_OF_FAILURE)
    ]


def unpack_headers(packed: bytes) -> dict[str, bytes]:
    """`Record.headers` by lower-case name; of a repeated header the last."""
    pairs = header_pairs(packed)
    return {name.decode("utf-8", "replace").lower(): value for name, value in pairs}


def read_failure(headers: Mapping[str, bytes]) -> Failure:
    """The failure that ``headers`` (by lower-case name) tell of."""
    deaths = _deaths(headers.get("x-death", b""))
    death = deaths[0] if deaths else {}
    failed_ms = parse_ms(iso_time(_text(headers, _FAILED)))
    return Failure(
        topic=_text(headers, _TOPIC) or _queue(headers) or _word(death, "queue"),
        partition=_number(headers, _PARTITION) or 0,
        offset="" if (offset := _number(headers, _OFFSET)) is None else str(offset),
        group=_text(headers, _GROUP),
        consumer=_text(headers, _CONSUMER),
        error_type=_text(headers, _TYPE) or _word(death, "reason"),
        message=_text(headers, _MESSAGE),
        stack=_text(headers, _STACK),
        attempts=_attempts(headers) or _count(death),
        failed_ms=parse_ms(death.get("time")) if failed_ms is None else failed_ms,
        first_failed_ms=parse_ms(deaths[-1].get("time")) if deaths else None,
    )


def _queue(headers: Mapping[str, bytes]) -> str:
    """MassTransit tells the address of the endpoint that received the message."""
    return last_part(_text(headers, ("mt-fault-inputaddress",)))


def _attempts(headers: Mapping[str, bytes]) -> int:
    attempts, retries = _number(headers, _ATTEMPTS), _number(headers, _RETRIES)
    return attempts or (0 if retries is None else retries + 1)


def _text(headers: Mapping[str, bytes], names: tuple[str, ...]) -> str:
    return next(
        (headers[name].decode("utf-8", "replace") for name in names if headers.get(name)), ""
    )


def _number(headers: Mapping[str, bytes], names: tuple[str, ...]) -> int | None:
    """Decimal text, or the 4 or 8 big-endian bytes that Spring writes."""
    value = next((headers[name] for name in names if headers.get(name)), b"")
    if value.isdigit() and len(value) < 19:
        return int(value)
    if len(value) in (4, 8):
        number = int.from_bytes(value, "big", signed=True)
        return number if number >= 0 else None
    return None


def _deaths(value: bytes) -> list[dict[str, Any]]:
    """RabbitMQ's ``x-death`` table, newest first, when a bridge has made JSON of it."""
    try:
        deaths = msgspec.json.decode(value) if value else []
    except (msgspec.MsgspecError, RecursionError, UnicodeDecodeError):
        return []
    return [one for one in deaths if isinstance(one, dict)] if isinstance(deaths, list) else []


def _word(death: dict[str, Any], name: str) -> str:
    value = death.get(name)
    return value if isinstance(value, str) else ""


def _count(death: dict[str, Any]) -> int:
    value = death.get("count")
    return value if isinstance(value, int) and 0 < value < 1_000_000 else 0
