"""Retries in sight: when each is due, and trying one at once."""

from __future__ import annotations

import re
from typing import NamedTuple

from django.conf import settings

from dashboard.accounts import audit
from dashboard.recovery.selection import SelectionError
from ingest.queries.retries import Waiting, make_due, waiting_retries

__all__ = ["PLACES", "Retries", "Retry", "read_retries", "retry_at_once"]

PLACES = ("broker", "topic", "group", "entry")
LONGEST = 255
_ENTRY = re.compile(r"\d{1,19}[-:]\d{1,19}")


class Retry(NamedTuple):
    """``due_ms``: when its delay is over, if its service keeps to ``dead_letters.retry_delay``."""

    waiting: Waiting
    due_ms: int
    overdue: bool


class Retries(NamedTuple):
    """``total`` wait, of which ``rows`` are told, the next one due first; ``away``: brokers that do not answer."""

    rows: list[Retry]
    total: int
    away: list[str]
    delay_ms: int


def read_retries(*, limit: int, now_ms: int) -> Retries:
    page = waiting_retries(limit=limit)
    delay_ms = int(settings.DASHBOARD.dead_letters.retry_delay * 1000)
    rows = [_retry(waiting, now_ms, delay_ms) for waiting in page.rows]
    return Retries(rows, page.total, page.away, delay_ms)


def retry_at_once(*, by: object, broker: str, topic: str, group: str, entry: str) -> bool:
    """End the delay of one entry; False if it does not wait any more. Audited.

    Raises `SelectionError` for what is no place of an entry, `NotThere` where no retries are kept.
    """
    names = {"broker": broker, "topic": topic, "group": group}
    wrong = [name for name, text in names.items() if not 0 < len(text) <= LONGEST or "\x00" in text]
    if wrong or not _ENTRY.fullmatch(entry):
        raise SelectionError(wrong[0] if wrong else "entry", "is none of a waiting event")
    done = make_due(entry=entry, **names)
    if done:
        audit.record(
            actor=by,
            action="retry.now",
            subject=f"{topic} {entry}",
            detail={**names, "entry": entry},
        )
    return done


def _retry(waiting: Waiting, now_ms: int, delay_ms: int) -> Retry:
    due_ms = now_ms if waiting.idle_ms is None else now_ms + delay_ms - waiting.idle_ms
    return Retry(waiting, due_ms, waiting.idle_ms is None or due_ms < now_ms)
