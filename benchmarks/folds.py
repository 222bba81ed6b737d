"""What folding costs an event and a receipt, and what reading a day of minutes costs.

The fold is timed without a database (the series are kept in memory); reading goes through SQLite in a
folder of its own: 1,440 buckets of a minute, 150 series, four kinds of latency.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

START = 1_764_000_000_000 // 3_600_000 * 3_600_000
DAY_MS = 86_400_000


class _Series:
    def __init__(self) -> None:
        self.ids: dict[tuple[str, ...], int] = {}

    def code(self, *names: str) -> int:
        return self.ids.setdefault(names, len(self.ids) + 1)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--long", action="store_true")
    parser.parse_args()
    folder = tempfile.TemporaryDirectory(prefix="eventscope-bench-")
    with folder as path:
        _prepare(Path(path))
        for name, value, unit in [*_folding(), *_reading()]:
            print(json.dumps({"name": name, "value": round(value, 3), "unit": unit}), flush=True)
        _close()


def _prepare(path: Path) -> None:
    os.environ["EVENTSCOPE_DATA"] = str(path)
    os.environ["EVENTSCOPE_LOG_LEVEL"] = "warning"
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ.pop("DATABASE_URL", None)
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", database="events", verbosity=0)


def _close() -> None:
    from django.db import connections

    connections.close_all()


def _best(work: Callable[[], object], times: int = 5) -> float:
    """Seconds of the fastest of several runs: what the machine's other work did not disturb."""
    took = []
    for _ in range(times):
        begun = time.perf_counter()
        work()
        took.append(time.perf_counter() - begun)
    return min(took)


def _folding() -> list[tuple[str, float, str]]:
    from ingest.folds.metrics import fold_metrics, receipts_of
    from ingest.records import Batch, Position, Slice, StreamRef
    from ingest.system import Receipts

    size = 10_000
    orders = StreamRef(1, "main", "orders-topic", 0, False)
    system = StreamRef(2, "main", "system-events", 0, False)
    events = [_record(number) for number in range(size)]
    told = [
        _record(number, detail=Receipts([_receipt(number * 100 + n) for n in range(100)]))
        for number in range(size // 100)
    ]

    def fold(stream: StreamRef, records: list[object]) -> float:
        part = Slice(stream, Position(0, 0), Position(1, 0), records, [])  # type: ignore[arg-type]
        batch = Batch([part], START)
        return _best(
            lambda: fold_metrics(batch, receipts_of(batch), _Series().code, seconds_from_ms=0)
        )

    return [
        ("folds: a published event", fold(orders, events) / size * 1e6, "µs"),
        ("folds: a receipt", fold(system, told) / size * 1e6, "µs"),
    ]


def _record(number: int, detail: object | None = None) -> object:
    from ingest.records import Position, Record

    at = START + number // 10
    return Record(
        Position(at, number),
        at,
        f"evt_{number}",
        f"TYPE_{number % 12}",
        f"source-{number % 6}",
        b"",
        0,
        occurred_ms=at - number % 37,
        detail=detail,
    )


def _receipt(number: int) -> object:
    from ingest.system import Receipt

    at = START + number // 10
    return Receipt(
        event_id=f"evt_{number}",
        event_type=f"TYPE_{number % 12}",
        consumer=f"consumer-{number % 6}",
        outcome="success" if number % 50 else "retry",
        topic="orders-topic",
        offset=f"{at}-{number % 10}",
        produced_at=_stamp(at - number % 13),
        started_at=_stamp(at + number % 70),
        ended_at=_stamp(at + number % 70 + number % 31),
        duration_ms=float(number % 31) + 0.25,
    )


def _stamp(at: int) -> str:
    return str(np.datetime64(at, "ms")) + "Z"


def _reading() -> list[tuple[str, float, str]]:
    size = _fill_day()
    from ingest.queries.metrics import read_metrics

    def read(group_by: str) -> Callable[[], object]:
        return lambda: _draw(
            read_metrics(
                since_ms=START, until_ms=START + DAY_MS, group_by=group_by, now_ms=START + DAY_MS
            )
        )

    return [
        ("folds: a piece of one minute, 150 series", size, "bytes"),
        ("metrics: 24 h at 1 min, 150 series, with p95", _best(read("")) * 1000, "ms"),
        ("metrics: 24 h at 1 min, by type, with p95", _best(read("type")) * 1000, "ms"),
    ]


def _draw(table: object) -> None:
    """What a page asks of a table."""
    for group in table.groups:  # type: ignore[attr-defined]
        group.error_rate()
        for kind in ("queue", "processing", "critical"):
            group.quantiles(kind, 0.95)


def _fill_day() -> float:
    """Minutes as a system of 12 types, 6 sources and 13 consumers leaves them; bytes a piece."""
    from ingest.folds.cells import Cells, add_up, encode_cells, sketch_code
    from ingest.models import MetricPiece, Series, Stream
    from ingest.sketch import bin_of

    Series.objects.bulk_create(
        Series(
            type=f"TYPE_{n % 12}",
            source="" if n >= 40 else f"source-{n % 6}",
            consumer=f"consumer-{n % 13}" if n >= 40 else "",
            topic=f"topic-{n}",
        )
        for n in range(150)
    )
    Stream.objects.create(
        broker="main", topic="t", observed_from_ms=START, observed_until_ms=START + DAY_MS
    )
    random = np.random.default_rng(7)
    ids = np.fromiter(Series.objects.values_list("id", flat=True), np.uint64)
    pieces, size = [], 0
    for minute in range(1440):
        series = random.choice(ids, 6000) << np.uint64(16)
        kinds = [sketch_code(kind) for kind in ("queue", "processing", "critical")]
        latency = random.lognormal(3, 0.6, (3, 6000))
        cells = [series | np.uint64(1)]
        cells += [series | (bin_of(latency[n]) + np.uint64(code)) for n, code in enumerate(kinds)]
        joined = np.concatenate(cells)
        vector: Cells = add_up(joined, np.ones(joined.size, np.uint64))
        data = encode_cells(vector)
        size += len(data)
        pieces.append(MetricPiece(resolution=60, bucket_ms=START + minute * 60_000, data=data))
    MetricPiece.objects.bulk_create(pieces, batch_size=200)
    return size / 1440


if __name__ == "__main__":
    sys.exit(main())
