"""How many events a second the kit publishes, and one member of a group handles, on each broker.

    python -m benchmarks.kit [--events 40000] [--long] [--broker redis|kafka] [--json]

Handlers do nothing, so that what is left is the kit's own: reading, order by key, receipts, acknowledging. All
is one process and one core of Python. Kafka needs Java and Maven; without them it is said and left out.
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec

from benchmarks._figures import show

if TYPE_CHECKING:
    from eventscope import Event, EventBus

BROKERS = {"redis": "Redis", "kafka": "Kafka"}
TOPIC = "orders-topic"
PARTITIONS = 12
CHUNK = 500
CUSTOMERS = 1_000
PATIENCE = 300.0


def main() -> None:
    arguments = _arguments()
    if not arguments.broker:
        for broker in BROKERS:  # each in a process of its own, so that their CPU is told apart
            command = [sys.executable, "-m", "benchmarks.kit", "--broker", broker, *sys.argv[1:]]
            subprocess.run(command, check=True)
        return
    with (
        tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder,
        _running(arguments.broker, Path(folder)) as url,
    ):
        asyncio.run(_measure(url, arguments))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=0, help="default 40k, 400k with --long")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--broker", choices=BROKERS, help="without: each of them")
    parser.add_argument("--json", action="store_true")
    parsed = parser.parse_args()
    parsed.events = parsed.events or (400_000 if parsed.long else 40_000)
    return parsed


@contextmanager
def _running(broker: str, folder: Path) -> Iterator[str]:
    """The address of a broker of its own."""
    if broker == "redis":
        from tests.servers import Valkey

        valkey = Valkey(folder).start()
        try:
            yield valkey.url
        finally:
            valkey.stop()
        return
    from tests.kafka.servers import ApacheKafka, why_no_apache

    if why := why_no_apache():
        print(f"Kafka is left out: {why}", file=sys.stderr)
        sys.exit(0)
    kafka = ApacheKafka(folder).start()
    try:
        for topic in (TOPIC, "system-events"):
            kafka.create(topic, PARTITIONS)
        yield f"kafka://{kafka.address}"
    finally:
        kafka.stop()


async def _measure(url: str, arguments: argparse.Namespace) -> None:
    from eventscope import EventBus

    routes = {"ORDER_*": TOPIC}
    publisher = EventBus(url, source="order-service", routes=routes)
    told = {"published, in chunks of 500": await _publish(publisher, arguments.events)}
    await publisher.stop()
    for concurrency in (16, 64):
        bus = EventBus(url, source=f"service-{concurrency}", routes=routes, concurrency=concurrency)
        told[f"handled, {concurrency} at once"] = await _handle(bus, arguments.events)
    for name, (rate, spent) in told.items():
        title = f"kit on {BROKERS[arguments.broker]}: {name}"
        show(title, rate, "/s", as_json=arguments.json)
        show(f"{title}, CPU", spent, "µs", as_json=arguments.json)


class _Watch:
    """Clock and CPU from when it is made."""

    def __init__(self) -> None:
        self._began, self._spent = time.perf_counter(), time.process_time()

    def per_event(self, count: int) -> tuple[float, float]:
        """Events a second, and µs of CPU each."""
        seconds, spent = time.perf_counter() - self._began, time.process_time() - self._spent
        return count / seconds, spent / count * 1e6


async def _publish(bus: EventBus, count: int) -> tuple[float, float]:
    await bus.publish_many([_order(bus, 0)])  # the connection is made
    watch = _Watch()
    for begin in range(0, count, CHUNK):
        numbers = range(begin, min(begin + CHUNK, count))
        await bus.publish_many([_order(bus, number) for number in numbers])
    return watch.per_event(count)


def _order(bus: EventBus, number: int) -> Event:
    payload = {"orderId": f"ORD_{number:08d}", "totalAmount": 59.98, "items": [1, 2, 3]}
    event = bus.event("ORDER_CREATED", payload)
    return msgspec.structs.replace(event, key=f"C_{number % CUSTOMERS}")


async def _handle(bus: EventBus, count: int) -> tuple[float, float]:
    """From a tenth on, so that joining the group is not counted, until all are handled."""

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: object) -> None: ...

    await bus.start()
    begun = await _reached(bus, count // 10)
    watch = _Watch()
    await _reached(bus, count)
    told = watch.per_event(count - begun)
    await bus.stop()
    return told


async def _reached(bus: EventBus, count: int) -> int:
    """How many were handled, once they are ``count``."""
    deadline = time.monotonic() + PATIENCE
    while bus.counters.succeeded < count:
        if time.monotonic() > deadline:
            raise SystemExit(f"{bus.counters.succeeded} of {count} were handled in time")
        await asyncio.sleep(0.005)
    return bus.counters.succeeded


if __name__ == "__main__":
    main()
