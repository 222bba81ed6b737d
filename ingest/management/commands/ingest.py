"""``manage.py ingest``: one ingest worker. Run as many as you like; streams are leased."""

from __future__ import annotations

import signal
import sys
import time
from typing import Any

import structlog
from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from ingest.committing import BatchRefused
from ingest.memory import settle_memory
from ingest.pipeline import Pipeline
from ingest.prepared import NotPrepared, check_prepared
from ingest.reporting import Report, line
from ingest.sources.base import BrokerError
from ingest.store import open_store

log = structlog.get_logger("ingest")

_QUIET_EVERY = 30.0


class Command(BaseCommand):
    help = "Read the configured topics and store every event exactly once, until told to stop."

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            check_prepared("events")
            pipeline = Pipeline(settings.INGEST, open_store(), report=_Printer())
        except (BrokerError, NotPrepared) as error:
            raise CommandError(str(error)) from error
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: pipeline.stop())
        settle_memory()
        log.info("worker started", action="ingest.started", owner=pipeline.owner)
        try:
            pipeline.run()
        except BatchRefused as error:
            raise CommandError(str(error)) from error
        log.info("worker stopped", action="ingest.stopped", owner=pipeline.owner)


class _Printer:
    """A line a second on a terminal; elsewhere the same while there is work, and less when idle."""

    def __init__(self) -> None:
        self._live = sys.stdout.isatty()
        self._told_at = float("-inf")

    def __call__(self, report: Report) -> None:
        now = time.monotonic()
        busy = report.events or report.undecoded or report.lost
        if self._live or busy or now - self._told_at >= _QUIET_EVERY:
            self._told_at = now
            print(line(report), flush=True)
