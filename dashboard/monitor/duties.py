"""Which duties there are, and how often each is done."""

from __future__ import annotations

from collections.abc import Callable

from django.conf import settings

from dashboard.alerts.incoming import mark_silent
from dashboard.alerts.rounds import Evaluator
from dashboard.alerts.sampling import Sampler
from dashboard.fleet.samples import keep_backlogs
from dashboard.live.publisher import TICK_PHASE, publish_tick
from dashboard.monitor.clock import Duty
from dashboard.monitor.housekeeping import (
    expire_audit,
    expire_stored,
    forget_old_alerts,
    forget_old_jobs,
)
from dashboard.monitor.polling import poll_actuators
from dashboard.monitor.probing import probe_all
from dashboard.monitor.telling import Notifier, forget_notifications
from dashboard.recovery.firing import Rules
from dashboard.recovery.working import Worker
from ingest.answering import AnsweredLetters
from ingest.consumers import sample_groups
from ingest.flows.learning import FlowLearner

__all__ = ["all_duties"]

EVALUATE_S = 2.0
JOBS_S = 1.0
NOTIFY_S = 2.0
INCOMING_S = 30.0
READINGS_S = 15.0
RULES_S = 5.0
SAMPLE_S = 5.0
TREND_S = 30.0
RETENTION_S = 300.0
ANSWERED_S = 30.0
LEARN_S = 5.0


def all_duties(stopping: Callable[[], bool]) -> tuple[Duty, ...]:
    """Everything that monitor does; ``stopping`` tells long work to end early."""
    return (
        Duty("ticks", 1.0, publish_tick, phase=TICK_PHASE),
        Duty("alerts", EVALUATE_S, Evaluator().step),
        Duty("alert-readings", READINGS_S, Sampler().step),
        Duty("incoming-alerts", INCOMING_S, mark_silent),
        Duty("notifications", NOTIFY_S, Notifier(stopping).step),
        Duty("probes", float(settings.DASHBOARD.health.interval), probe_all),
        Duty("breaker-polls", float(settings.INGEST.circuit_breakers.poll), poll_actuators),
        Duty("consumer-groups", SAMPLE_S, sample_groups),
        Duty("backlog-trends", TREND_S, keep_backlogs),
        Duty("jobs", JOBS_S, Worker(stopping).step),
        Duty("rules", RULES_S, Rules(stopping).step),
        Duty("answered-letters", ANSWERED_S, AnsweredLetters().step),
        Duty("flows", LEARN_S, FlowLearner().step),
        Duty("retention", RETENTION_S, lambda: expire_stored(stopping)),
        Duty("audit-log", RETENTION_S, expire_audit),
        Duty("alert-history", RETENTION_S, forget_old_alerts),
        Duty("notification-history", RETENTION_S, forget_notifications),
        Duty("job-history", RETENTION_S, forget_old_jobs),
    )
