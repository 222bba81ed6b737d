"""The reference workload: 368-byte envelopes, 12 types, 6 sources, one receipt an event."""

from __future__ import annotations

import json
import random
import sys
import time
from collections.abc import Iterator
from datetime import UTC, datetime

import hiredis
import redis

__all__ = ["ENVELOPE_BYTES", "RECEIPTS_A_MESSAGE", "TOPICS", "fill", "messages"]

ENVELOPE_BYTES = 368
RECEIPTS_A_MESSAGE = 100
TOPICS = ("orders-topic", "payments-topic", "notifications-topic")
SYSTEM = "system-events"
_TYPES = [
    f"{noun}_{verb}"
    for noun in ("ORDER", "PAYMENT", "STOCK", "PARCEL")
    for verb in ("CREATED", "CHANGED", "DONE")
]
_SOURCES = [
    f"{name}-service" for name in ("order", "payment", "inventory", "shipping", "mail", "report")
]
_CHAIN = 5
_PIPELINE = 2000


def messages(count: int, *, seed: int = 0, poison: int = 0) -> Iterator[tuple[str, bytes]]:
    """(topic, envelope) of ``count`` events, and after every hundred the receipts for them.

    Before every ``poison``-th event there is a message that nothing can decode.
    """
    rng = random.Random(seed)
    receipts: list[dict[str, object]] = []
    correlation = causation = ""
    for number in range(count):
        event_id = f"{rng.getrandbits(128):032x}"
        if number % _CHAIN == 0:
            correlation = causation = event_id
        kind = number % 12
        topic, now = TOPICS[kind % 3], _stamp()
        if poison and number % poison == 0:
            yield topic, b"\xffpoison"
        yield topic, _envelope(event_id, kind, now, correlation, causation, number)
        receipts.append(_receipt(event_id, kind, topic, now, correlation, rng))
        causation = event_id
        if len(receipts) == RECEIPTS_A_MESSAGE:
            yield SYSTEM, _receipts_envelope(rng, now, receipts)
            receipts = []


def fill(client: redis.Redis, count: int, *, seed: int = 0, poison: int = 0) -> int:
    """Append the workload to the broker's streams; how many messages that made.

    Each at the moment it was made and not when its pipeline was full, so that receipts tell true times.
    """
    connection = client.connection_pool.get_connection()
    made = at_ms = 0
    try:
        pending: list[bytes] = []
        for topic, body in messages(count, seed=seed, poison=poison):
            at_ms = max(at_ms, time.time_ns() // 1_000_000)
            pending.append(hiredis.pack_command(("XADD", topic, f"{at_ms}-*", "event", body)))
            made += 1
            if len(pending) == _PIPELINE:
                _send(connection, pending)
                pending = []
        _send(connection, pending)
    finally:
        client.connection_pool.release(connection)
    return made


def _send(connection: redis.connection.ConnectionInterface, pending: list[bytes]) -> None:
    connection.send_packed_command([b"".join(pending)])
    for _ in pending:
        connection.read_response()


def _stamp() -> str:
    now = time.time_ns() // 1_000_000
    return f"{datetime.fromtimestamp(now / 1000, UTC):%Y-%m-%dT%H:%M:%S}.{now % 1000:03d}Z"


def _envelope(
    event_id: str, kind: int, now: str, correlation: str, causation: str, number: int
) -> bytes:
    head = (
        f'{{"eventId":"{event_id}","eventType":"{_TYPES[kind]}","timestamp":"{now}",'
        f'"payload":{{"orderId":"ORD_{number // _CHAIN:08d}","customerId":"C_{number % 50_000:05d}","totalAmount":59.98,"note":"'
    )
    tail = (
        f'"}},"metadata":{{"source":"{_SOURCES[kind % 6]}","version":"1.0",'
        f'"correlationId":"{correlation}","causationId":"{causation}"}}}}'
    )
    return f"{head}{'x' * (ENVELOPE_BYTES - len(head) - len(tail))}{tail}".encode()


def _receipt(
    event_id: str, kind: int, topic: str, now: str, correlation: str, rng: random.Random
) -> dict[str, object]:
    return {
        "eventId": event_id,
        "eventType": _TYPES[kind],
        "consumer": f"{_TYPES[kind].lower()}-handler",
        "consumerGroup": "workers",
        "instance": "worker-1",
        "topic": topic,
        "partition": 0,
        "offset": f"{int(time.time() * 1000)}-0",
        "correlationId": correlation,
        "attempt": 1,
        "maxAttempts": 3,
        "producedAt": now,
        "startedAt": now,
        "endedAt": now,
        "durationMs": round(rng.lognormvariate(2, 0.7), 3),
        "outcome": "success",
    }


def _receipts_envelope(rng: random.Random, now: str, receipts: list[dict[str, object]]) -> bytes:
    return json.dumps(
        {
            "eventId": f"{rng.getrandbits(128):032x}",
            "eventType": "ProcessingReceipts",
            "timestamp": now,
            "payload": {"receipts": receipts},
            "metadata": {"source": "worker", "version": "1.0"},
        },
        separators=(",", ":"),
    ).encode()


if __name__ == "__main__":
    with redis.Redis.from_url(sys.argv[1]) as broker:
        print(fill(broker, int(sys.argv[2]), seed=int(sys.argv[3]), poison=int(sys.argv[4])))
