"""Prometheus Alertmanager's API v2, which groups and routes by itself: it gets every alert as one.

https://github.com/prometheus/alertmanager/blob/main/api/v2/openapi.yaml
"""

from __future__ import annotations

import time
from typing import Any

from django.conf import settings

from dashboard.notifying.models import Notification
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders.http import post_json
from eventscope.stamps import format_ms

__all__ = ["alerts_of", "send"]

PATH = "/api/v2/alerts"
LASTING = 4
"""It forgets an alert after so many of our intervals without a word, as Prometheus has it."""


def send(receiver: ConfiguredReceiver, notification: Notification) -> str:
    interval_ms = int(settings.DASHBOARD.alerts.group_interval * 1000)
    alerts = alerts_of(notification, now_ms=time.time_ns() // 1_000_000, interval_ms=interval_ms)
    url = receiver.options.url.rstrip("/")
    url = url if url.endswith(PATH) else url + PATH
    headers = {"Authorization": f"Bearer {receiver.secret}"} if receiver.secret else {}
    post_json(receiver, url, alerts, headers)
    return f"{len(alerts)} alerts taken"


def alerts_of(notification: Notification, *, now_ms: int, interval_ms: int) -> list[dict[str, Any]]:
    """Each alert; labels without a value are left out, for there they mean the same as none."""
    told = notification.content["alerts"]
    if not told:
        told = [_of_itself(notification)]
    return [_alert(alert, now_ms, interval_ms, notification.uid) for alert in told]


def _alert(alert: dict[str, Any], now_ms: int, interval_ms: int, uid: str) -> dict[str, Any]:
    labels = {
        "alertname": alert["rule"],
        "severity": alert["severity"],
        "subject": alert["subject"],
        **alert["labels"],
        "origin": "eventscope",
    }
    ends_ms = alert["resolvedMs"] or now_ms + LASTING * interval_ms
    return {
        "labels": {name.replace(".", "_"): value for name, value in labels.items() if value},
        "annotations": {
            "summary": alert["summary"],
            **({"runbook_url": alert["runbook"]} if alert["runbook"] else {}),
            "eventscope_notification": uid,
        },
        "startsAt": format_ms(alert["startedMs"]),
        "endsAt": format_ms(ends_ms),
        "generatorURL": alert["url"],
    }


def _of_itself(notification: Notification) -> dict[str, Any]:
    """A test, or a word about the house, as an alert that ends by itself."""
    return {
        "rule": f"eventscope-{notification.reason}",
        "severity": notification.content["severity"],
        "subject": notification.uid,
        "summary": notification.title,
        "labels": {},
        "runbook": "",
        "startedMs": notification.created_ms,
        "resolvedMs": None,
        "url": notification.content["url"],
    }
