"""Search by correlation id over a full store while an ingest worker stores new events.

    python -m benchmarks.search [--events 5000000] [--long] [--json]

The store is filled first; then a worker drains a broker that is refilled all the time, each of them a
process of its own, while this process asks, one at a time and from 16 threads at once, for random
correlation ids. CPU a look-up says something on a busy machine too: 16 at once wait for 16 times that.
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks._beside import ingesting, prepared, stored
from benchmarks._figures import quantile, show

ASKED = 400
AT_ONCE = 16


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        _run(Path(folder), options)


def _run(folder: Path, options: argparse.Namespace) -> None:
    with prepared(folder) as valkey:
        ids = _fill_store(options.events)
        with ingesting(valkey):
            for name, value, unit in _measure(ids):
                show(name, value, unit, as_json=options.json)


def _fill_store(events: int) -> list[str]:
    """Store the reference workload; some of its correlation ids."""
    from django.core.management import call_command
    from django.db import transaction

    from benchmarks.store import make_batches
    from ingest.models import Stream
    from ingest.store.series import SeriesDictionary
    from ingest.store.sql import SqlEventStore

    for alias in ("default", "events"):
        call_command("migrate", database=alias, verbosity=0, skip_checks=True)
    stream, _ = Stream.objects.get_or_create(broker="main", topic="stored")
    store, series = SqlEventStore(), SeriesDictionary()
    ids: list[str] = []
    for batch in make_batches(events, stream.id):
        with transaction.atomic(using="events"):
            store.append(batch, series)
        store.maintain()
        ids += [record.correlation_id for record in batch.slices[0].records[::200]]
    while store.maintain():
        pass
    return ids


def _measure(ids: list[str]) -> Iterator[tuple[str, float, str]]:
    before, began = stored(), time.perf_counter()
    used = time.process_time()
    alone = sorted(_ask(one) for one in random.Random(3).choices(ids, k=ASKED))
    yield "search: CPU a look-up", (time.process_time() - used) / ASKED * 1000, "ms"
    yield "search: one at a time, p50", quantile(alone, 0.5), "ms"
    yield "search: one at a time, p99", quantile(alone, 0.99), "ms"
    with ThreadPoolExecutor(AT_ONCE) as pool:
        many = sorted(pool.map(_ask, random.Random(4).choices(ids, k=ASKED * 2)))
    yield f"search: {AT_ONCE} at once, p50", quantile(many, 0.5), "ms"
    yield f"search: {AT_ONCE} at once, p99", quantile(many, 0.99), "ms"
    time.sleep(2)
    rate = (stored() - before) / (time.perf_counter() - began)
    yield "search: messages stored meanwhile", rate, "/s"


def _ask(correlation_id: str) -> float:
    from ingest.queries.events import find_correlation

    began = time.perf_counter()
    found = find_correlation(correlation_id)
    took = (time.perf_counter() - began) * 1000
    assert len(found) == 4, found
    return took


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=0, help="default 5M, 20M with --long")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    parsed = parser.parse_args()
    parsed.events = parsed.events or (20_000_000 if parsed.long else 5_000_000)
    return parsed


if __name__ == "__main__":
    main()
