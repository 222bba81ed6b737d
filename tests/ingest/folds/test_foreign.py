"""Dead letters of other libraries, recognised by their headers."""

from __future__ import annotations

import msgspec
import pytest

from ingest.folds.foreign import Failure, read_failure, unpack_headers
from tests.ingest.folds.factories import START

SPRING = {
    "kafka_dlt-original-topic": b"orders-topic",
    "kafka_dlt-original-partition": (3).to_bytes(4, "big"),
    "kafka_dlt-original-offset": (70_000).to_bytes(8, "big"),
    "kafka_dlt-original-consumer-group": b"inventory",
    "kafka_dlt-exception-fqcn": b"org.springframework.kafka.listener.ListenerExecutionFailedException",
    "kafka_dlt-exception-cause-fqcn": b"com.shop.NoStock",
    "kafka_dlt-exception-message": b"no stock",
    "kafka_dlt-exception-stacktrace": b"com.shop.NoStock\n\tat a.b(C.java:1)",
}
CONNECT = {
    "__connect.errors.topic": b"orders",
    "__connect.errors.partition": b"2",
    "__connect.errors.offset": b"99",
    "__connect.errors.connector.name": b"sink",
    "__connect.errors.exception.class.name": b"org.apache.kafka.connect.errors.DataException",
    "__connect.errors.exception.message": b"bad row",
}
RABBIT = {
    "x-death": b'[{"queue": "orders", "reason": "rejected", "count": 4, "exchange": ""}]',
}
RABBIT_TWICE = {
    "x-first-death-queue": b"orders",
    "x-first-death-reason": b"expired",
    "x-death": b'[{"count":2,"reason":"rejected","queue":"retry","time":"2023-11-14T22:13:20Z"},'
    b'{"count":1,"reason":"expired","queue":"orders","time":1699999990}]',
}
SPRING_RETRIED = {
    "kafka_dlt-original-topic": b"orders-topic",
    "kafka_dlt-key-exception-fqcn": b"org.apache.kafka.common.errors.SerializationException",
    "kafka_dlt-key-exception-message": b"bad key",
    "kafka_dlt-key-exception-stacktrace": b"at a.b(C.java:1)",
    "retry_topic-attempts": (4).to_bytes(4, "big"),
}
SPRING_CLOUD = {
    "x-original-topic": b"orders",
    "x-original-partition": (1).to_bytes(4, "big"),
    "x-original-offset": (5).to_bytes(8, "big"),
    "x-exception-fqcn": b"java.lang.IllegalStateException",
    "x-exception-message": b"no",
    "x-exception-stacktrace": b"at x",
}
SMALLRYE = {
    "dead-letter-topic": b"orders",
    "dead-letter-partition": b"2",
    "dead-letter-offset": b"17",
    "dead-letter-exception-class-name": b"java.lang.IllegalArgumentException",
    "dead-letter-reason": b"no stock",
}
AZURE = {
    "deadletterreason": b"MaxDeliveryCountExceeded",
    "deadlettererrordescription": b"Message could not be consumed after 10 delivery attempts.",
}
MASSTRANSIT = {
    "mt-reason": b"fault",
    "mt-fault-exceptiontype": b"System.InvalidOperationException",
    "mt-fault-message": b"no stock",
    "mt-fault-stacktrace": b"   at Shop.Orders.Consume()",
    "mt-fault-consumertype": b"Shop.OrderConsumer",
    "mt-fault-inputaddress": b"rabbitmq://localhost/shop/order-service?durable=true",
    "mt-fault-timestamp": b"2023-11-14T22:13:20.0000000Z",
    "mt-fault-retrycount": b"3",
}
NSERVICEBUS = {
    "nservicebus.failedq": b"Shop.Orders",
    "nservicebus.exceptioninfo.exceptiontype": b"System.TimeoutException",
    "nservicebus.exceptioninfo.message": b"late",
    "nservicebus.exceptioninfo.stacktrace": b"   at Shop.Handle()",
    "nservicebus.timeoffailure": b"2023-11-14 22:13:20:000000 Z",
    "nservicebus.processingendpoint": b"Shop.Orders",
    "nservicebus.flretries": b"4",
}


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        (
            SPRING,
            Failure(
                topic="orders-topic",
                partition=3,
                offset="70000",
                group="inventory",
                error_type="com.shop.NoStock",
                message="no stock",
                stack="com.shop.NoStock\n\tat a.b(C.java:1)",
            ),
        ),
        (
            CONNECT,
            Failure(
                topic="orders",
                partition=2,
                offset="99",
                consumer="sink",
                error_type="org.apache.kafka.connect.errors.DataException",
                message="bad row",
            ),
        ),
        (RABBIT, Failure(topic="orders", error_type="rejected", attempts=4)),
        (
            NSERVICEBUS,
            Failure(
                topic="Shop.Orders",
                error_type="System.TimeoutException",
                message="late",
                stack="   at Shop.Handle()",
                consumer="Shop.Orders",
                attempts=5,
                failed_ms=START,
            ),
        ),
        (
            RABBIT_TWICE,
            Failure(
                topic="orders",
                error_type="expired",
                attempts=2,
                failed_ms=START,
                first_failed_ms=START - 10_000,
            ),
        ),
        (
            SPRING_RETRIED,
            Failure(
                topic="orders-topic",
                error_type="org.apache.kafka.common.errors.SerializationException",
                message="bad key",
                stack="at a.b(C.java:1)",
                attempts=4,
            ),
        ),
        (
            SPRING_CLOUD,
            Failure(
                topic="orders",
                partition=1,
                offset="5",
                error_type="java.lang.IllegalStateException",
                message="no",
                stack="at x",
            ),
        ),
        (
            SMALLRYE,
            Failure(
                topic="orders",
                partition=2,
                offset="17",
                error_type="java.lang.IllegalArgumentException",
                message="no stock",
            ),
        ),
        (
            AZURE,
            Failure(
                error_type="MaxDeliveryCountExceeded",
                message="Message could not be consumed after 10 delivery attempts.",
            ),
        ),
        (
            MASSTRANSIT,
            Failure(
                topic="order-service",
                consumer="Shop.OrderConsumer",
                error_type="System.InvalidOperationException",
                message="no stock",
                stack="   at Shop.Orders.Consume()",
                attempts=4,
                failed_ms=START,
            ),
        ),
        ({"mt-reason": b"dead-letter"}, Failure(error_type="dead-letter")),
        ({}, Failure()),
        ({"x-death": b"not json"}, Failure()),
        ({"x-death": b'{"queue": 1}'}, Failure()),
        ({"x-death": b"[" * 100_000}, Failure()),
        ({"kafka_dlt-original-offset": b"\xff" * 8}, Failure()),
        ({"kafka_dlt-exception-message": b"\xff\xfe"}, Failure(message="\ufffd\ufffd")),
    ],
)
def test_headers_tell_the_failure(headers: dict[str, bytes], expected: Failure) -> None:
    assert read_failure(headers) == expected


def test_packed_headers_are_found_by_lower_case_name() -> None:
    packed = msgspec.msgpack.encode([(b"NServiceBus.FailedQ", b"q"), (b":key", b"k")])

    assert unpack_headers(packed) == {"nservicebus.failedq": b"q", ":key": b"k"}


@pytest.mark.parametrize("packed", [b"", b"\xc1", b"\x91\x01"])
def test_unreadable_headers_are_none(packed: bytes) -> None:
    assert unpack_headers(packed) == {}
