"""Events that wait for their next attempt, as the broker tells it; for services that use the kit.

On Redis the kit keeps them in the group's pending list under the consumer `WAITING`
(`eventscope.transports.redis_scripts`), so reading them needs two commands a group and changes nothing.
On Kafka they are copies on a topic of the group's own (`ingest.queries.retry_topics`).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import redis
from django.conf import settings
from redis.backoff import NoBackoff
from redis.retry import Retry

from eventscope.envelope import Event
from eventscope.errors import EventscopeError
from eventscope.transports.redis_replies import delivery_of
from eventscope.transports.redis_scripts import LONG_IDLE_MS, RETRY_NOW, WAITING
from ingest.models import ConsumerGroup
from ingest.options import BrokerOptions
from ingest.queries.waiting import Waiting, event_in
from ingest.sources.base import BrokerError

__all__ = ["NotThere", "Waiting", "WaitingPage", "make_due", "waiting_retries"]

MOST_GROUPS = 500
TIMEOUT_S = 3.0


class NotThere(EventscopeError):
    """The broker does not answer, or is none that retries are kept on."""


class WaitingPage(NamedTuple):
    """``total`` wait, of which ``rows`` are told, those that waited longest first; ``away``: brokers that did not answer."""

    rows: list[Waiting]
    total: int
    away: list[str]


class _Place(NamedTuple):
    topic: str
    group: str


def waiting_retries(*, limit: int = 100) -> WaitingPage:
    """What waits on all brokers, at most ``limit`` rows of each group looked at and in all told."""
    rows: list[Waiting] = []
    total, away = 0, []
    for broker, options in settings.INGEST.brokers.items():
        try:
            found, count = _waiting_on(broker, options, limit)
        except (redis.RedisError, BrokerError, OSError):
            away.append(broker)
        else:
            rows += found
            total += count
    rows.sort(key=lambda row: -(LONG_IDLE_MS if row.idle_ms is None else row.idle_ms))
    return WaitingPage(rows[:limit], total, away)


def _waiting_on(broker: str, options: BrokerOptions, limit: int) -> tuple[list[Waiting], int]:
    if options.type == "redis":
        places = _places(broker)
        return _ask(broker, options, places, limit) if places else ([], 0)
    # Here, as the library of Kafka is loaded only where it is used
    from ingest.queries.retry_topics import waiting_copies

    return waiting_copies(broker, options, limit=limit, timeout=TIMEOUT_S)


def make_due(*, broker: str, topic: str, group: str, entry: str) -> bool:
    """Let a waiting entry be tried at once; False if it does not wait (any more). Raises `NotThere`.

    The entry stays where it is, its attempts counted: a member of the group takes it in its next round,
    as it would have when the delay was over.
    """
    options = settings.INGEST.brokers.get(broker)
    if options is None:
        raise NotThere(f"{broker[:64]!r} is no broker of the configuration.")
    if options.type != "redis":
        raise NotThere("On Kafka what waits keeps its turn: its delay cannot be ended.")
    client = _client(options)
    try:
        return bool(client.eval(RETRY_NOW, 1, topic, group, entry) == 1)
    except redis.ResponseError:
        return False
    except (redis.RedisError, OSError) as error:
        raise NotThere(f"The broker {broker} does not answer: {error}") from error
    finally:
        client.close()


def _places(broker: str) -> list[_Place]:
    """The known consumer groups, where retries can be waiting."""
    rows = ConsumerGroup.objects.filter(stream__dead_letters=False, stream__broker=broker)
    told = rows.order_by("name", "pk").values_list("stream__topic", "name")
    return [_Place(topic, group) for topic, group in told[:MOST_GROUPS]]


def _ask(
    broker: str, options: BrokerOptions, places: Sequence[_Place], limit: int
) -> tuple[list[Waiting], int]:
    client = _client(options)
    try:
        asked: list[tuple[Any, ...]] = []
        for place in places:
            asked.append(("XPENDING", *place))
            asked.append(("XPENDING", *place, "-", "+", limit, WAITING))
        replies = _many(client, asked)
        total = sum(_count(summary) for summary in replies[::2])
        pending = [
            (place, row)
            for place, rows in zip(places, replies[1::2], strict=True)
            if not isinstance(rows, Exception)
            for row in rows
        ]
        pending = sorted(pending, key=lambda one: -int(one[1][2]))[:limit]
        return list(_told(broker, pending, _bodies(client, pending))), total
    finally:
        client.close()


def _bodies(client: redis.Redis, pending: Iterable[tuple[_Place, Any]]) -> list[Any]:
    return _many(client, [("XRANGE", place.topic, row[0], row[0]) for place, row in pending])


def _many(client: redis.Redis, commands: Iterable[tuple[Any, ...]]) -> list[Any]:
    """All replies from one round trip; a refused command's reply is its exception."""
    with client.pipeline(transaction=False) as pipeline:
        for command in commands:
            pipeline.execute_command(*command)  # type: ignore[no-untyped-call]
        return pipeline.execute(raise_on_error=False)


def _told(
    broker: str, pending: Sequence[tuple[_Place, Any]], bodies: Sequence[Any]
) -> Iterable[Waiting]:
    for (place, (entry, _, idle, attempts)), found in zip(pending, bodies, strict=True):
        event = _event_in(place.topic, entry, found)
        yield Waiting(
            broker=broker,
            topic=place.topic,
            group=place.group,
            entry=entry.decode(),
            attempts=int(attempts),
            idle_ms=int(idle) if idle < LONG_IDLE_MS else None,
            event_id=event.event_id[:255] if event else "",
            event_type=event.event_type[:255] if event else "",
            correlation_id=event.correlation_id[:255] if event else "",
        )


def _event_in(topic: str, entry: bytes, found: Any) -> Event | None:
    """The event that waits there; None where it was trimmed, or is none."""
    if isinstance(found, Exception) or not found:
        return None
    return event_in(delivery_of(topic, entry, found[0][1], 1))


def _count(summary: Any) -> int:
    """Of a summary of the pending entries: those of the consumer that stands for waiting."""
    if isinstance(summary, Exception) or not summary[3]:
        return 0
    return next((int(count) for name, count in summary[3] if name == WAITING), 0)


def _client(options: BrokerOptions) -> redis.Redis:
    """Replies stay raw, so that they read the same in every version of the library."""
    client = redis.Redis.from_url(
        options.url,
        protocol=2,
        socket_timeout=TIMEOUT_S,
        socket_connect_timeout=TIMEOUT_S,
        retry=Retry(NoBackoff(), 0),
    )
    client.response_callbacks.clear()
    return client
