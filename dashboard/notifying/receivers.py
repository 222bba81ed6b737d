"""The receivers as configured, with their secrets; nothing that is shown is made from here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.conf import settings

from dashboard.receiver_options import ReceiverKind, ReceiverOptions

__all__ = ["ADMIN", "ConfiguredReceiver", "configured_receivers", "receiver_for_admins"]

ADMIN = "admin"
"""Who is told of what concerns the house itself, if there is a receiver called so."""
KEEPS_INCIDENTS = ("pagerduty",)


@dataclass(frozen=True)
class ConfiguredReceiver:
    """One receiver; its secret is not in its repr."""

    name: str
    options: ReceiverOptions
    secret: str = field(default="", repr=False)

    @property
    def kind(self) -> ReceiverKind:
        return self.options.type

    @property
    def keeps_incidents(self) -> bool:
        """Whether it wants to be told when somebody has an alert."""
        return self.kind in KEEPS_INCIDENTS


def configured_receivers() -> Mapping[str, ConfiguredReceiver]:
    """By name."""
    return {
        name: ConfiguredReceiver(name, options, settings.RECEIVER_SECRETS.get(name, ""))
        for name, options in settings.DASHBOARD.alerts.receivers.items()
    }


def receiver_for_admins() -> str:
    """Who is told of what concerns the house: ``admin``, else who gets everything else; "" for nobody."""
    alerts = settings.DASHBOARD.alerts
    return ADMIN if ADMIN in alerts.receivers else alerts.receiver
