"""Makers of messages."""

from __future__ import annotations

from typing import Any

from dashboard.notifying.models import Notification

__all__ = ["NOW_MS", "alert", "content", "make_notification"]

NOW_MS = 1_800_000_000_000


def alert(number: int = 1, **given: Any) -> dict[str, Any]:
    return {
        "id": number,
        "status": "firing",
        "severity": "critical",
        "rule": "error-rate",
        "subject": "payment",
        "summary": "2.3% of payment's handlings fail, objective 0.1%",
        "labels": {"consumer": "payment"},
        "startedMs": NOW_MS - 60_000,
        "resolvedMs": None,
        "acknowledgedBy": "",
        "runbook": "",
        "url": f"https://eventscope.example/alerts/{number}/",
        **given,
    }


def content(**given: Any) -> dict[str, Any]:
    return {
        "reason": "firing",
        "status": "firing",
        "severity": "critical",
        "route": "everything else",
        "groupLabels": {"rule": "error-rate"},
        "counts": {"firing": 1, "acknowledged": 0, "resolved": 0, "critical": 1},
        "rules": [["error-rate", 1]],
        "alerts": [alert()],
        "omitted": 0,
        "closes": [],
        "url": "https://eventscope.example/alerts/",
        "acknowledgeUrl": "",
        **given,
    }


def make_notification(receiver: str = "hook", *, save: bool = False, **given: Any) -> Notification:
    values: dict[str, Any] = {
        "uid": "a" * 32,
        "receiver": receiver,
        "reason": "firing",
        "thread": "t" * 32,
        "title": "Critical: 2.3% of payment's handlings fail, objective 0.1%",
        "content": content(),
        "created_ms": NOW_MS,
        "next_ms": NOW_MS,
        **given,
    }
    notification = Notification(**values)
    if save:
        notification.save()
    return notification
