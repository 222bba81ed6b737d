"""One file a kind of receiver, each with `send`: what its side answered, in words, or `DeliveryError`."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from dashboard.notifying.models import Notification
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.senders import (
    alertmanager,
    by_apprise,
    mail,
    pagerduty,
    slack,
    teams,
    webhook,
)

__all__ = ["SENDERS", "send"]

SENDERS: Mapping[str, Callable[[ConfiguredReceiver, Notification], str]] = {
    "alertmanager": alertmanager.send,
    "apprise": by_apprise.send,
    "email": mail.send,
    "pagerduty": pagerduty.send,
    "slack": slack.send,
    "teams": teams.send,
    "webhook": webhook.send,
}


def send(receiver: ConfiguredReceiver, notification: Notification) -> str:
    """Send one message. Raises `DeliveryError`."""
    return SENDERS[receiver.kind](receiver, notification)
