"""What is thrown away when its time has come."""

from __future__ import annotations

import time

import structlog
from django.conf import settings

from dashboard.alerts.models import Episode

__all__ = ["AT_ONCE", "forget_old_alerts"]

AT_ONCE = 500

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
