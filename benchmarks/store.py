"""The store alone: how fast it inserts, how much it takes, how quickly it finds and lists.

    python -m benchmarks.store [--store clickhouse] [--events 1000000] [--long] [--json] [--profile]

The data folder is temporary; DATABASE_URL chooses PostgreSQL (its schema must exist and be empty). Of ClickHouse
it is the engine in this process, from the test requirements, unless CLICKHOUSE_URL names a server (with an empty database).
"""

from __future__ import annotations

import argparse
import cProfile
import os
import pstats
import random
import resource
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks._clickhouse import measure_clickhouse
from benchmarks._figures import quantile, show

BATCH = 10_000
TYPES = 12
SOURCES = 6
START = 1_760_000_000_000
PER_MS = 20


class Figure(NamedTuple):
    name: str
    value: float
    unit: str = ""


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        os.environ["EVENTSCOPE_DATA"] = folder
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
        if options.store == "clickhouse":
            os.environ.setdefault("CLICKHOUSE_URL", f"chdb://{folder}/clickhouse")
        import django

        django.setup()
        for figure in measure_store(options.events, profile=options.profile):
            show(*figure, as_json=options.json)


def measure_store(events: int, *, profile: bool = False) -> Iterator[Figure]:
    """Insert ``events``, then look at what that made."""
    from django.core.management import call_command

    from ingest.store import open_store

    call_command("migrate", database="events", verbosity=0, skip_checks=True)
    store = open_store()
    watch = cProfile.Profile() if profile else None
    kept: list[Any] = []
    yield from _insert(store, events, kept, watch)
    if watch:
        pstats.Stats(watch, stream=sys.stderr).sort_stats("tottime").print_stats(25)
    clickhouse = bool(os.environ.get("CLICKHOUSE_URL"))
    yield from measure_clickhouse(store, events) if clickhouse else _sizes(events)
    yield from _look_ups(store, kept)
    yield from _scans(store)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    yield Figure("store: peak memory, workload included", peak, "MB")


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


def _insert(
    store: Any, events: int, kept: list[Any], watch: cProfile.Profile | None
) -> Iterator[Figure]:
    from django.db import transaction

    from ingest.models import Stream
    from ingest.store.series import SeriesDictionary

    stream, _ = Stream.objects.get_or_create(broker="main", topic="orders-topic")
    series = SeriesDictionary()
    spent: list[float] = []
    busy = 0.0
    maintaining: list[float] = []
    for batch in make_batches(events, stream.id):
        if watch:
            watch.enable()
        started, worked = time.perf_counter(), time.process_time()
        store.stage(batch)
        with transaction.atomic(using="events"):
            store.append(batch, series)
        between = time.perf_counter()
        store.maintain()
        ended = time.perf_counter()
        busy += time.process_time() - worked
        if watch:
            watch.disable()
        spent.append(ended - started)
        maintaining.append(ended - between)
        kept += batch.slices[0].records[:: BATCH // 20]
        _progress(len(spent) * BATCH, events)
    while store.maintain():
        pass
    share = max(1, min(len(spent) // 5, 1_000_000 // BATCH))
    yield Figure("store: insert, merging included", events / sum(spent), "events/s")
    yield Figure("store: processor time of this process", busy / events * 1e6, "µs/event")
    yield Figure("store: last ÷ first fifth (or million)", sum(spent[:share]) / sum(spent[-share:]))
    yield Figure("store: of it joining and merging", sum(maintaining) / events * 1e6, "µs/event")
    yield Figure("store: longest step of merging", max(maintaining) * 1e3, "ms")


def _progress(done: int, events: int) -> None:
    if sys.stderr.isatty():
        print(f"\r{done:,} of {events:,}", end="\n" if done >= events else "", file=sys.stderr)


def _sizes(events: int) -> Iterator[Figure]:
    from django.db import connections

    from ingest.models import Block, Frame, KeyPage

    connection = connections["events"]
    with connection.cursor() as cursor:
        for model, column in ((Block, "columns"), (Frame, "data"), (KeyPage, "data")):
            cursor.execute(f"SELECT sum(length({column})) FROM {model._meta.db_table}")
            size = float(cursor.fetchone()[0])
            yield Figure(f"store: {model.__name__.lower()}s, packed", size / events, "B/event")
        if connection.vendor == "postgresql":
            cursor.execute("SELECT pg_database_size(current_database())")
            yield Figure("store: on disk, everything", cursor.fetchone()[0] / events, "B/event")
            return
        cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    path = Path(str(connection.settings_dict["NAME"]))
    yield Figure("store: on disk, everything", path.stat().st_size / events, "B/event")


def _look_ups(store: Any, kept: list[Any]) -> Iterator[Figure]:
    from ingest.queries.receipts import receipts_for

    some = random.Random(11).sample(kept, min(400, len(kept)))
    by_correlation = [lambda record=record: store.find([record.correlation_id]) for record in some]
    by_event = [lambda record=record: store.find([record.event_id]) for record in some]
    page = [record.event_id for record in kept[-100:]]
    since = kept[-100:][0].appended_ms
    yield from _time("find a correlation", by_correlation)
    yield from _time("find an event", by_event)
    yield from _time("find nothing", [lambda n=n: store.find([f"none{n}"]) for n in range(200)])
    yield from _time("receipts of 100 events", [lambda: receipts_for(page, since_ms=since)] * 5)


def _scans(store: Any) -> Iterator[Figure]:
    from ingest.store.base import EventFilter

    one = EventFilter(types=("ORDER_EVENT_3",), sources=("service-*",))
    deep = EventFilter(until_ms=START + 5_000)
    for name, where in (
        ("first page", EventFilter()),
        ("page of a type", one),
        ("deep page", deep),
    ):
        yield from _time(name, [lambda where=where: store.scan(where, limit=50)] * 50)


def _time(name: str, calls: list[Callable[[], object]]) -> Iterator[Figure]:
    spent = []
    for call in calls:
        started = time.perf_counter()
        call()
        spent.append((time.perf_counter() - started) * 1e3)
    spent.sort()
    yield Figure(f"store: {name}, p50", quantile(spent, 0.5), "ms")
    yield Figure(f"store: {name}, p99", quantile(spent, 0.99), "ms")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--store", choices=("sql", "clickhouse"), default="sql")
    parser.add_argument("--events", type=int, default=0, help="default 1M, 20M with --long")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    parser.add_argument("--profile", action="store_true", help="of inserting, to standard error")
    parsed = parser.parse_args()
    parsed.events = parsed.events or (20_000_000 if parsed.long else 1_000_000)
    return parsed


if __name__ == "__main__":
    main()
