"""``manage.py purge``: delete what is past its retention, or events of a given age, now."""

from __future__ import annotations

import sys
import time
from argparse import ArgumentParser
from collections import Counter
from typing import Any

import msgspec
from django.conf import settings
from django.core.management.base import BaseCommand
from tqdm import tqdm

from dashboard.management.ages import age
from dashboard.management.prepared import check_prepared
from ingest.options import Duration, RetentionOptions
from ingest.retention import purge_expired
from ingest.store import open_store


class Command(BaseCommand):
    help = "Delete what is past its [retention]; with --before, events older than that age too."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--before", type=age, metavar="AGE", help="delete events older than this, such as 3d"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        check_prepared()
        retention = kept_for(settings.INGEST.retention, options["before"])
        steps = purge_expired(open_store(), retention, now_ms=round(time.time() * 1000))
        rows: Counter[str] = Counter()
        sizes: Counter[str] = Counter()
        with tqdm(unit=" rows", file=sys.stderr, disable=not sys.stderr.isatty()) as bar:
            for step in steps:
                rows[step.kind] += step.rows
                sizes[step.kind] += step.size
                bar.set_description(step.kind)
                bar.update(step.rows)
        for kind, count in rows.items():
            freed = f", {sizes[kind] / 1e6:,.1f} MB" if sizes[kind] else ""
            self.stdout.write(f"{kind}: {count:,} deleted{freed}")
        if not rows:
            self.stdout.write("Nothing is past its retention.")


def kept_for(retention: RetentionOptions, before: float | None) -> RetentionOptions:
    """``retention`` with events kept for ``before`` seconds at most."""
    if before is None:
        return retention
    return msgspec.structs.replace(retention, events=Duration(min(before, retention.events)))
