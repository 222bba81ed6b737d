"""Who owns which stream, who may do which named work, and the fenced step of a checkpoint.

A lease is a row with owner, fence and end. Everything is one conditional UPDATE whose count decides:
taking a lease raises its fence, and a checkpoint moves only where owner, fence and old position still
match, so a worker that slept through its lease stores nothing.
"""

from __future__ import annotations

import math
import os
import secrets
import socket
import time
from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import NamedTuple

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Greatest

from eventscope.errors import EventscopeError
from ingest.models import Gap, Lease, QuarantinedMessage, Stream
from ingest.options import BrokerOptions
from ingest.records import Batch, Position, Slice, StreamRef
from ingest.sources.base import OWN_PREFIX, Loss

__all__ = [
    "Claimed",
    "Fenced",
    "Progress",
    "acquire_named",
    "advance",
    "claim_streams",
    "ensure_streams",
    "new_owner",
    "observe",
    "release_named",
    "release_streams",
    "renew_streams",
    "watched_streams",
]

WORKER = "worker:"
_SAME_GAP_MS = 1000
_FORGET_WORKERS = 86400.0


class Fenced(EventscopeError):
    """Another worker owns the stream now, or its checkpoint has moved: the batch must be dropped."""


class Claimed(NamedTuple):
    """A stream that is ours, as its row stood when we took it."""

    stream: StreamRef
    fence: int
    position: Position
    ordinal: int | None
    lag: int
    identity: str = ""
    observed_ms: int = 0


class Progress(NamedTuple):
    """What the checkpoint of one slice carries besides its events.

    ``losses`` say where messages are missing.
    """

    fence: int
    ordinal: int | None
    lag: int
    first_ms: int
    observed_until_ms: int
    losses: tuple[Loss, ...] = ()
    identity: str = ""


def new_owner() -> str:
    """A name for this worker that no other process has, readable by an operator."""
    return f"{socket.gethostname()[:30]}:{os.getpid()}:{secrets.token_hex(4)}"


# -- streams


def ensure_streams(broker: str, found: Iterable[tuple[str, int, bool]]) -> None:
    """A row for every (topic, partition, dead_letters); what is a dead-letter topic may change."""
    known = {
        (topic, partition): (id, dead)
        for id, topic, partition, dead in Stream.objects.filter(broker=broker).values_list(
            "id", "topic", "partition", "dead_letters"
        )
    }
    missing = []
    for topic, partition, dead_letters in found:
        row = known.get((topic, partition))
        if row is None:
            missing.append(
                Stream(broker=broker, topic=topic, partition=partition, dead_letters=dead_letters)
            )
        elif row[1] != dead_letters:
            Stream.objects.filter(id=row[0]).update(dead_letters=dead_letters)
    if missing:
        Stream.objects.bulk_create(missing, ignore_conflicts=True)


def watched_streams(brokers: Mapping[str, BrokerOptions]) -> list[int]:
    """Ids of the known streams that the configuration still names, whether they exist now or not."""
    return [
        id
        for id, broker, topic in Stream.objects.values_list("id", "broker", "topic")
        if broker in brokers and _names(brokers[broker], topic)
    ]


def _names(broker: BrokerOptions, topic: str) -> bool:
    if topic.startswith(OWN_PREFIX):
        return False
    patterns = (*broker.topics, *broker.dead_letter_topics)
    return any(topic == pattern or fnmatchcase(topic, pattern) for pattern in patterns)


def claim_streams(
    owner: str, watched: Sequence[int], *, lease: float, now: float | None = None
) -> list[Claimed]:
    """Those of ``watched`` that are ``owner``'s, after it took (or gave back) to its fair share.

    Free are those whose lease has ended; what nobody took for a whole lease more is taken beyond
    the share, as the worker that it was left for may be no more. A worker with more than its share
    gives the rest back for the others.
    """
    now = time.time() if now is None else now
    acquire_named(WORKER + owner, owner, lease=lease, now=now)
    Lease.objects.filter(name__startswith=WORKER, leased_until__lt=now - _FORGET_WORKERS).delete()
    streams = Stream.objects.filter(id__in=watched)
    mine = streams.filter(owner=owner, leased_until__gt=now)
    share = _share(len(watched), now)
    held = mine.count()
    if held > share:
        surplus = mine.order_by("-id").values_list("id", flat=True)[: held - share]
        _give_back(streams.filter(id__in=list(surplus), owner=owner), now)
    free = streams.filter(leased_until__lte=now).order_by("leased_until", "id")
    for place, (id, until) in enumerate(list(free.values_list("id", "leased_until"))):
        if held + place < share or until <= now - lease:
            streams.filter(id=id, leased_until__lte=now).update(
                owner=owner, fence=F("fence") + 1, leased_until=now + lease
            )
    return [_claimed(row) for row in mine.order_by("id")]


def renew_streams(owner: str, *, lease: float, now: float | None = None) -> int:
    """Hold on to what is ours; how many streams that is. An ended lease that nobody took is kept."""
    now = time.time() if now is None else now
    Lease.objects.filter(name=WORKER + owner).update(leased_until=now + lease)
    return Stream.objects.filter(owner=owner).update(leased_until=now + lease)


def release_streams(owner: str) -> None:
    """Let others take over at once."""
    _give_back(Stream.objects.filter(owner=owner), time.time())
    Lease.objects.filter(name=WORKER + owner).delete()


def advance(
    batch: Batch,
    owner: str,
    progress: dict[int, Progress],
    *,
    lease: float = 0.0,
    now: float | None = None,
) -> None:
    """Move the checkpoints of ``batch``, within the caller's transaction. Raises `Fenced`.

    ``progress`` is by stream id. The lease is prolonged by the way.
    """
    now = time.time() if now is None else now
    for part in batch.slices:
        _advance_one(part, owner, progress[part.stream.id], now + lease)
        for loss in progress[part.stream.id].losses:
            _record_gap(part.stream.id, loss, batch.read_ms)
    quarantined = [
        QuarantinedMessage(
            stream_id=part.stream.id,
            major=item.position.major,
            minor=item.position.minor,
            appended_ms=item.appended_ms,
            reason=item.reason,
            body=item.body,
            headers=item.headers,
            size=item.size,
        )
        for part in batch.slices
        for item in part.quarantined
    ]
    if quarantined:
        QuarantinedMessage.objects.bulk_create(quarantined, batch_size=100)


def observe(owner: str, seen: dict[int, int]) -> None:
    """Nothing new in these streams (id → ms): all that was appended before that time is stored."""
    by_time: dict[int, list[int]] = {}
    for id, until_ms in seen.items():
        by_time.setdefault(until_ms, []).append(id)
    for until_ms, ids in by_time.items():
        streams = Stream.objects.filter(id__in=ids, owner=owner)
        streams.filter(observed_from_ms=0).update(observed_from_ms=until_ms)
        streams.update(observed_until_ms=Greatest(F("observed_until_ms"), until_ms), lag=0)


def _advance_one(part: Slice, owner: str, made: Progress, leased_until: float) -> None:
    stored = len(part.records)
    # No later than what is observed: a producer's clock may be ahead (Kafka).
    newest = min(part.records[-1].appended_ms, made.observed_until_ms) if stored else 0
    moved = Stream.objects.filter(
        id=part.stream.id,
        owner=owner,
        fence=made.fence,
        major=part.after.major,
        minor=part.after.minor,
    ).update(
        major=part.until.major,
        minor=part.until.minor,
        ordinal=made.ordinal,
        identity=made.identity,
        stored=F("stored") + stored,
        undecoded=F("undecoded") + len(part.quarantined),
        lost=F("lost") + part.lost,
        lag=made.lag,
        newest_ms=Greatest(F("newest_ms"), newest),
        observed_until_ms=Greatest(F("observed_until_ms"), made.observed_until_ms),
        leased_until=Greatest(F("leased_until"), leased_until),
    )
    if not moved:
        raise Fenced(f"{part.stream.topic} was taken over, or its checkpoint moved")
    if part.after == (0, 0):
        Stream.objects.filter(id=part.stream.id, observed_from_ms=0).update(
            observed_from_ms=made.first_ms
        )


def _record_gap(stream_id: int, loss: Loss, found_ms: int) -> None:
    """Losses that follow each other closely (a stream trimmed faster than it is read) are one gap."""
    last = Gap.objects.filter(stream_id=stream_id).order_by("-id").first()
    near = last is not None and (
        (last.after_major, last.after_minor) == loss.after
        or loss.from_ms <= last.until_ms + _SAME_GAP_MS
    )
    if last is not None and near:
        last.until_ms = max(last.until_ms, loss.until_ms)
        last.lost += loss.lost
        last.found_ms = found_ms
        last.save(update_fields=["until_ms", "lost", "found_ms"])
        return
    Gap.objects.create(
        stream_id=stream_id,
        after_major=loss.after.major,
        after_minor=loss.after.minor,
        from_ms=loss.from_ms,
        until_ms=loss.until_ms,
        lost=loss.lost,
        found_ms=found_ms,
    )


def _share(streams: int, now: float) -> int:
    workers = Lease.objects.filter(name__startswith=WORKER, leased_until__gt=now).count()
    return math.ceil(streams / max(1, workers))


def _give_back(streams: QuerySet[Stream], now: float) -> None:
    streams.update(owner="", leased_until=now, fence=F("fence") + 1)


def _claimed(row: Stream) -> Claimed:
    return Claimed(
        StreamRef(row.id, row.broker, row.topic, row.partition, row.dead_letters),
        row.fence,
        Position(row.major, row.minor),
        row.ordinal,
        row.lag,
        row.identity,
        row.observed_until_ms,
    )


# -- named work


def acquire_named(name: str, owner: str, *, lease: float, now: float | None = None) -> bool:
    """Take or prolong the lease ``name``; False while another holds it."""
    now = time.time() if now is None else now
    until = now + lease
    held = Lease.objects.filter(name=name, owner=owner).update(leased_until=until)
    if held:
        return True
    taken = Lease.objects.filter(name=name, leased_until__lte=now).update(
        owner=owner, leased_until=until, fence=F("fence") + 1
    )
    if taken:
        return True
    with transaction.atomic(using="events"):
        made = Lease.objects.bulk_create(
            [Lease(name=name, owner=owner, leased_until=until, fence=1)], ignore_conflicts=True
        )
    return bool(made) and Lease.objects.filter(name=name, owner=owner).exists()


def release_named(name: str, owner: str) -> None:
    """Let another take the work at once."""
    Lease.objects.filter(name=name, owner=owner).update(leased_until=0, owner="")
