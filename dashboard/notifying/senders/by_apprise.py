"""Everything else, by Apprise (https://appriseit.com), which is installed by those who want it."""

from __future__ import annotations

import logging

from dashboard.notifying.models import Notification
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders.errors import DeliveryError
from dashboard.notifying.senders.wording import lines_of

__all__ = ["send"]

TYPES = {"critical": "failure", "warning": "warning", "info": "info"}


def send(receiver: ConfiguredReceiver, notification: Notification) -> str:
    try:
        import apprise
    except ImportError as error:
        raise DeliveryError(
            "Apprise is not installed: pip install 'eventscope[apprise]', or apprise beside it."
        ) from error
    service = apprise.Apprise()
    if not service.add(receiver.secret):
        raise DeliveryError("Apprise does not know this kind of address.")
    content = notification.content
    over = content["status"] == "resolved"
    body = "\n".join([*lines_of(content), content["url"], notification.uid])
    with apprise.LogCapture(level=logging.WARNING) as said:
        taken = service.notify(
            title=notification.title,
            body=body,
            notify_type="success" if over else TYPES[content["severity"]],
            body_format="text",
        )
        words = said.getvalue()
    if not taken:
        raise DeliveryError(_without(words, receiver.secret) or "It did not take the message.")
    return "taken"


def _without(words: str, secret: str) -> str:
    """The last line that Apprise logged, unless it holds the address."""
    lines = [line.strip() for line in words.splitlines() if line.strip()]
    told = lines[-1] if lines else ""
    return "" if secret in told else told[:300]
