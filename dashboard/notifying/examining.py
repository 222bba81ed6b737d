"""What is wrong with receivers, for `manage.py doctor`: one line each. Nothing is sent.

Each one's address is connected to, all at the same time, through the same gate as a message.
"""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from urllib.parse import urlsplit

from django.conf import settings
from django.db import DatabaseError

from dashboard.findings import Finding
from dashboard.notifying.queries import Standing, standings
from dashboard.notifying.receivers import ConfiguredReceiver, configured_receivers
from dashboard.notifying.senders import pagerduty
from dashboard.notifying.senders.addresses import connect
from dashboard.notifying.senders.errors import DeliveryError
from eventscope.stamps import now_ms

__all__ = ["address_to_reach", "examine_receivers"]

AT_ONCE = 8
TIMEOUT_S = 5.0
LOOKED_BACK_MS = 86_400_000
PORTS = {"https": 443, "http": 80}
UNREACHED = "Is it up, and may this machine reach it? Else correct [alerts.receivers.{name}]."
UNTOLD = (
    "See /alerts/receivers/ for what was answered; there a message that was given up is sent again."
)


def examine_receivers() -> Iterator[Finding]:
    """Whether each one's side can be reached, and how its messages of the last day went."""
    receivers = list(configured_receivers().values())
    if not receivers:
        return
    try:
        known = standings(now_ms() - LOOKED_BACK_MS)
    except DatabaseError:
        known = {}  # told by the finding of the database
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="doctor") as pool:
        faults = list(pool.map(_fault, receivers))
    for receiver, fault in zip(receivers, faults, strict=True):
        yield _finding(receiver, fault, known.get(receiver.name, Standing()))


def address_to_reach(receiver: ConfiguredReceiver) -> tuple[str, int] | None:
    """Host and port of its side; None where Apprise makes connections of its own."""
    if receiver.kind == "email":
        return settings.EMAIL_HOST, settings.EMAIL_PORT
    if receiver.kind == "apprise":
        return None
    usual = pagerduty.URL if receiver.kind == "pagerduty" else receiver.secret
    parts = urlsplit(receiver.options.url or usual)
    return str(parts.hostname), parts.port or PORTS.get(parts.scheme, 443)


def _fault(receiver: ConfiguredReceiver) -> str:
    """Why it cannot be reached; "" if it can. A mail server is the house's own: no gate stands before it."""
    place = address_to_reach(receiver)
    if place is None:
        return ""
    mail = receiver.kind == "email"
    try:
        connect(
            *place,
            private=mail or receiver.options.private,
            targets=("*",) if mail else settings.DASHBOARD.alerts.targets,
            timeout=TIMEOUT_S,
        ).close()
    except DeliveryError as error:
        return str(error)
    return ""


def _finding(receiver: ConfiguredReceiver, fault: str, standing: Standing) -> Finding:
    subject = f"receiver {receiver.name}"
    if fault:
        mend = UNREACHED.format(name=receiver.name)
        return Finding(subject, ok=False, detail=f"{receiver.kind}: {fault}", mend=mend)
    failing = bool(standing.error or standing.given_up)
    counts = {
        "sent": standing.sent,
        "waiting": standing.waiting,
        "given up": standing.given_up,
    }
    told = ", ".join(f"{count:,} {word}" for word, count in counts.items() if count)
    last = f"; last: {standing.error}" if standing.error else ""
    detail = f"{receiver.kind}, {told or 'nothing sent'} in the last day{last}"
    return Finding(subject, ok=not failing, detail=detail, mend=UNTOLD)
