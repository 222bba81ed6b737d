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
NSERVICEBUS = {
    "nservicebus.failedq": b"Shop.Orders",
    "nservicebus.exceptioninfo.exceptiontype": b"System.TimeoutException",
    "nservicebus.exceptioninfo.message": b"late",
    "nservicebus.timeoffailure": b"2023-11-14 22:13:20:000000 Z",
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
                failed_ms=START,
            ),
        ),
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
