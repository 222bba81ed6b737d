"""Redriving many dead letters over a real Valkey: letters gathered and sent a second.

    python -m benchmarks.redrive [--letters 100000] [--long] [--json]

One job over all letters, without a rate, carried out by the worker that monitor runs, as fast as it
goes. The letters stand in SQLite as ingest would have written them; every event is appended to its topic
once, which is checked at the end.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks._beside import prepared
from benchmarks._figures import show

TOPIC = "orders-topic"


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        _run(Path(folder), options)


def _run(folder: Path, options: argparse.Namespace) -> None:
    with prepared(folder) as valkey:
        _fill(options.letters)
        for name, value, unit in _measure(valkey, options.letters):
            show(name, value, unit, as_json=options.json)


def _fill(letters: int) -> None:
    from django.core.management import call_command

    from ingest.models import DeadLetter, Stream

    for alias in ("default", "events"):
        call_command("migrate", database=alias, verbosity=0, skip_checks=True)
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    DeadLetter.objects.bulk_create(
        (_letter(DeadLetter, stream, number) for number in range(letters)), batch_size=2_000
    )


def _letter(model: Any, stream: Any, number: int) -> Any:
    event = json.dumps(
        {
            "eventId": f"evt_{number}",
            "eventType": "ORDER_CREATED",
            "payload": {"orderId": f"ORD_{number}", "items": [{"productId": "PROD_001"}] * 3},
            "metadata": {"source": "order-service", "correlationId": f"corr_{number}"},
        }
    ).encode()
    return model(
        stream=stream,
        major=1_800_000_000_000,
        minor=number,
        received_ms=1_800_000_000_000 + number,
        event_id=f"evt_{number}",
        event_type="ORDER_CREATED",
        topic=TOPIC,
        consumer="inventory-service",
        event=event,
        size=len(event),
    )


def _measure(valkey: Any, letters: int) -> Iterator[tuple[str, float, str]]:
    from dashboard.recovery.actions import create_job
    from dashboard.recovery.selection import Selection
    from ingest.queries.letters import LetterFilter

    with valkey.client() as client:
        client.xadd(TOPIC, {"event": b"{}"})
        began = time.perf_counter()
        job = create_job(actor="bench", selection=Selection.of_filter(LetterFilter()))
        yield "redrive: a job is made in", (time.perf_counter() - began) * 1000, "ms"
        wall, cpu = _carry_out(job)
        assert client.xlen(TOPIC) == letters + 1
    yield "redrive: letters gathered and sent", letters / wall, "/s"
    yield "redrive: CPU time a letter", cpu / letters * 1e6, "µs"


def _carry_out(job: Any) -> tuple[float, float]:
    """Seconds by the wall and of CPU until everything is sent."""
    from dashboard.recovery.models import Job
    from dashboard.recovery.working import Worker

    worker = Worker()
    wall, cpu = time.perf_counter(), time.process_time()
    while job.state != Job.State.SETTLING:
        worker.step()
        job.refresh_from_db()
    worker.close()
    return time.perf_counter() - wall, time.process_time() - cpu


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--letters", type=int, default=0, help="default 100,000; 200,000 with --long"
    )
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    parsed = parser.parse_args()
    parsed.letters = parsed.letters or (200_000 if parsed.long else 100_000)
    return parsed


if __name__ == "__main__":
    main()
