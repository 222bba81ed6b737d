"""The pages of alerts and what a person does there: fetch, call, render."""

from dashboard.alerts.views.circumstances import circumstances
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
from dashboard.alerts.views.incidents import incidents
from dashboard.alerts.views.signed import act_by_link
from dashboard.alerts.views.silences import (
    add_maintenance,
    add_plain_silence,
    end,
    extend,
    preview,
    silence_alert,
    silences_page,
)
from dashboard.alerts.views.together import act_together

__all__ = [
    "acknowledge",
    "act_by_link",
    "act_together",
    "add_maintenance",
    "add_plain_silence",
    "alert_page",
    "alerts_page",
    "assign",
    "circumstances",
    "end",
    "extend",
    "incidents",
    "note",
    "preview",
    "resolve",
    "silence_alert",
    "silences_page",
    "snooze",
    "unacknowledge",
    "unsnooze",
]
