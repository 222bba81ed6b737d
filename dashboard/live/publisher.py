"""Ticks over Redis: monitor builds one a second for all web processes, who else build their own."""

from __future__ import annotations

import threading
import time

import redis
from django.conf import settings
from django.db import close_old_connections
from django.utils.crypto import salted_hmac

from dashboard.live.gather import gather_tick
from dashboard.live.honesty import read_status

__all__ = [
    "TICK_PATIENCE",
    "TICK_PHASE",
    "Publisher",
    "await_second",
    "publish_tick",
    "ticks_channel",
    "ticks_url",
    "until_tick",
]

TICK_PHASE = 0.15
"""Seconds past each whole second from which monitor waits for that second to be stored."""
TICK_PATIENCE = 0.65
"""How long it waits; a tick without the second shows it as unknown, and the next one corrects that."""
UNWAITED_PHASE = 0.4
"""The phase of ticks made without waiting: the worker's linger is 0.3 s."""
_ASK_EVERY = 0.04
_HOPELESS_MS = 3_000


def ticks_url() -> str:
    """The Redis that carries ticks, "" if only Kafka is configured."""
    urls = [broker.url for broker in settings.INGEST.brokers.values() if broker.type == "redis"]
    return urls[0] if urls else ""


def ticks_channel() -> str:
    """The channel of this installation: several may watch one broker, each with its own database."""
    places = [str(settings.DATABASES[alias]["NAME"]) for alias in ("default", "events")]
    hosts = [str(settings.DATABASES[alias].get("HOST", "")) for alias in ("default", "events")]
    name = salted_hmac("eventscope.ticks", "|".join(places + hosts), algorithm="sha256")
    return f"eventscope:ticks:{name.hexdigest()[:16]}"


def until_tick(now: float) -> float:
    """Seconds from ``now`` (since 1970) to the next moment of a tick made without waiting."""
    return (UNWAITED_PHASE - now) % 1.0 or 1.0


def await_second() -> None:
    """Return once the second that ended last is stored, or will not be for a while."""
    now = time.time()
    second, deadline = int(now) * 1000, time.monotonic() + TICK_PATIENCE
    while time.monotonic() < deadline:
        until = read_status(int(now * 1000)).observed_until_ms
        if until is None or until >= second or until < second - _HOPELESS_MS:
            return
        time.sleep(_ASK_EVERY)


class Publisher:
    """Publishes ticks while anybody listens; a broker that is away costs a tick, nothing else."""

    def __init__(self, url: str) -> None:
        self._client = redis.Redis.from_url(url, socket_timeout=5, socket_connect_timeout=2)
        self._channel = ticks_channel()
        self.failures = 0

    def publish(self) -> int:
        """Build and publish a tick; the number of web processes that got it."""
        try:
            if not self._client.pubsub_numsub(self._channel)[0][1]:
                return 0
            await_second()
            heard: int = self._client.publish(self._channel, gather_tick())
        except redis.RedisError:
            self.failures += 1
            return 0
        return heard

    def run(self, stop: threading.Event) -> None:
        """Publish at every tick's moment until ``stop``; for a thread of its own."""
        try:
            while not stop.wait(until_tick(time.time())):
                self.publish()
                close_old_connections()
        finally:
            self.close()

    def close(self) -> None:
        self._client.close()


_publisher: Publisher | None = None


def publish_tick() -> int:
    """Publish one tick if a Redis is configured and somebody listens; how many got it."""
    global _publisher
    url = ticks_url()
    if not url:
        return 0
    if _publisher is None:
        _publisher = Publisher(url)
    return _publisher.publish()
