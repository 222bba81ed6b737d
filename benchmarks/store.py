"""How fast the store inserts, how much it takes, how quickly it finds and lists.

Run as ``python -m benchmarks.store [--events N] [--json FILE] [--profile]``. The data folder is
temporary unless EVENTSCOPE_DATA names one; DATABASE_URL chooses PostgreSQL.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

BATCH = 10_000
TYPES = 12
SOURCES = 6
START = 1_760_000_000_000
PER_MS = 20


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        os.environ.setdefault("EVENTSCOPE_DATA", folder)
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        import django

        django.setup()
        figures = measure_store(options.events, profile=options.profile)
    for name, value in figures.items():
        print(
            f"{name:<34} {value:>14,.2f}"
            if isinstance(value, float)
            else f"{name:<34} {value:>14,}"
        )
    if options.json:
        Path(options.json).write_text(json.dumps(figures, indent=2))


def measure_store(events: int, *, profile: bool = False) -> dict[str, Any]:
    """Figures by name: rates in events/s, times in ms, sizes in bytes."""
    from django.core.management import call_command

    from ingest.store.sql import SqlEventStore

    call_command("migrate", database="events", verbosity=0, skip_checks=True)
    store = SqlEventStore()
    figures: dict[str, Any] = {"events": events}
    watch = _profiler() if profile else None
    inserted = _insert(store, events, figures)
    if watch:
        watch()
    figures.update(_sizes(events))
    figures.update(_look_ups(store, inserted))
    figures.update(_scans(store))
    figures["peak memory MB"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return figures


def make_batches(events: int, stream_id: int) -> Iterator[Any]:
    """The reference workload: 368-byte envelopes, 12 types, 6 sources, four keys each.

    Four events share a correlation id; the second to fourth name the first as their cause.
    """
    from ingest.records import Batch, Position, Record, Slice, StreamRef

    stream = StreamRef(stream_id, "main", "orders-topic", 0, False)
    chance = random.Random(7)
    corr = event_id = ""
    for start in range(0, events, BATCH):
        records = []
        for number in range(start, min(start + BATCH, events)):
            at = START + number // PER_MS
            cause, event_id = event_id, f"evt_{chance.getrandbits(96):024x}"
            if number % 4 == 0:
                corr, cause = f"corr_{chance.getrandbits(96):024x}", ""
            kind, source = f"ORDER_EVENT_{number % TYPES}", f"service-{number % SOURCES}"
            occurred = at - chance.randrange(1, 9)
            order, trace = f"ORD_{number // 4}", f"{chance.getrandbits(128):032x}"
            body = (
                f'{{"eventId":"{event_id}","eventType":"{kind}","timestamp":{occurred},"payload":'
                f'{{"orderId":"{order}","amount":{number % 977},"items":[{{"sku":"SKU_{number % 53}",'
                f'"quantity":{1 + number % 3}}}]}},"metadata":{{"source":"{source}","version":"1.0",'
                f'"correlationId":"{corr}","causationId":"{cause}","traceparent":"00-{trace}-01"}}}}'
            ).encode()
            body = body[:-1] + b" " * (367 - len(body)) + b"}"
            records.append(
                Record(
                    Position(at, number % PER_MS), at, event_id, kind, source, body, len(body),
                    occurred, corr, "", trace, b"", (order,),
                )
            )  # fmt: skip
        yield Batch([Slice(stream, Position(0, 0), records[-1].position, records, [])], START)


def _insert(store: Any, events: int, figures: dict[str, Any]) -> list[Any]:
    from django.db import transaction

    from ingest.models import Stream
    from ingest.store.series import SeriesDictionary

    stream, _ = Stream.objects.get_or_create(broker="main", topic="orders-topic")
    series = SeriesDictionary()
    spent: list[float] = []
    kept: list[Any] = []
    maintained = longest = 0.0
    for batch in make_batches(events, stream.id):
        started = time.perf_counter()
        with transaction.atomic(using="events"):
            store.append(batch, series)
        between = time.perf_counter()
        store.maintain()
        ended = time.perf_counter()
        spent.append(ended - started)
        maintained += ended - between
        longest = max(longest, ended - between)
        records = batch.slices[0].records
        kept += records[:: max(1, len(records) // 20)]
        _progress(len(spent) * BATCH, events)
    share = max(1, len(spent) // 5)
    figures["insert events/s"] = events / sum(spent)
    figures["insert µs/event"] = sum(spent) / events * 1e6
    figures["of it maintain µs/event"] = maintained / events * 1e6
    figures["longest maintain step ms"] = longest * 1e3
    figures["last fifth ÷ first fifth"] = sum(spent[:share]) / sum(spent[-share:])
    return kept


def _progress(done: int, events: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} of {events:,}", end="\n" if done >= events else "", file=sys.stderr)


def _sizes(events: int) -> dict[str, Any]:
    from django.db import connections

    connection = connections["events"]
    sizes: dict[str, Any] = {}
    if connection.vendor != "sqlite":
        return sizes
    with connection.cursor() as cursor:
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        try:
            cursor.execute(
                "SELECT name, sum(pgsize), sum(unused) FROM dbstat GROUP BY name ORDER BY 2 DESC LIMIT 9"
            )
            for name, size, unused in cursor.fetchall():
                sizes[f"  {name} B/event"] = size / events
                sizes[f"    unused B/event"] = unused / events
        except Exception as error:  # noqa: BLE001
            sizes["dbstat"] = 0
        cursor.execute("PRAGMA freelist_count")
        free = cursor.fetchone()[0] * 8192
    path = Path(str(connection.settings_dict["NAME"]))
    sizes["file bytes/event"] = path.stat().st_size / events
    sizes["of it free for reuse"] = free / events
    return sizes


def _look_ups(store: Any, kept: list[Any]) -> dict[str, Any]:
    chance = random.Random(11)
    figures: dict[str, Any] = {}
    samples = chance.sample(kept, min(400, len(kept)))
    _time(
        figures, "find correlation", [lambda r=r: store.find([r.correlation_id]) for r in samples]
    )
    _time(figures, "find event", [lambda r=r: store.find([r.event_id]) for r in samples])
    _time(figures, "find nothing", [lambda n=n: store.find([f"none{n}"]) for n in range(200)])
    from ingest.queries.receipts import receipts_for

    page = [record.event_id for record in kept[-100:]]
    _time(figures, "receipts of 100", [lambda: receipts_for(page)] * 5)
    return figures


def _scans(store: Any) -> dict[str, Any]:
    from ingest.store.base import EventFilter

    figures: dict[str, Any] = {}
    _time(figures, "first page", [lambda: store.scan(EventFilter(), limit=50)] * 50)
    one = EventFilter(types=("ORDER_EVENT_3",), sources=("service-*",))
    _time(figures, "first page of a type", [lambda: store.scan(one, limit=50)] * 50)
    deep = EventFilter(until_ms=START + 5_000)
    _time(figures, "page deep in the past", [lambda: store.scan(deep, limit=50)] * 50)
    return figures


def _time(figures: dict[str, Any], name: str, calls: list[Callable[[], object]]) -> None:
    spent = []
    for call in calls:
        started = time.perf_counter()
        call()
        spent.append((time.perf_counter() - started) * 1e3)
    spent.sort()
    figures[f"{name} p50 ms"] = spent[len(spent) // 2]
    figures[f"{name} p99 ms"] = spent[min(len(spent) - 1, len(spent) * 99 // 100)]


def _profiler() -> Callable[[], None]:
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.enable()

    def stop() -> None:
        profile.disable()
        pstats.Stats(profile).sort_stats("tottime").print_stats(25)

    return stop


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--json", default="")
    parser.add_argument("--profile", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
