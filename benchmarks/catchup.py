"""A backlog in Apache Kafka is caught up by real workers while a real web process answers pages.

    python -m benchmarks.catchup [--events 600000] [--long] [--store sqlite|postgresql|clickhouse]
                                 [--workers 1] [--held SHARE] [--alone] [--json]

``--long`` is a day's backlog, 20M events. `manage.py up` runs everything as a person starts it; more workers
run beside it. The rate is that from a tenth of it stored to the end. Pages and look-ups are asked for all the
while, one after the other. In the end what is stored and counted is compared with what was produced: a
difference ends the benchmark with an error. Needs Java and Maven.

``--held 0.4`` gives each worker 40 % of a core, which leaves room for Kafka and the database where two cores
are all there is: what a second worker brings can be seen (`benchmarks._cores`; Linux, as root).
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.error import HTTPError

from benchmarks._cores import held_to, join, why_not
from benchmarks._figures import quantile, show

if TYPE_CHECKING:
    from tests.system.running import System

STORES = ("sqlite", "postgresql", "clickhouse")
EACH = (("sqlite", 1), ("postgresql", 1), ("postgresql", 2), ("clickhouse", 1))
PAGES = {"overview": "/", "events": "/events/", "one type": "/events/?type=ORDER_CREATED"}
PAUSE = 0.25
BEGUN = 0.1
PATIENCE = 1800.0

Progress = Callable[[], int]


def main() -> None:
    arguments = _arguments()
    if not arguments.store:
        for store, workers in EACH:
            words = [*sys.argv[1:], "--store", store, "--workers", str(workers)]
            subprocess.run([sys.executable, "-m", "benchmarks.catchup", *words], check=True)
        return
    folder = Path(tempfile.mkdtemp(prefix="eventscope-bench-"))
    try:
        with contextlib.ExitStack() as stack:
            _run(arguments, folder, stack)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=0, help="default 600k, 20M with --long")
    parser.add_argument("--long", action="store_true")
    parser.add_argument(
        "--store", choices=STORES, help="without: each, PostgreSQL with two workers too"
    )
    parser.add_argument("--workers", type=int, default=1)
    parser.add_argument("--held", type=float, help="the share of a core that each worker has")
    parser.add_argument("--alone", action="store_true", help="without anybody who asks for pages")
    parser.add_argument("--json", action="store_true")
    parsed = parser.parse_args()
    parsed.events = parsed.events or (20_000_000 if parsed.long else 600_000)
    return parsed


def _run(arguments: argparse.Namespace, folder: Path, stack: contextlib.ExitStack) -> None:
    from benchmarks.kafka import CONFIG, PARTITIONS, _fill_apart
    from tests.kafka.servers import ApacheKafka, why_no_apache
    from tests.system.running import System

    if why := why_no_apache() or (arguments.held and why_not()):
        sys.exit(why)
    (folder / "kafka").mkdir()
    kafka = ApacheKafka(folder / "kafka").start()
    stack.callback(kafka.stop)
    for topic, partitions in PARTITIONS.items():
        kafka.create(topic, partitions)
    made = _fill_apart(kafka.address, arguments.events, 1)
    (folder / "eventscope.toml").write_text(
        CONFIG.format(address=kafka.address, topics=", ".join(f'"{one}"' for one in PARTITIONS))
    )
    environ = {
        "EVENTSCOPE_CONFIG": str(folder / "eventscope.toml"),
        "EVENTSCOPE_LOG_LEVEL": "warning",
        **_store(arguments.store, stack),
    }
    system = System(folder / "data", **environ).start()
    stack.callback(system.stop)
    system.sign_in()
    token = system.manage("token", "create", "benchmark").splitlines()[-1]
    workers = [system.child("manage.py ingest")]
    for _ in range(arguments.workers - 1):
        process = _worker(folder, environ)
        stack.callback(_ended, process)
        workers.append(process.pid)
    title = f"catch-up: Kafka → {arguments.store}, {arguments.workers} worker(s)"
    if arguments.held:
        title += f" of {arguments.held:g} cores"
        for pid in workers:
            join(stack.enter_context(held_to(arguments.held)), pid)
    for name, value, unit in _measure(system, token, made, arguments):
        show(f"{title}, {name}", value, unit, as_json=arguments.json)


def _store(name: str, stack: contextlib.ExitStack) -> dict[str, str]:
    """The environment that leads there."""
    if name == "postgresql":
        from tests.postgres import Postgres

        postgres = Postgres().start()
        stack.callback(postgres.stop)
        return {"DATABASE_URL": postgres.url}
    if name == "clickhouse":
        from tests.clickhouse import ClickHouse

        server = ClickHouse().start()
        stack.callback(server.stop)
        return {"CLICKHOUSE_URL": f"{server.address}/events"}
    return {}


def _worker(folder: Path, environ: dict[str, str]) -> subprocess.Popen[bytes]:
    more = {**os.environ, **environ, "EVENTSCOPE_DATA": str(folder / "data")}
    return subprocess.Popen([sys.executable, "manage.py", "ingest"], env=more)


def _ended(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    process.wait(timeout=60)


def _measure(
    system: System, token: str, made: int, arguments: argparse.Namespace
) -> Iterator[tuple[str, float, str]]:
    done = threading.Event()
    took: dict[str, list[float]] = {}
    asker = ThreadPoolExecutor(1)
    asking = None if arguments.alone else asker.submit(_ask, system, token, took, done)
    peak, marks = 0, []
    deadline = time.monotonic() + PATIENCE
    while not marks or marks[-1][1] < made:
        stored = _stored(system, token)
        if not marks or stored != marks[-1][1]:
            marks.append((time.monotonic(), stored))
            print(f"{stored:,} of {made:,} messages", file=sys.stderr, flush=True)
        peak = max(peak, _peak(system))
        assert time.monotonic() < deadline, "it was not caught up in time"
        if asking is not None and asking.done():
            asking.result()  # what ended it
        time.sleep(PAUSE)
    done.set()
    if asking is not None:
        asking.result(60)
    asker.shutdown()
    _compare(system, token, made, arguments.events)
    yield (
        "events a second, receipts counted",
        2 * arguments.events / made * _rate(marks, made),
        "/s",
    )
    yield "memory of a worker, peak", peak / 1e6, "MB"
    for name, each in took.items():
        ordered = sorted(each)
        yield f"{name} meanwhile, p50", quantile(ordered, 0.5) * 1000, "ms"
        yield f"{name} meanwhile, p99", quantile(ordered, 0.99) * 1000, "ms"


def _rate(marks: list[tuple[float, int]], made: int) -> float:
    """Messages a second, the worker's start left out. Receipts are few messages, and come at any time."""
    begin, end = next(mark for mark in marks if mark[1] >= BEGUN * made), marks[-1]
    return (end[1] - begin[1]) / (end[0] - begin[0]) if end[0] > begin[0] else float("nan")


def _stored(system: System, token: str) -> int:
    """Messages stored, as the metrics endpoint tells."""
    text = system.get("/metrics", Authorization=f"Bearer {token}")[1]
    [found] = re.findall(r"^eventscope_messages_stored_total (\S+)", text, re.MULTILINE)
    return round(float(found))


def _peak(system: System) -> int:
    """Bytes that the supervised worker had at most, or 0 where it does not run."""
    try:
        status = Path(f"/proc/{system.child('manage.py ingest')}/status").read_text()
    except (LookupError, OSError):
        return 0
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) * 1024


def _ask(system: System, token: str, took: dict[str, list[float]], done: threading.Event) -> None:
    """Pages as a person sees them, then an id of the newest event and its story."""
    while not done.is_set():
        for name, path in PAGES.items():
            _time(took, name, partial(system.get, path))
        newest = system.get_json("/api/v1/events?type=ORDER_CREATED&limit=1", token)["results"]
        for told in newest:
            by_id = f"/api/v1/events/{told['eventId']}"
            story = f"/correlations/{told['metadata']['correlationId']}/"
            try:
                _time(took, "paste an id", partial(system.get_json, by_id, token))
                _time(took, "story", partial(system.get, story))
            except HTTPError as error:
                # ClickHouse has an event some milliseconds before its keys.
                print(f"{error.code} for {by_id} or its story", file=sys.stderr, flush=True)
        done.wait(PAUSE)


def _time(took: dict[str, list[float]], name: str, ask: Callable[[], Any]) -> None:
    began = time.perf_counter()
    ask()
    took.setdefault(name, []).append(time.perf_counter() - began)


def _compare(system: System, token: str, made: int, events: int) -> None:
    """All that was produced is stored and counted, nothing twice, nothing lost."""
    text = system.get("/metrics", Authorization=f"Bearer {token}")[1]
    told = {
        name: round(float(value))
        for name, value in re.findall(r"^eventscope_messages_(\w+)_total (\S+)", text, re.MULTILINE)
    }
    assert told == {"stored": made, "undecoded": 0, "lost": 0}, (told, made)
    path = "/api/v1/metrics?since=24h&resolution=1m&groupBy="
    by_topic = {
        one["name"]: one["total"] for one in system.get_json(path + "topic", token)["series"]
    }
    published = sum(count for name, count in by_topic.items() if name != "system-events")
    handled = sum(one["total"] for one in system.get_json(path + "consumer", token)["series"])
    assert (published, handled) == (events, events), (published, handled, events)


if __name__ == "__main__":
    main()
