"""``manage.py export``: stored events as NDJSON, oldest first, one envelope a line."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections.abc import Iterator
from itertools import islice
from typing import Any

import orjson
from django.core.management.base import BaseCommand
from tqdm import tqdm

from dashboard.api.serialise import event_json
from dashboard.management.ages import age, count
from dashboard.management.prepared import check_prepared
from ingest.queries.events import EventFilter, EventView, list_events

PAGE = 500


class Command(BaseCommand):
    help = "Write stored events to standard output as NDJSON, oldest first."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--type", action="append", default=[], help="a type or glob; repeatable"
        )
        parser.add_argument("--source", action="append", default=[], help="a source or glob")
        parser.add_argument("--topic", action="append", default=[], help="a topic or glob")
        parser.add_argument("--since", type=age, metavar="AGE", help="not older than, such as 2h")
        parser.add_argument("--limit", type=count, default=None, help="at most so many events")

    def handle(self, *args: Any, **options: Any) -> None:
        check_prepared()
        since = options["since"]
        where = EventFilter(
            types=tuple(options["type"]),
            sources=tuple(options["source"]),
            topics=tuple(options["topic"]),
            since_ms=None if since is None else round((time.time() - since) * 1000),
        )
        events = islice(every_event(where), options["limit"])
        shown = tqdm(events, unit=" events", file=sys.stderr, disable=not sys.stderr.isatty())
        for event in shown:
            self.stdout.write(orjson.dumps(_line(event)).decode())


def every_event(where: EventFilter) -> Iterator[EventView]:
    """All that ``where`` selects, oldest first, a page in memory at a time."""
    cursor: str | None = None
    while True:
        page = list_events(where, cursor=cursor, limit=PAGE, newest_first=False)
        yield from page.events
        cursor = page.next
        if cursor is None:
            return


def _line(event: EventView) -> dict[str, Any]:
    """As in the API; the outcome is left out, since it is not the event's own."""
    told = event_json(event, "")
    del told["outcome"]
    return told
