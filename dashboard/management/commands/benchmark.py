"""``manage.py benchmark``: every benchmark of the house in one run, as a table and as JSON."""

from __future__ import annotations

import json
import platform
import subprocess
import sys
import time
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

FOLDER = settings.BASE_DIR / "benchmarks"


class Command(BaseCommand):
    help = "Run the benchmarks; each prints its figures, all are kept in benchmarks/results/."
    requires_system_checks: list[str] = []  # noqa: RUF012 (Django's own attribute)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("names", nargs="*", help=f"any of: {', '.join(benchmark_names())}")
        parser.add_argument("--long", action="store_true", help="the large sizes (much slower)")

    def handle(self, *args: Any, **options: Any) -> None:
        known = benchmark_names()
        names = options["names"] or known
        unknown = sorted(set(names) - set(known))
        if unknown:
            raise CommandError(f"No benchmark '{unknown[0]}'; there are: {', '.join(known)}")
        results = {name: self._run(name, long=options["long"]) for name in names}
        path = _keep(results)
        self.stdout.write(f"\nKept in {path.relative_to(settings.BASE_DIR)}")
        if not all(results.values()):
            sys.exit(1)

    def _run(self, name: str, *, long: bool) -> list[dict[str, Any]]:
        self.stdout.write(self.style.MIGRATE_HEADING(f"\n{name}"))
        self.stdout.flush()
        command = [
            sys.executable,
            "-m",
            f"benchmarks.{name}",
            "--json",
            *(["--long"] if long else []),
        ]
        began = time.monotonic()
        with subprocess.Popen(
            command, cwd=settings.BASE_DIR, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            rows = [row for line in process.stdout if (row := self._show(line)) is not None]
        if process.returncode:
            self.stderr.write(self.style.ERROR(f"{name} ended with {process.returncode}"))
            return []
        self.stdout.write(f"  ({time.monotonic() - began:.0f} s)")
        return rows

    def _show(self, line: str) -> dict[str, Any] | None:
        """A line of JSON is a figure; any other is passed on as it is."""
        try:
            row = json.loads(line)
        except ValueError:
            row = None
        if not isinstance(row, dict) or "name" not in row:
            self.stdout.write(f"  {line.rstrip()}")
            return None
        self.stdout.write(f"  {row['name']:<52} {_figure(row['value']):>14} {row.get('unit', '')}")
        self.stdout.flush()
        return row


def benchmark_names() -> list[str]:
    """The modules in benchmarks/ that are measured alone."""
    return sorted(path.stem for path in FOLDER.glob("[a-z]*.py"))


def _figure(value: float) -> str:
    if value != value or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}"


def _keep(results: dict[str, list[dict[str, Any]]]) -> Path:
    folder = FOLDER / "results"
    folder.mkdir(exist_ok=True)
    now = datetime.now(UTC)
    path: Path = folder / f"{now:%Y%m%d-%H%M%S}.json"
    machine = {"python": platform.python_version(), "processor": platform.machine()}
    path.write_text(
        json.dumps({"at": now.isoformat(), "machine": machine, "results": results}, indent=2)
    )
    return path
