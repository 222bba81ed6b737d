"""What a fault test publishes, and the recount of what must be found afterwards."""

from __future__ import annotations

import json
import random
from collections import Counter
from typing import NamedTuple

import redis

__all__ = ["Published", "publish"]

TYPES = ("ORDER_CREATED", "PAYMENT_PROCESSED", "INVENTORY_UPDATED", "OrderShipped")
OUTCOMES = ("success", "success", "success", "retry", "failed", "skipped", "dead_lettered")


class Published(NamedTuple):
    """Positions by topic; counts by (topic, type) and by (consumer, outcome)."""

    positions: dict[str, set[str]]
    events: Counter[tuple[str, str]]
    receipts: Counter[tuple[str, str]]
    dead_letters: set[str]
    poison: int


def publish(client: redis.Redis, run: str, count: int, rng: random.Random) -> Published:
    """``count`` events over three topics, receipts for them, dead letters, poison in between."""
    made = Published({}, Counter(), Counter(), set(), 0)
    receipts: list[dict[str, object]] = []
    poison = 0
    pipe = client.pipeline(transaction=False)
    placed: list[str] = []

    def add(topic: str, body: bytes) -> None:
        pipe.xadd(topic, {b"event": body})
        placed.append(topic)

    for number in range(count):
        topic = f"{run}-{rng.choice(('orders', 'payments', 'stock'))}"
        event_type, event_id = rng.choice(TYPES), f"{run}-{number}"
        if rng.random() < 0.02:
            add(topic, b"\xffpoison")
            poison += 1
            continue
        add(topic, _envelope(event_id, event_type, {"orderId": f"{run}-order-{number // 5}"}))
        made.events[topic, event_type] += 1
        consumer, outcome = f"{run}-{event_type.lower()}", rng.choice(OUTCOMES)
        receipts.append(_receipt(event_id, event_type, topic, consumer, outcome))
        made.receipts[consumer, outcome] += 1
        if rng.random() < 0.03:
            letter = f"{run}-letter-{number}"
            add(f"{run}-failed", _dead_letter(letter, event_id, event_type, topic))
            made.dead_letters.add(event_id)
        if len(receipts) == 20:
            add(*_receipts(run, number, receipts))
            receipts = []
    add(*_receipts(run, count, receipts))
    for topic, entry_id in zip(placed, pipe.execute(), strict=True):
        made.positions.setdefault(topic, set()).add(entry_id.decode())
    return made._replace(poison=poison)


def _receipts(run: str, number: int, receipts: list[dict[str, object]]) -> tuple[str, bytes]:
    body = _envelope(f"{run}-r{number}", "ProcessingReceipts", {"receipts": receipts})
    return f"{run}-system", body


def _envelope(event_id: str, event_type: str, payload: object) -> bytes:
    return json.dumps(
        {
            "eventId": event_id,
            "eventType": event_type,
            "timestamp": "2026-11-24T10:00:00.000Z",
            "payload": payload,
            "metadata": {"source": "shop", "correlationId": event_id[:40]},
        }
    ).encode()


def _receipt(
    event_id: str, event_type: str, topic: str, consumer: str, outcome: str
) -> dict[str, object]:
    return {
        "eventId": event_id,
        "eventType": event_type,
        "topic": topic,
        "consumer": consumer,
        "outcome": outcome,
        "producedAt": "2026-11-24T10:00:00.000Z",
        "startedAt": "2026-11-24T10:00:00.010Z",
        "endedAt": "2026-11-24T10:00:00.020Z",
        "durationMs": 10,
    }


def _dead_letter(letter: str, event_id: str, event_type: str, topic: str) -> bytes:
    original = json.loads(_envelope(event_id, event_type, {"orderId": "x"}))
    return _envelope(
        letter,
        "DeadLettered",
        {
            "event": original,
            "error": {"type": "Timeout", "message": "provider away"},
            "consumer": "mailer",
            "attempts": 3,
            "originalTopic": topic,
        },
    )
