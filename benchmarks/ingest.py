"""Ingest, end to end: from a real Valkey to committed rows, one worker.

    python -m benchmarks.ingest [--events 1000000] [--chunk 250000] [--long] [--json] [--profile FILE]

The broker is filled a chunk at a time; only draining is timed, by the pipeline that `manage.py
ingest` runs: reading, decoding, events, keys, receipts, folds, checkpoint, merging, commit.

**What is counted.** Every event of the workload comes with one receipt; a hundred receipts travel in
one more message. "Receipts counted" is therefore twice the events a second; the messages that carried
the receipts are not counted again.

**The ratio** is that rate ÷ the store's own insert rate in the same run, both with receipts counted or
both without, which is the same number. The store's own rate is that of appending such batches, decoded
beforehand (receipt messages and their keys among them), with commit and merging, but without broker,
decoding, folds and checkpoint. Ingest decodes in a thread of its own, so on a machine with a core to
spare the ratio falls short of 1 by what the folds and the interpreter's lock cost.

**CPU time an event** is that of the whole process (all its threads) while it drains, per event and its
receipt. Unlike the rates it says something on a machine that is busy with other work too.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.servers import Valkey

MILLION = 1_000_000


def main() -> None:
    arguments = _arguments()
    folder = Path(tempfile.mkdtemp(prefix="eventscope-bench-"))
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    os.environ["EVENTSCOPE_DATA"] = str(folder / "data")
    os.environ["EVENTSCOPE_LOG_LEVEL"] = "warning"
    try:
        _run(arguments, folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--events", type=int, default=0, help="events (default 5M, 20M with --long)"
    )
    parser.add_argument("--chunk", type=int, default=500_000, help="events in the broker at once")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json", action="store_true")
    parser.add_argument("--profile", help="write a cProfile of the committing thread here")
    parsed = parser.parse_args()
    parsed.events = parsed.events or (20 * MILLION if parsed.long else 5 * MILLION)
    parsed.chunk = min(parsed.chunk, parsed.events)
    return parsed


def _run(arguments: argparse.Namespace, folder: Path) -> None:
    from tests.servers import Valkey

    (folder / "valkey").mkdir()
    server = Valkey(folder / "valkey").start()
    try:
        os.environ["REDIS_URL"] = server.url
        import django

        django.setup()
        from django.core.management import call_command

        call_command("migrate", database="events", verbosity=0)
        _measure(arguments, server, folder)
    finally:
        server.stop()


def _measure(arguments: argparse.Namespace, server: Valkey, folder: Path) -> None:
    from ingest.memory import settle_memory

    settle_memory()
    profile = cProfile.Profile() if arguments.profile else None
    drains: list[tuple[int, float]] = []
    done, spent = 0, 0.0
    while done < arguments.events:
        count = min(arguments.chunk, arguments.events - done)
        began = time.process_time()
        seconds = _drain_chunk(server, count, seed=done, profile=profile)
        spent += time.process_time() - began
        done += count
        drains.append((count, seconds))
        print(f"{done:,} events: {count / seconds:,.0f}/s", flush=True)
    if profile:
        profile.dump_stats(arguments.profile)
    poisoned = _drain_chunk(server, arguments.chunk, seed=done, poison=1000)
    plain = _drain_chunk(server, arguments.chunk, seed=done + 1)
    peak = _peak_bytes()
    size = _bytes_an_event(folder)
    own = _own_insert_rate(min(200_000, arguments.chunk))
    figures = [
        *_rates(drains, own),
        ("CPU time an event, with its receipt", spent / done * MILLION, "µs"),
        ("bytes on disk per event, keys and metrics included", size, "B"),
        ("memory of the worker, peak", peak / MILLION, "MB"),
        ("slowed by 1,000 poison messages in a million", 100 * (poisoned / plain - 1), "%"),
    ]
    for name, value, unit in figures:
        print(json.dumps({"name": name, "value": value, "unit": unit}), flush=True)


def _drain_chunk(
    server: Valkey,
    count: int,
    *,
    seed: int,
    poison: int = 0,
    profile: cProfile.Profile | None = None,
) -> float:
    """Fill by a process of its own, so that its memory is not taken for the worker's; then drain."""
    from benchmarks._workload import SYSTEM, TOPICS

    with server.client() as client:
        for topic in (*TOPICS, SYSTEM):
            client.xtrim(topic, maxlen=0, approximate=False)
    command = [sys.executable, "-m", "benchmarks._workload", server.url]
    command += [str(count), str(seed), str(poison)]
    made = int(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
    return _drain(made, profile)


def _drain(messages: int, profile: cProfile.Profile | None) -> float:
    """Seconds that one worker takes to store all that the broker holds."""
    from django.conf import settings

    from ingest.pipeline import Pipeline
    from ingest.store import open_store

    pipeline = Pipeline(settings.INGEST, open_store())
    stored = _stop_when_stored(pipeline, messages)
    began = time.perf_counter()
    if profile:
        profile.runcall(pipeline.run)
    else:
        pipeline.run()
    return stored[0] - began


def _stop_when_stored(pipeline: Any, messages: int) -> list[float]:
    """Watch the commits; the time of the last one is put into the list."""
    commit = pipeline._committer.commit
    left = [messages]
    ended: list[float] = []

    def counted(work: Any) -> None:
        commit(work)
        left[0] -= sum(len(part.records) + len(part.quarantined) for part in work.batch.slices)
        if left[0] <= 0 and not ended:
            ended.append(time.perf_counter())
            pipeline.stop()

    pipeline._committer.commit = counted
    return ended


def _own_insert_rate(count: int) -> float:
    """Events a second when ready records are only appended and committed."""
    from django.db import transaction

    from ingest.store import open_store
    from ingest.store.series import SeriesDictionary

    store, series = open_store(), SeriesDictionary()
    batches = _ready_batches(count)
    events = sum(batch.events() for batch in batches)
    began = time.perf_counter()
    for batch in batches:
        with transaction.atomic(using="events"):
            store.append(batch, series)
        store.maintain()
    return events / (time.perf_counter() - began)


def _ready_batches(count: int) -> list[Any]:
    from django.conf import settings

    from benchmarks._workload import messages
    from ingest.envelopes import Decoder
    from ingest.models import Stream
    from ingest.records import Batch, Message, Position, Slice, StreamRef

    decoder, size = Decoder(settings.INGEST), settings.INGEST.limits.batch_events
    refs = {
        row.topic: StreamRef(row.id, row.broker, row.topic, 0, False)
        for row in Stream.objects.all()
    }
    now = time.time_ns() // MILLION
    made = [
        (topic, Message(Position(now, number), now, None, body))
        for number, (topic, body) in enumerate(messages(count, seed=-1))
    ]
    batches = []
    for at in range(0, len(made), size):
        by_topic: dict[str, list[Message]] = {}
        for topic, message in made[at : at + size]:
            by_topic.setdefault(topic, []).append(message)
        slices = [
            Slice(
                refs[topic],
                Position(0, 0),
                part[-1].position,
                decoder.decode_all(part, topic)[0],
                [],
            )
            for topic, part in by_topic.items()
        ]
        batches.append(Batch(slices, now))
    return batches


def _rates(drains: list[tuple[int, float]], own: float) -> list[tuple[str, float, str]]:
    """Every event comes with its receipt; a hundred receipts travel in one more message."""
    from benchmarks._workload import RECEIPTS_A_MESSAGE

    events, part = _rate(drains), _part(drains)
    own_events = own / (1 + 1 / RECEIPTS_A_MESSAGE)
    return [
        ("events stored per second, receipts counted", 2 * events, "/s"),
        ("events stored per second, receipts not counted", events, "/s"),
        ("the store's own insert rate, receipts not counted", own_events, "/s"),
        ("ingest's rate ÷ the store's own", events / own_events, ""),
        ("last million's rate ÷ first million's", _rate(drains[-part:]) / _rate(drains[:part]), ""),
    ]


def _bytes_an_event(folder: Path) -> float:
    from ingest.models import Stream

    size = sum(path.stat().st_size for path in (folder / "data").glob("events.sqlite3*"))
    return size / sum(Stream.objects.values_list("stored", flat=True))


def _part(drains: list[tuple[int, float]]) -> int:
    """How many chunks make a million events, at most half of all."""
    return max(1, min(MILLION // drains[0][0], len(drains) // 2))


def _rate(drains: list[tuple[int, float]]) -> float:
    return sum(count for count, _ in drains) / sum(took for _, took in drains)


def _peak_bytes() -> float:
    for row in Path("/proc/self/status").read_text().splitlines():
        if row.startswith("VmHWM"):
            return int(row.split()[1]) * 1024
    return float("nan")


if __name__ == "__main__":
    threading.current_thread().name = "committer"
    main()
