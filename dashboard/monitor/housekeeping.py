"""What is thrown away when its time has come."""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from django.conf import settings

from dashboard.accounts import audit
from dashboard.alerts.models import Episode
from dashboard.recovery.models import Job
from ingest.retention import purge_expired
from ingest.store import open_store

__all__ = [
    "AT_ONCE",
    "expire_audit",
    "expire_stored",
    "forget_old_alerts",
    "forget_old_jobs",
]

AT_ONCE = 500
PAUSE_S = 0.05

log = structlog.get_logger(__name__)


def forget_old_alerts(*, now_ms: int | None = None) -> int:
    """Delete episodes that were resolved longer ago than the audit log is kept, a bounded number."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    before = now - int(settings.INGEST.retention.audit * 1000)
    old = Episode.objects.filter(state=Episode.State.RESOLVED, resolved_ms__lt=before)
    ids = list(old.order_by("resolved_ms").values_list("pk", flat=True)[:AT_ONCE])
    if ids:
        Episode.objects.filter(pk__in=ids).delete()
        log.info("alerts.forgotten", action="alerts.forgotten", count=len(ids))
    return len(ids)


def forget_old_jobs(*, now_ms: int | None = None) -> int:
    """Delete one job at a time with its items, once it is over for longer than letters are kept: it tells
    who dealt with them, when and why.
    """
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    kept = settings.INGEST.retention
    before = now - int((kept.dead_letters + kept.archived_letters) * 1000)
    over = Job.objects.exclude(state__in=Job.ACTIVE).filter(created_ms__lt=before)
    job = over.order_by("pk").first()
    if job is None:
        return 0
    job.delete()
    log.info("jobs.forgotten", action="jobs.forgotten", job=job.pk)
    return 1


def expire_audit(*, now_ms: int | None = None) -> int:
    """Let go of audit entries older than they are kept, a bounded number; what is left still verifies."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    gone = audit.expire(before_ms=now - int(settings.INGEST.retention.audit * 1000))
    if gone:
        log.info("audit.expired", action="audit.expired", rows=gone)
    return gone


def expire_stored(stopping: Callable[[], bool] = lambda: False) -> int:
    """Delete stored events and state that have passed their time; rows deleted.

    A pause after each step lets ingest write; what is left when we stop is for the next time.
    """
    deleted = 0
    now = time.time_ns() // 1_000_000
    for step in purge_expired(open_store(), settings.INGEST.retention, now_ms=now):
        deleted += step.rows
        if stopping():
            break
        time.sleep(PAUSE_S)
    if deleted:
        log.info("retention.deleted", action="retention.deleted", rows=deleted)
    return deleted
