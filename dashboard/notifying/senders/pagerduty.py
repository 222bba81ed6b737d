"""PagerDuty's Events API v2: https://developer.pagerduty.com/docs/events-api-v2/overview/."""

from __future__ import annotations

import hashlib
from typing import Any

from dashboard.notifying.models import Notification
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders.http import post_json
from dashboard.notifying.senders.wording import lines_of
from eventscope.stamps import format_ms

__all__ = ["URL", "dedup_key", "events_of", "send"]

URL = "https://events.pagerduty.com/v2/enqueue"
ACTIONS = {"firing": "trigger", "acknowledged": "acknowledge", "resolved": "resolve"}
LONGEST_SUMMARY = 1024


def send(receiver: ConfiguredReceiver, notification: Notification) -> str:
    """What the message closes besides is resolved too; all of it may be repeated harmlessly."""
    events = events_of(notification)
    for event in events:
        body = {"routing_key": receiver.secret, **event}
        post_json(receiver, receiver.options.url or URL, body)
    return f"{events[0]['event_action']} taken"


def dedup_key(notification: Notification, thread: str) -> str:
    """One incident a thread; what has none (a test, a word about the house) is one of its own."""
    told = f"{notification.receiver} {thread or notification.uid}"
    return "eventscope-" + hashlib.sha256(told.encode()).hexdigest()[:32]


def events_of(notification: Notification) -> list[dict[str, Any]]:
    """The message as an event, then the end of each incident that it takes over."""
    content = notification.content
    key = dedup_key(notification, notification.thread)
    action = ACTIONS.get(content["status"], "trigger")
    event: dict[str, Any] = {"event_action": action, "dedup_key": key}
    if action == "trigger":
        event |= _details(notification, content)
    closes = [
        {"event_action": "resolve", "dedup_key": dedup_key(notification, thread)}
        for thread in content["closes"]
    ]
    return [event, *closes]


def _details(notification: Notification, content: dict[str, Any]) -> dict[str, Any]:
    return {
        "payload": {
            "summary": notification.title[:LONGEST_SUMMARY],
            "source": content["groupLabels"].get("service") or "eventscope",
            "severity": content["severity"],
            "timestamp": format_ms(notification.created_ms),
            "group": content["route"] or None,
            "custom_details": {
                "notification": notification.uid,
                "labels": content["groupLabels"],
                "counts": content["counts"],
                "alerts": lines_of(content),
            },
        },
        "client": "Eventscope",
        "client_url": content["url"],
        "links": [
            {"href": alert["url"], "text": alert["summary"]}
            for alert in content["alerts"]
            if alert["url"]
        ],
    }
