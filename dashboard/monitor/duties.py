"""Which duties there are, and how often each is done."""

from __future__ import annotations

from django.conf import settings

from dashboard.alerts.rounds import evaluate_alerts
from dashboard.live.publisher import TICK_PHASE, publish_tick
from dashboard.monitor.clock import Duty
from dashboard.monitor.housekeeping import forget_old_alerts
from dashboard.monitor.probing import probe_all

__all__ = ["all_duties"]

EVALUATE_S = 2.0
SAMPLE_S = 5.0
RETENTION_S = 300.0


def all_duties() -> tuple[Duty, ...]:
    """Everything that monitor does."""
    return (
        Duty("ticks", 1.0, publish_tick, phase=TICK_PHASE),
        Duty("alerts", EVALUATE_S, evaluate_alerts),
        Duty("probes", float(settings.DASHBOARD.health.interval), probe_all),
        Duty("alert-history", RETENTION_S, forget_old_alerts),
    )
