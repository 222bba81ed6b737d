"""Ticks over Redis: monitor builds one a second for all web processes, who else build their own."""

from __future__ import annotations

import threading
import time

import redis
from django.conf import settings
from django.db import close_old_connections
from django.utils.crypto import salted_hmac

from dashboard.live.gather import gather_tick

__all__ = ["TICK_PHASE", "Publisher", "publish_tick", "ticks_channel", "ticks_url", "until_tick"]

TICK_PHASE = 0.4
"""Seconds past each whole second at which ticks are built: late enough for the worker's last batch
of that second (its linger is 0.3 s), early enough that an event is on the chart 1.5 s after append."""


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
    """Seconds from ``now`` (since 1970) to the moment of the next tick."""
    return (TICK_PHASE - now) % 1.0 or 1.0


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
