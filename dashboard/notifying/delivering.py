"""Sends what waits in the outbox: a line for each receiver, so that a slow one holds up no other."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor

import structlog
from django.conf import settings
from django.db import connections, transaction

from dashboard.notifying.messages import plain_content
from dashboard.notifying.models import Notification
from dashboard.notifying.outbox import claim, due_receivers, enqueue, mark_failed, mark_sent
from dashboard.notifying.receivers import configured_receivers, receiver_for_admins
from dashboard.notifying.senders import send
from dashboard.notifying.senders.errors import DeliveryError
from eventscope.stamps import now_ms

__all__ = ["OnSent", "Sender", "send_one"]

log = structlog.get_logger(__name__)

MOST_LINES = 8
AT_ONCE = 50
OnSent = Callable[[Notification, int], None]


class Sender:
    """`step` begins a line for each receiver that has something due and none yet. Make one a process."""

    def __init__(
        self, on_sent: OnSent = lambda *_: None, stopping: Callable[[], bool] = lambda: False
    ) -> None:
        self._on_sent = on_sent
        self._stopping = stopping
        self._pool = ThreadPoolExecutor(MOST_LINES, thread_name_prefix="notify")
        self._lines: dict[str, Future[int]] = {}

    def step(self) -> int:
        """How many lines were begun. Raises what ended a line that was none of a receiver's errors."""
        begun = 0
        failed: list[BaseException] = []
        for name, line in list(self._lines.items()):
            if line.done():
                del self._lines[name]
                if error := line.exception():
                    failed.append(error)
        for name in due_receivers(now_ms()):
            if name not in self._lines:
                self._lines[name] = self._pool.submit(self._serve, name)
                begun += 1
        if failed:
            raise failed[0]
        return begun

    def close(self) -> None:
        """Wait until what is being sent is sent."""
        self._pool.shutdown(wait=True, cancel_futures=True)

    def _serve(self, receiver: str) -> int:
        """In a thread of the pool, whose database connections must not outlive it."""
        try:
            for number in range(AT_ONCE):
                if self._stopping() or not send_one(receiver, self._on_sent):
                    return number
            return AT_ONCE
        finally:
            connections.close_all()


def send_one(receiver: str, on_sent: OnSent = lambda *_: None) -> bool:
    """Send the next message of a receiver. False: there is none, or its side is not to be had."""
    notification = claim(receiver, now_ms())
    if notification is None:
        return False
    configured = configured_receivers().get(receiver)
    try:
        if configured is None:
            raise DeliveryError(f"No receiver is called {receiver!r} any more.", for_good=True)
        answer = send(configured, notification)
    except DeliveryError as error:
        _failed(notification, error)
        return error.for_good
    except Exception as error:
        # Ours, not the receiver's: tried again and given up like any other, and raised to be seen.
        _failed(
            notification, DeliveryError(f"Eventscope failed: {type(error).__name__}; see its log.")
        )
        raise
    now = now_ms()
    with transaction.atomic():
        if mark_sent(notification, answer, now):
            on_sent(notification, now)
    log.info(
        "notification.sent",
        action="notification.sent",
        receiver=receiver,
        uid=notification.uid,
        reason=notification.reason,
        tries=notification.tries,
    )
    return True


def _failed(notification: Notification, error: DeliveryError) -> None:
    """Note it; that it was given up is told in the same transaction."""
    give_up_ms = int(settings.DASHBOARD.alerts.give_up_after * 1000)
    with transaction.atomic():
        given_up = mark_failed(
            notification,
            str(error),
            for_good=error.for_good,
            give_up_ms=give_up_ms,
            now_ms=now_ms(),
            pause_s=error.pause_s,
        )
        if given_up:
            _say_so(notification, str(error))
    action = "notification.given_up" if given_up else "notification.failed"
    told = log.error if given_up else log.warning
    told(
        action,
        action=action,
        receiver=notification.receiver,
        uid=notification.uid,
        error=str(error),
        tries=notification.tries,
    )


def _say_so(notification: Notification, error: str) -> None:
    """Tell those who look after the house, unless it is them who cannot be told."""
    admins = receiver_for_admins()
    if not admins or admins == notification.receiver or notification.reason == "notice":
        return
    text = f"A message to {notification.receiver} was given up: {notification.title}. {error}"
    enqueue(
        admins,
        reason="notice",
        title=f"{notification.receiver} could not be told",
        content=plain_content("notice", text, url=f"{settings.PUBLIC_URL}/alerts/receivers/"),
        now_ms=now_ms(),
    )
