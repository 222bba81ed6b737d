"""Notes how duties went. Noting fails silently to the caller but never to the log."""

from __future__ import annotations

import threading
import time
from dataclasses import dataclass

import structlog
from django.db import DatabaseError
from django.db.models import F

from dashboard.fleet.models import Duty

__all__ = ["note_run"]

WRITE_EVERY_S = 5.0

log = structlog.get_logger(__name__)


@dataclass
class _Unwritten:
    """Good runs of a duty since its row was last written."""

    runs: int = 0
    written: float = float("-inf")
    failing: bool = False


_unwritten: dict[tuple[str, str], _Unwritten] = {}
_lock = threading.Lock()


def note_run(name: str, *, every: float, owner: str, took_ms: float, error: str) -> None:
    """Note one run; of good runs that follow each other closely only every few seconds' last."""
    with _lock:
        kept = _unwritten.setdefault((owner, name), _Unwritten())
        kept.runs += 1
        now = time.monotonic()
        due = bool(error) or kept.failing or now - kept.written >= WRITE_EVERY_S
        if not due:
            return
        runs, kept.runs, kept.written, kept.failing = kept.runs, 0, now, bool(error)
    try:
        _write(name, every=every, owner=owner, took_ms=took_ms, error=error, runs=runs)
    except DatabaseError:
        log.exception("monitor.note_failed", action="monitor.note_failed", duty=name)


def _write(name: str, *, every: float, owner: str, took_ms: float, error: str, runs: int) -> None:
    now_ms = time.time_ns() // 1_000_000
    Duty.objects.bulk_create([Duty(name=name)], ignore_conflicts=True)
    outcome: dict[str, object] = {"failing": 0, "error": "", "ok_ms": now_ms}
    if error:
        outcome = {
            "failing": F("failing") + 1,
            "failures": F("failures") + 1,
            "error": error[:2000],
        }
    Duty.objects.filter(name=name).update(
        owner=owner,
        every_ms=int(every * 1000),
        ran_ms=now_ms,
        took_ms=round(took_ms, 2),
        runs=F("runs") + runs,
        **outcome,
    )
