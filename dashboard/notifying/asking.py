"""What an admin does on the page of receivers; each is audited."""

from __future__ import annotations

import time

from django.conf import settings
from django.db import transaction

from dashboard.accounts import audit
from dashboard.notifying.messages import plain_content
from dashboard.notifying.models import Notification
from dashboard.notifying.outbox import enqueue, put_back
from dashboard.notifying.receivers import configured_receivers

__all__ = ["send_test", "try_again"]


def send_test(receiver: str, *, by: object) -> Notification | None:
    """A message by which one sees that it arrives; None if no receiver is called so."""
    if receiver not in configured_receivers():
        return None
    text = f"{audit.name_of(by)} tries whether messages arrive here. There is nothing to do."
    with transaction.atomic():
        audit.record(actor=by, action="receiver.tested", subject=receiver, detail={})
        return enqueue(
            receiver,
            reason="test",
            title="A test from Eventscope",
            content=plain_content("test", text, url=f"{settings.PUBLIC_URL}/alerts/receivers/"),
            now_ms=time.time_ns() // 1_000_000,
        )


def try_again(uid: str, *, by: object) -> bool:
    """Send one that was given up after all; False if there is none such."""
    with transaction.atomic():
        changed = put_back(uid, time.time_ns() // 1_000_000)
        if changed:
            audit.record(actor=by, action="notification.retried", subject=uid, detail={})
    return changed
