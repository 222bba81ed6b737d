"""Words about the house itself to those who look after it: what comes often is gathered into one message."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from dashboard.notifying.messages import LONGEST_TITLE, plain_content
from dashboard.notifying.models import Notification
from dashboard.notifying.outbox import enqueue
from dashboard.notifying.receivers import receiver_for_admins

__all__ = ["Notice", "tell_admins"]

LONGEST_TOPIC = 32
NOTICE = "notice"


@dataclass(frozen=True)
class Notice:
    """``topic`` tells what belongs together; ``title`` has ``{count}`` for how many there are by then."""

    topic: str
    title: str
    text: str
    path: str
    count: int = 1


def tell_admins(notice: Notice, *, now_ms: int) -> Notification | None:
    """Write it down, in the caller's transaction if there is one; None if nobody is to be told.

    Of a topic the first is told after ``group_wait``, and what comes meanwhile with it; the next one
    after ``group_interval``.
    """
    receiver = receiver_for_admins()
    if not receiver:
        return None
    with transaction.atomic():
        last = _last(receiver, notice.topic)
        if last is not None and _is_untouched(last):
            return _joined(last, notice)
        return _begun(receiver, notice, last, now_ms)


def _last(receiver: str, topic: str) -> Notification | None:
    """The latest of the topic, locked so that nobody sends it while it grows."""
    rows = Notification.objects.select_for_update().filter(receiver=receiver, thread=_thread(topic))
    return rows.order_by("-pk").first()


def _is_untouched(last: Notification) -> bool:
    return last.state == Notification.State.WAITING and last.tries == 0


def _joined(last: Notification, notice: Notice) -> Notification:
    """The first words stay, the count grows."""
    count = last.content["count"] + notice.count
    last.content = {**last.content, "count": count}
    last.title = notice.title.format(count=f"{count:,}")[:LONGEST_TITLE]
    last.save(update_fields=["content", "title"])
    return last


def _begun(receiver: str, notice: Notice, last: Notification | None, now_ms: int) -> Notification:
    alerts = settings.DASHBOARD.alerts
    content = plain_content(NOTICE, notice.text, url=settings.PUBLIC_URL + notice.path)
    not_before = now_ms + int(alerts.group_wait * 1000)
    if last is not None:
        not_before = max(
            not_before, last.next_ms, last.created_ms + int(alerts.group_interval * 1000)
        )
    return enqueue(
        receiver,
        reason=NOTICE,
        thread=_thread(notice.topic),
        title=notice.title.format(count=f"{notice.count:,}")[:LONGEST_TITLE],
        content={**content, "count": notice.count},
        now_ms=now_ms,
        not_before_ms=not_before,
    )


def _thread(topic: str) -> str:
    return f"notice-{topic[:LONGEST_TOPIC]}"
