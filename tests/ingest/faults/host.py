"""A process that forks ingest workers, lets them die, and looks at what they stored.

Run as ``python -m tests.ingest.faults.host``; a JSON command a line on stdin, an answer a line on
stdout. It imports everything once, so a worker's life costs a fork and not a start of Python.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from ingest import pipeline as ingest_pipeline  # noqa: E402
from ingest import reading  # noqa: E402
from ingest.folds.traces import open_traces  # noqa: E402
from ingest.models import (  # noqa: E402
    DeadLetter,
    Gap,
    QuarantinedMessage,
    Series,
    Stream,
    TracePiece,
)
from ingest.options import IngestOptions, decode_options  # noqa: E402
from ingest.pipeline import Pipeline  # noqa: E402
from ingest.queries.metrics import read_metrics  # noqa: E402
from ingest.store import open_store  # noqa: E402
from ingest.store.base import EventFilter  # noqa: E402
from tests.hosting import answer_commands  # noqa: E402
from tests.ingest.faults.killing import KillPoint, arm  # noqa: E402

LIFE = float(os.environ.get("EVENTSCOPE_TEST_LIFE", "200"))


def main() -> None:
    commands: dict[str, Callable[..., Any]] = {
        "migrate": migrate,
        "live": live,
        "start": start,
        "end": end,
        "positions": positions,
        "ids": ids,
        "found": found,
        "rows": rows,
        "counts": counts,
        "peak_megabytes": peak_megabytes,
    }
    answer_commands(commands)


def migrate() -> None:
    call_command("migrate", database="events", verbosity=0)
    connections.close_all()


def live(options: dict[str, Any], messages: int, kill: list[Any] | None = None) -> int:
    """One worker's life, until it is killed (9), has ``messages`` stored (0) or takes too long (1)."""
    child = start(options, messages, kill)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def start(options: dict[str, Any], messages: int, kill: list[Any] | None = None) -> int:
    connections.close_all()
    child = os.fork()
    if not child:
        code = 1
        try:
            code = _work(options, messages, kill)
        except BaseException:
            traceback.print_exc()  # else nobody would know: the fork ends without a word
            raise
        finally:
            sys.stderr.flush()
            os._exit(code)
    return child


def end(child: int, number: int) -> int:
    os.kill(child, number)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _work(options: dict[str, Any], messages: int, kill: list[Any] | None) -> int:
    ingest = decode_options(options, IngestOptions, file="test")
    settings.INGEST = ingest
    ingest_pipeline._POLL = reading._WAIT = 0.03  # idle sooner: hundreds of lives are short
    pipeline = Pipeline(ingest, open_store())
    if connections["events"].vendor == "sqlite":
        connections["events"].settings_dict["OPTIONS"]["timeout"] = 0.5  # to meet a lock sooner
    signal.signal(signal.SIGTERM, lambda *_: pipeline.stop())
    if kill:
        arm(KillPoint(*kill))
    deadline = time.monotonic() + LIFE
    calm = [0]
    step = pipeline._maintenance.step

    def watched(*, idle: bool) -> None:
        step(idle=idle)
        enough = messages > 0 and _stored(ingest) >= messages
        if idle and (enough or time.monotonic() > deadline):
            calm[0] += 1
            if calm[0] > 1:
                pipeline.stop()

    pipeline._maintenance.step = watched  # type: ignore[method-assign]
    pipeline.run()
    return 0 if _stored(ingest) >= messages else 1


def _stored(options: IngestOptions) -> int:
    return sum(
        stored + undecoded
        for stored, undecoded, topic in Stream.objects.values_list("stored", "undecoded", "topic")
        if topic.startswith(options.brokers["main"].topics[0].rstrip("*"))
    )


def positions(prefix: str) -> dict[str, list[str]]:
    """Every stored position by topic, as often as it is stored; quarantined ones among them."""
    found: dict[str, list[str]] = {}
    store, after = open_store(), None
    while True:
        page = store.scan(
            EventFilter(topics=(f"{prefix}-*",)), after=after, limit=1000, newest_first=False
        )
        for event in page.events:
            found.setdefault(event.topic, []).append(
                f"{event.position.major}-{event.position.minor}"
            )
        after = page.next
        if after is None:
            break
    for item in QuarantinedMessage.objects.filter(
        stream__topic__startswith=f"{prefix}-"
    ).select_related("stream"):
        found.setdefault(item.stream.topic, []).append(f"{item.major}-{item.minor}")
    connections.close_all()
    return found


def ids(prefix: str) -> list[str]:
    """The event id of everything stored, as often as it is stored."""
    found: list[str] = []
    store, after = open_store(), None
    while True:
        where = EventFilter(topics=(f"{prefix}-*",))
        page = store.scan(where, after=after, limit=1000, newest_first=False)
        found += [json.loads(event.body)["eventId"] for event in page.events]
        after = page.next
        if after is None:
            break
    connections.close_all()
    return found


def found(values: list[str]) -> dict[str, int]:
    """How many events with each of these ids are found by it."""
    store = open_store()
    counted = {
        value: sum(json.loads(event.body)["eventId"] == value for event in store.find([value]))
        for value in values
    }
    connections.close_all()
    return counted


def rows(prefix: str) -> dict[str, Any]:
    streams = Stream.objects.filter(topic__startswith=f"{prefix}-")
    answer = {
        "streams": list(
            streams.order_by("topic").values(
                "topic", "stored", "undecoded", "lost", "lag", "owner", "fence"
            )
        ),
        "dead_letters": sorted(
            DeadLetter.objects.filter(stream__in=streams).values_list("event_id", flat=True)
        ),
        "gaps": list(Gap.objects.filter(stream__in=streams).values_list("lost", flat=True)),
        "traced": _traced({stream.pk for stream in streams}),
        "series": Series.objects.filter(topic__startswith=f"{prefix}-").count(),
    }
    connections.close_all()
    return answer


def _traced(streams: set[int]) -> int:
    """Events of these streams that flows will be learnt from."""
    pieces = TracePiece.objects.values_list("data", flat=True)
    return sum(stream in streams for data in pieces for stream in open_traces(data).stream.tolist())


def counts(prefix: str, topics: list[str], since_ms: int, until_ms: int) -> dict[str, Any]:
    """What the charts would add up: published by topic and type, handled by consumer and outcome."""
    published: Counter[str] = Counter()
    handled: Counter[str] = Counter()
    span = {"since_ms": since_ms, "until_ms": until_ms, "resolution": 1, "max_groups": 1000}
    for topic in topics:
        table = read_metrics(group_by="type", topics=(topic,), **span)
        for group in table.groups:
            published[f"{topic}|{group.name}"] = round(group.total("published"))
    table = read_metrics(group_by="consumer", consumers=(f"{prefix}-*",), **span)
    for group in table.groups:
        for outcome, field in (
            ("success", "success"),
            ("retry", "retried"),
            ("failed", "failed"),
            ("dead_lettered", "dead_lettered"),
            ("skipped", "skipped"),
        ):
            handled[f"{group.name}|{outcome}"] = round(group.total(field))
    connections.close_all()
    return {"published": +published, "handled": +handled}


def peak_megabytes() -> float:
    """The most memory that any ended worker had."""
    return resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024


if __name__ == "__main__":
    threading.current_thread().name = "host"
    main()
