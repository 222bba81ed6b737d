"""A webhook of one's own: our JSON, signed."""

from __future__ import annotations

import hashlib
import hmac
import time
from typing import Any

import orjson

from dashboard.notifying.models import Notification
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders.http import post_json
from eventscope.stamps import format_ms

__all__ = ["ID_HEADER", "SIGNATURE_HEADER", "body_of", "send", "sign"]

SIGNATURE_HEADER = "Eventscope-Signature"
ID_HEADER = "Eventscope-Notification"
VERSION = 1


def send(receiver: ConfiguredReceiver, notification: Notification) -> str:
    body = orjson.dumps(body_of(notification))
    headers = {
        ID_HEADER: notification.uid,
        SIGNATURE_HEADER: sign(body, receiver.secret, int(time.time())),
    }
    answer = post_json(receiver, receiver.options.url, body, headers)
    return f"answered {answer.status}"


def sign(body: bytes, secret: str, at_s: int) -> str:
    """``t=SECONDS,v1=HEX``: HMAC-SHA256 over the seconds, a dot and the body."""
    signed = f"{at_s}.".encode() + body
    return f"t={at_s},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


def body_of(notification: Notification) -> dict[str, Any]:
    """The message as programs read it; the same at each try."""
    content = notification.content
    return {
        "version": VERSION,
        "id": notification.uid,
        "receiver": notification.receiver,
        "thread": notification.thread,
        "reason": notification.reason,
        "title": notification.title,
        "createdAt": format_ms(notification.created_ms),
        **{key: content[key] for key in TAKEN},
        "text": content.get("text", ""),
        "alerts": [_alert(alert) for alert in content["alerts"]],
    }


TAKEN = ("status", "severity", "route", "groupLabels", "counts", "omitted", "url", "acknowledgeUrl")


def _alert(alert: dict[str, Any]) -> dict[str, Any]:
    told = {key: value for key, value in alert.items() if not key.endswith("Ms")}
    resolved_ms = alert["resolvedMs"]
    return {
        **told,
        "startedAt": format_ms(alert["startedMs"]),
        "resolvedAt": None if resolved_ms is None else format_ms(resolved_ms),
    }
