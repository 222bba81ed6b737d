"""The dead-letter pages over a million letters: how long the first page of each takes.

    python -m benchmarks.letters [--letters 1000000] [--groups 2000] [--json]

The letters are stored first, through the triggers that count them. Each figure is the median of some
requests through Django's client, rendering and sign-in included; CPU says something on a busy machine.
"""

from __future__ import annotations

import argparse
import os
import tempfile
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

from benchmarks._figures import quantile, show

ASKED = 9
KEPT_MS = 30 * 86_400_000
PAGES = {
    "letters": "",
    "letters of all statuses": "?status=all",
    "letters of a rare type": "?type=TYPE_49",
    "letters of a consumer, resolved": "?consumer=consumer_1&status=resolved",
    "by failure": "?by=failure",
    "by failure, one consumer": "?by=failure&consumer=consumer_1",
    "by type": "?by=type",
    "by consumer": "?by=consumer",
    "by topic": "?by=topic",
    "by error": "?by=error",
    "by day": "?by=day",
    "letters of the first day": "?until={first_day}",
    "text that is nowhere": "?q=nowhere",
    "one failure": "groups/{group}/",
}


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "EVENTSCOPE_DATA": folder,
            "EVENTSCOPE_LOG_LEVEL": "error",
            "ALLOWED_HOSTS": "testserver",
            "REDIS_URL": "redis://127.0.0.1:1/0",
        }
        import django

        django.setup()
        for figure in (*_fill(options), *_measure()):
            show(*figure, as_json=options.json)


def _fill(options: argparse.Namespace) -> Iterator[tuple[str, float, str]]:
    from django.core.management import call_command

    from ingest.models import Stream
    from tests.copies import store_copies

    for alias in ("default", "events"):
        call_command("migrate", database=alias, verbosity=0, skip_checks=True)
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    now = time.time_ns() // 1_000_000
    began = time.process_time()
    store_copies(_template(stream), options.letters, **_columns(options, now))
    used = (time.process_time() - began) / options.letters
    yield "letters: CPU to store one, counted", used * 1e6, "µs"


def _template(stream: Any) -> Any:
    from ingest.models import DeadLetter

    return DeadLetter(
        stream=stream,
        minor=0,
        error_stack='Traceback:\n  File "worker.py", line 7, in handle\n' * 8,
        attempts=4,
        event=b'{"eventId":"evt","payload":{"orderId":"ORD_1"}}' * 4,
        size=192,
    )


def _columns(options: Any, now: int) -> dict[str, str]:
    """SQL over ``n``, as SQLite reads it: few failures have most letters, in no order."""
    group = f"CAST({options.groups} * pow(n * 7919 % 10007 / 10007.0, 3) AS INTEGER)"
    return {
        "major": "n",
        "received_ms": f"{now - KEPT_MS} + {KEPT_MS} * n / {options.letters}",
        "status": "CASE n * 31 % 4 WHEN 0 THEN 'resolved' WHEN 1 THEN 'discarded' ELSE 'open' END",
        "event_id": "'evt_' || n",
        "event_type": f"'TYPE_' || (({group} + n % 3) % 50)",
        "consumer": f"'consumer_' || ({group} % 12)",
        "error_type": f"'Error' || ({group} % 40)",
        "error_message": f"'could not do ' || {group} || ' for ORD_' || n",
        "fingerprint": f"printf('%032x', {group})",
        "topic": f"'topic-' || ({group} % 5)",
    }


def _measure() -> Iterator[tuple[str, float, str]]:
    from django.test import Client

    from dashboard.accounts.models import Role, User
    from ingest.models import LetterCell

    user = User.objects.create_user(username="bench", password="x", role=Role.OPERATOR)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    places = {"group": f"{0:032x}", "first_day": _days_ago(29)}
    yield "letters: cells counted", LetterCell.objects.count(), ""
    for name, query in PAGES.items():
        path = f"/dead-letters/{query.format(**places)}"
        wall, cpu = zip(*(_ask(client, path) for _ in range(ASKED)), strict=True)
        yield f"letters: {name}, p50", quantile(sorted(wall), 0.5), "ms"
        yield f"letters: {name}, CPU", quantile(sorted(cpu), 0.5), "ms"


def _days_ago(days: int) -> str:
    return (datetime.now(tz=UTC) - timedelta(days=days)).strftime("%Y-%m-%dT%H:%M")


def _ask(client: Any, path: str) -> tuple[float, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    answer = client.get(path)
    assert answer.status_code == 200, (path, answer.status_code)
    return (time.perf_counter() - wall) * 1000, (time.process_time() - cpu) * 1000


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--letters", type=int, default=1_000_000)
    parser.add_argument("--groups", type=int, default=2_000)
    parser.add_argument("--long", action="store_true", help="nothing more than without it")
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
