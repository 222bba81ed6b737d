"""The outbox: what is to be sent is written in one transaction with the log that it was told.

1. `write_down`: the message and the logs of its groups, or neither. 2. `claim`: one sender has it, for a
while. 3. `mark_sent`, `mark_failed`: what came of it. Who is killed after 1 has it sent by the next; who
is killed between sending and 3 sends again, under the same uid, so that the other side can tell.
"""

from __future__ import annotations

import random
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, QuerySet

from dashboard.notifying.deciding import Forget, Intent, Keep, Log, Tell, Told
from dashboard.notifying.models import GroupLog, Notification, ReceiverTally
from eventscope.errors import EventscopeError

__all__ = [
    "CLAIM_MS",
    "Overtaken",
    "claim",
    "due_receivers",
    "enqueue",
    "forget_old",
    "mark_failed",
    "mark_sent",
    "next_try_ms",
    "put_back",
    "read_logs",
    "sent_since",
    "write_down",
]

CLAIM_MS = 60_000
FIRST_PAUSE_MS, LONGEST_PAUSE_MS = 5_000, 1_800_000
JITTER = 0.2
LONGEST_ERROR = 1000
AT_ONCE = 500
HEAD = 200
OF_NO_ALERT = ("test", "notice")

State = Notification.State
Compose = Callable[[Tell], tuple[str, dict[str, Any]]]
"""Title and content of a message."""


class Overtaken(EventscopeError):
    """Somebody else has told meanwhile; the next round decides anew."""


def read_logs() -> tuple[dict[str, Log], dict[str, int]]:
    """Every log by key, and the version of each."""
    logs, versions = {}, {}
    for row in GroupLog.objects.order_by("pk"):
        told = {int(id): Told(state, at_ms) for id, (state, at_ms) in row.told.items()}
        logs[row.key] = Log(row.key, row.receiver, row.since_ms, row.told_ms, told, row.thread)
        versions[row.key] = row.version
    return logs, versions


def sent_since(since_ms: int) -> dict[str, int]:
    """Receiver → messages about alerts written down since."""
    rows = Notification.objects.filter(created_ms__gt=since_ms).exclude(reason__in=OF_NO_ALERT)
    found: dict[str, int] = {}
    for receiver in rows.values_list("receiver", flat=True):
        found[receiver] = found.get(receiver, 0) + 1
    return found


def write_down(
    intents: Sequence[Intent], versions: dict[str, int], compose: Compose, now_ms: int
) -> int:
    """Each message with its logs in a transaction; how many messages. Raises `Overtaken`."""
    kept = [intent.log for intent in intents if isinstance(intent, Keep)]
    gone = [intent.key for intent in intents if isinstance(intent, Forget)]
    tells = [intent for intent in intents if isinstance(intent, Tell)]
    if kept or gone:
        with transaction.atomic():
            _drop(gone, versions)
            _write_logs(kept, versions)
    for tell in tells:
        with transaction.atomic():
            title, content = compose(tell)
            _create(tell.receiver, tell.reason, tell.thread, title, content, now_ms)
            _write_logs(tell.logs, versions)
    return len(tells)


def enqueue(
    receiver: str,
    *,
    reason: str,
    title: str,
    content: dict[str, Any],
    now_ms: int,
    thread: str = "",
    not_before_ms: int = 0,
) -> Notification:
    """A message that is about no group of alerts, in the caller's transaction if there is one."""
    return _create(receiver, reason, thread, title, content, now_ms, not_before_ms)


def due_receivers(now_ms: int) -> list[str]:
    """Who has something that may be sent now."""
    rows = Notification.objects.filter(state=State.WAITING, next_ms__lte=now_ms)
    return sorted(set(rows.values_list("receiver", flat=True)))


def claim(receiver: str, now_ms: int) -> Notification | None:
    """The oldest message that is due and that no older one of its thread holds up; ours for `CLAIM_MS`."""
    waiting = Notification.objects.filter(receiver=receiver, state=State.WAITING).order_by("pk")
    held: set[str] = set()
    for pk, thread, next_ms in waiting.values_list("pk", "thread", "next_ms")[:HEAD]:
        if thread in held:
            continue
        if next_ms <= now_ms and _take(pk, next_ms, now_ms):
            return Notification.objects.get(pk=pk)
        if thread:
            held.add(thread)
    return None


@transaction.atomic
def mark_sent(notification: Notification, answer: str, now_ms: int) -> bool:
    """False if another has taken it over meanwhile, and sends it too."""
    sent = _ours(notification).update(
        state=State.SENT, finished_ms=now_ms, answer=answer[:LONGEST_ERROR], error=""
    )
    if sent:
        _count(notification.receiver, "sent")
    return bool(sent)


@transaction.atomic
def mark_failed(
    notification: Notification,
    error: str,
    *,
    for_good: bool,
    give_up_ms: int,
    now_ms: int,
    pause_s: float | None = None,
) -> bool:
    """Note why, and when to try again. True if it was given up: refused for good, or ``give_up_ms`` old.

    If the other side asked for a pause of ``pause_s``, nothing is sent to the receiver before its end.
    """
    asked_ms = now_ms + round((pause_s or 0) * 1000)
    next_ms = max(asked_ms, next_try_ms(notification.tries, now_ms, random.random()))
    ends = for_good or next_ms > notification.created_ms + give_up_ms
    changes = {"state": State.GIVEN_UP, "finished_ms": now_ms} if ends else {"next_ms": next_ms}
    changed = _ours(notification).update(error=error[:LONGEST_ERROR], **changes)
    if changed:
        _count(notification.receiver, "failed", *(["given_up"] if ends else []))
    if pause_s:
        waiting = Notification.objects.filter(receiver=notification.receiver, state=State.WAITING)
        waiting.filter(next_ms__lt=asked_ms).update(next_ms=asked_ms)
    return bool(changed and ends)


def put_back(uid: str, now_ms: int) -> bool:
    """Try one that was given up once more, from the beginning."""
    rows = Notification.objects.filter(uid=uid, state=State.GIVEN_UP)
    changed = rows.update(
        state=State.WAITING, tries=0, created_ms=now_ms, next_ms=now_ms, finished_ms=None
    )
    return bool(changed)


def forget_old(before_ms: int) -> int:
    """Delete what was finished before, a bounded number."""
    old = Notification.objects.filter(finished_ms__lt=before_ms)
    ids = list(old.order_by("finished_ms").values_list("pk", flat=True)[:AT_ONCE])
    Notification.objects.filter(pk__in=ids).delete()
    return len(ids)


def next_try_ms(tries: int, now_ms: int, chance: float) -> int:
    """Twice as long after each try, half an hour at most, a little apart from the others; pure."""
    pause = min(LONGEST_PAUSE_MS, FIRST_PAUSE_MS * 2 ** min(max(tries, 1) - 1, 20))
    return now_ms + round(pause * (1 + JITTER * (chance - 0.5)))


def _create(
    receiver: str,
    reason: str,
    thread: str,
    title: str,
    content: dict[str, Any],
    now_ms: int,
    not_before_ms: int = 0,
) -> Notification:
    return Notification.objects.create(
        uid=uuid.uuid4().hex,
        receiver=receiver,
        reason=reason,
        thread=thread,
        title=title,
        content=content,
        created_ms=now_ms,
        next_ms=max(now_ms, not_before_ms),
    )


def _take(pk: int, next_ms: int, now_ms: int) -> bool:
    """Only one of several senders finds the row as it was read."""
    rows = Notification.objects.filter(pk=pk, state=State.WAITING, next_ms=next_ms)
    return bool(rows.update(next_ms=now_ms + CLAIM_MS, tries=F("tries") + 1))


def _count(receiver: str, *fields: str) -> None:
    ReceiverTally.objects.get_or_create(receiver=receiver)
    ReceiverTally.objects.filter(receiver=receiver).update(**{name: F(name) + 1 for name in fields})


def _ours(notification: Notification) -> QuerySet[Notification]:
    """The row as long as nobody else has taken it over."""
    return Notification.objects.filter(
        pk=notification.pk, state=State.WAITING, tries=notification.tries
    )


def _write_logs(logs: Sequence[Log], versions: dict[str, int]) -> None:
    """New ones are made, known ones changed if they are as they were read, empty ones dropped."""
    over = {log.key for log in logs if log.told_ms is not None and not log.told}
    kept = [log for log in logs if log.key not in over]
    _drop([key for key in over if key in versions], versions)
    known = [log.key for log in kept if log.key in versions]
    _lock(known, versions)
    rows = [_row_of(log, versions.get(log.key, 0) + 1) for log in kept]
    changing = set(known)
    try:
        GroupLog.objects.bulk_create(
            [row for row in rows if row.key not in changing], batch_size=AT_ONCE
        )
    except IntegrityError as error:
        raise Overtaken() from error
    GroupLog.objects.bulk_create(
        [row for row in rows if row.key in changing],
        batch_size=AT_ONCE,
        update_conflicts=True,
        unique_fields=["key"],
        update_fields=["receiver", "since_ms", "told_ms", "told", "thread", "version"],
    )
    versions |= {row.key: row.version for row in rows}


def _row_of(log: Log, version: int) -> GroupLog:
    return GroupLog(
        key=log.key,
        receiver=log.receiver,
        since_ms=log.since_ms,
        told_ms=log.told_ms,
        told={str(id): [told.state, told.at_ms] for id, told in log.told.items()},
        thread=log.thread,
        version=version,
    )


def _drop(keys: Sequence[str], versions: dict[str, int]) -> None:
    _lock(keys, versions)
    for part in _parts(keys):
        GroupLog.objects.filter(key__in=part).delete()
    for key in keys:
        del versions[key]


def _lock(keys: Sequence[str], versions: Mapping[str, int]) -> None:
    """Hold the rows until the transaction ends. Raises `Overtaken` unless they are as they were read."""
    for part in _parts(keys):
        rows = GroupLog.objects.select_for_update().filter(key__in=part).order_by("pk")
        found = dict(rows.values_list("key", "version"))
        if found != {key: versions[key] for key in part}:
            raise Overtaken()


def _parts(keys: Sequence[str]) -> Iterable[Sequence[str]]:
    return (keys[begin : begin + AT_ONCE] for begin in range(0, len(keys), AT_ONCE))
