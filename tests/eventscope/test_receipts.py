"""Reporting is batched, bounded, and never the service's problem."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from eventscope.errors import BrokerUnavailable
from eventscope.payloads import Receipt, Receipts, describe_error
from eventscope.receipts import Counters, Observer
from tests.eventscope.conftest import eventually


class Topic:
    """Stands where the bus publishes; unreachable when it is told so."""

    def __init__(self) -> None:
        self.batches: list[list[tuple[str, Any]]] = []
        self.reachable = True
        self.gate = asyncio.Event()
        self.gate.set()

    async def publish(self, events: Sequence[tuple[str, Any]]) -> None:
        await self.gate.wait()
        if not self.reachable:
            raise BrokerUnavailable
        self.batches.append(list(events))

    def sizes(self) -> list[int]:
        payloads = [payload for batch in self.batches for _, payload in batch]
        return [len(one.receipts) for one in payloads if isinstance(one, Receipts)]


def receipt(number: int = 0) -> Receipt:
    return Receipt(
        event_id=f"evt_{number}",
        event_type="ORDER_CREATED",
        consumer="inventory-service",
        consumer_group="inventory",
        instance="one",
        topic="orders",
        offset="1-0",
        correlation_id="corr_1",
        attempt=1,
        max_attempts=4,
        produced_at="",
        started_at="",
        ended_at="",
        duration_ms=1.0,
        outcome="success",
    )


async def test_full_batch_is_published_at_once() -> None:
    topic, counters = Topic(), Counters()
    observer = Observer(topic.publish, counters, batch=100, linger=60)
    observer.start()
    for number in range(100):
        observer.add_receipt(receipt(number))

    await eventually(lambda: topic.sizes() == [100])
    await observer.stop(1)

    assert counters.receipts_sent == 100


async def test_part_of_a_batch_is_published_after_the_linger() -> None:
    topic = Topic()
    observer = Observer(topic.publish, Counters(), linger=0.05)
    observer.start()
    observer.add_receipt(receipt())
    await asyncio.sleep(0.01)
    early = topic.sizes()

    await eventually(lambda: topic.sizes() == [1])
    await observer.stop(1)

    assert early == []


async def test_backlog_goes_out_in_batches() -> None:
    topic = Topic()
    observer = Observer(topic.publish, Counters(), batch=100, linger=60)
    for number in range(250):
        observer.add_receipt(receipt(number))
    observer.start()
    await observer.stop(1)

    assert topic.sizes() == [100, 100, 50]


async def test_receipts_that_do_not_fit_are_dropped_and_counted() -> None:
    topic, counters = Topic(), Counters()
    observer = Observer(topic.publish, counters, capacity=10)
    for number in range(25):
        observer.add_receipt(receipt(number))
        observer.report("HealthCheck", {})
    observer.start()
    await observer.stop(1)

    assert (counters.receipts_sent, counters.receipts_dropped) == (10, 15)
    assert (counters.reports_sent, counters.reports_dropped) == (10, 15)


async def test_failure_to_publish_is_counted_never_raised() -> None:
    topic, counters = Topic(), Counters()
    topic.reachable = False
    observer = Observer(topic.publish, counters, linger=0.01)
    observer.start()
    observer.add_receipt(receipt())
    observer.report("HealthCheck", {})
    await eventually(lambda: counters.receipts_dropped == 1 and counters.reports_dropped == 1)
    topic.reachable = True
    observer.add_receipt(receipt())
    await eventually(lambda: counters.receipts_sent == 1)

    await observer.stop(1)


async def test_stop_does_not_wait_longer_than_its_grace_and_counts_what_is_lost() -> None:
    topic, counters = Topic(), Counters()
    topic.gate.clear()
    observer = Observer(topic.publish, counters, batch=10, linger=0.01)
    for number in range(30):
        observer.add_receipt(receipt(number))
    observer.start()
    begun = asyncio.get_running_loop().time()
    await observer.stop(0.1)

    assert asyncio.get_running_loop().time() - begun < 60
    assert counters.receipts_dropped == 30


async def test_reports_from_threads_are_published_in_order() -> None:
    topic = Topic()
    observer = Observer(topic.publish, Counters(), linger=60)
    observer.start()

    def work() -> None:
        for number in range(50):
            observer.report("HealthCheck", number)

    await asyncio.to_thread(work)
    await eventually(lambda: sum(map(len, topic.batches)) == 50)
    await observer.stop(1)

    assert [payload for batch in topic.batches for _, payload in batch] == list(range(50))


async def test_that_the_service_has_stopped_is_told_after_all_of_its_receipts() -> None:
    topic, counters = Topic(), Counters()
    observer = Observer(topic.publish, counters, batch=2, linger=60)
    observer.report("ServiceStarted", {})
    for number in range(5):
        observer.add_receipt(receipt(number))
    observer.report("ServiceStopped", {})
    observer.start()

    await observer.stop(5)

    told = [event_type for batch in topic.batches for event_type, _ in batch]
    assert told == ["ServiceStarted", *["ProcessingReceipts"] * 3, "ServiceStopped"]
    assert (counters.reports_sent, counters.receipts_sent) == (2, 5)


def test_report_after_the_loop_is_gone_does_not_raise() -> None:
    topic_holder: list[Observer] = []

    async def live() -> None:
        observer = Observer(Topic().publish, Counters())
        observer.start()
        await observer.stop(1)
        topic_holder.append(observer)

    asyncio.run(live())

    topic_holder[0].report("HealthCheck", {})


class Coded(Exception):
    code = "ORDER_PROCESSING_ERROR"


class Broken(Exception):
    def __str__(self) -> str:
        raise RuntimeError


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (ValueError("no"), "ValueError", "no"),
        (Coded("no"), "ORDER_PROCESSING_ERROR", "no"),
        (Broken(), "Broken", "(its message cannot be read: RuntimeError)"),
        (ValueError("\ud800"), "ValueError", "?"),
        (ValueError("x" * 10_000), "ValueError", "x" * 2_000),
    ],
)
def test_any_error_can_be_described(error: Exception, kind: str, message: str) -> None:
    info = describe_error(error)

    assert (info.type, info.message) == (kind, message)
    assert len(info.stack) <= 8_000
