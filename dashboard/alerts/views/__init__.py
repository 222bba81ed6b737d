"""The pages of alerts and what a person does there: fetch, call, render."""

from dashboard.alerts.views.episodes import (
    acknowledge,
    alert_page,
    alerts_page,
    assign,
    note,
    resolve,
    snooze,
    unacknowledge,
    unsnooze,
)
from dashboard.alerts.views.signed import act_by_link
from dashboard.alerts.views.together import act_together

__all__ = [
    "acknowledge",
    "act_by_link",
    "act_together",
    "alert_page",
    "alerts_page",
    "assign",
    "note",
    "resolve",
    "snooze",
    "unacknowledge",
    "unsnooze",
]
