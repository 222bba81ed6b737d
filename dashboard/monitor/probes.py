"""Looking at one component: HTTP, TCP, a broker, a database, or Eventscope's own event path.

Each probe answers a `Verdict` and never raises for what it looked at being broken.
"""

from __future__ import annotations

import http.client
import socket
import time
from collections.abc import Callable
from urllib.parse import SplitResult, urlsplit

import redis
from django.conf import settings
from django.db import DatabaseError, connections

from dashboard.monitor.health_answers import read_health_answer
from dashboard.monitor.verdicts import DEGRADED, HEALTHY, UNHEALTHY, Verdict
from dashboard.options import ComponentOptions
from ingest.options import BrokerOptions
from ingest.queries.status import ingest_status
from ingest.registry import RegistryAway, registry_kinds
from ingest.sources import open_source
from ingest.sources.base import BrokerError

__all__ = ["PROBE_KEY", "fetch", "probe_component"]

MOST_BYTES = 256 * 1024
PROBE_KEY = "eventscope:probe"
"""A stream of one entry, ours alone: that it takes one more proves that the broker takes writes."""


def probe_component(component: ComponentOptions, *, timeout: float) -> Verdict:
    """Look once, for ``timeout`` seconds at most, and say how long it took."""
    begun = time.monotonic()
    try:
        verdict = _probe_for(component)(component, timeout)
    except TimeoutError:
        verdict = Verdict(UNHEALTHY, output=f"no answer within {timeout:g} s")
    except (
        OSError,
        http.client.HTTPException,
        redis.RedisError,
        BrokerError,
        DatabaseError,
    ) as error:
        verdict = Verdict(UNHEALTHY, output=_words(error))
    except ValueError as error:
        verdict = Verdict(UNHEALTHY, output=f"not a usable url or check: {_words(error)}")
    took = (time.monotonic() - begun) * 1000
    return Verdict(verdict.status, round(took, 2), verdict.output, verdict.checks)


Probe = Callable[[ComponentOptions, float], Verdict]


def _probe_for(component: ComponentOptions) -> Probe:
    if component.url:
        scheme = urlsplit(component.url).scheme
        if scheme not in URL_PROBES:
            raise ValueError(f"{component.url!r} is none of http, https, tcp")
        return URL_PROBES[scheme]
    kind = component.check.partition(":")[0]
    if kind not in CHECKS:
        raise ValueError(f"{component.check!r} is none of {', '.join(CHECKS)}")
    return CHECKS[kind]


def _http(component: ComponentOptions, timeout: float) -> Verdict:
    code, body = fetch(component.url, timeout=timeout)
    return read_health_answer(code, body)


def fetch(address: str, *, timeout: float) -> tuple[int, bytes]:
    """GET, redirects not followed: status and body. The whole answer must come within the time.

    Raises what `probe_component` puts into words.
    """
    url = urlsplit(address)
    deadline = time.monotonic() + timeout
    connection = _connection(url, timeout)
    try:
        path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        headers = {"Accept": "application/health+json, application/json, */*"}
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        return answer.status, _read(answer, connection, deadline)
    finally:
        connection.close()


def _connection(url: SplitResult, timeout: float) -> http.client.HTTPConnection:
    if not url.hostname:
        raise ValueError(f"{url.geturl()!r} names no host")
    kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
    return kind(url.hostname, url.port, timeout=timeout)


def _read(
    answer: http.client.HTTPResponse, connection: http.client.HTTPConnection, deadline: float
) -> bytes:
    """A server that drips must not hold us longer than one that is silent."""
    parts: list[bytes] = []
    size = 0
    while size < MOST_BYTES:
        left = deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = answer.read1(65536)
        if not part:
            break
        parts.append(part)
        size += len(part)
    return b"".join(parts)


def _tcp(component: ComponentOptions, timeout: float) -> Verdict:
    url = urlsplit(component.url)
    if not url.hostname or url.port is None:
        raise ValueError(f"{component.url!r} needs a host and a port")
    with socket.create_connection((url.hostname, url.port), timeout=timeout):
        return Verdict(HEALTHY)


def _broker(component: ComponentOptions, timeout: float) -> Verdict:
    """``broker:NAME``: does it answer, and its schema registry too?"""
    name = component.check.partition(":")[2]
    broker = settings.INGEST.brokers.get(name)
    if broker is None:
        raise ValueError(f"no broker is named {name!r}")
    verdict = _ping(broker, timeout)
    if broker.registry is None:
        return verdict
    try:
        registry_kinds(broker.registry, timeout=timeout)
    except RegistryAway as error:
        return Verdict(DEGRADED, output=f"{error}; values are stored unread")
    return verdict


def _ping(broker: BrokerOptions, timeout: float) -> Verdict:
    if broker.type == "kafka":
        source = open_source(broker, timeout=timeout)
        try:
            source.discover()
        finally:
            source.close()
        return Verdict(HEALTHY)
    with _redis(broker.url, timeout) as client:
        client.ping()
    return Verdict(HEALTHY)


def _event_bus(component: ComponentOptions, timeout: float) -> Verdict:
    """Whether an event that is published now arrives here soon: the broker takes it, ingest keeps up."""
    for broker in settings.INGEST.brokers.values():
        if broker.type == "redis":
            _append(broker.url, timeout)
        else:
            _ping(broker, timeout)
    status = ingest_status(time.time_ns() // 1_000_000)
    if status.stalled:
        return Verdict(UNHEALTHY, output="publishing works, but no ingest worker reads the broker")
    if status.catching_up:
        return Verdict(DEGRADED, output=f"ingest is {status.lag:,} messages behind")
    return Verdict(HEALTHY)


def _append(url: str, timeout: float) -> None:
    with _redis(url, timeout) as client:
        client.xadd(PROBE_KEY, {"at": time.time_ns() // 1_000_000}, maxlen=1, approximate=False)


def _redis(url: str, timeout: float) -> redis.Redis:
    return redis.Redis.from_url(url, socket_timeout=timeout, socket_connect_timeout=timeout)


def _database(component: ComponentOptions, timeout: float) -> Verdict:
    for alias in ("default", "events"):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
            cursor.fetchone()
    return Verdict(HEALTHY)


def _words(error: Exception) -> str:
    return (str(error) or type(error).__name__)[:300]


URL_PROBES: dict[str, Probe] = {"http": _http, "https": _http, "tcp": _tcp}
CHECKS: dict[str, Probe] = {"broker": _broker, "event-bus": _event_bus, "database": _database}
