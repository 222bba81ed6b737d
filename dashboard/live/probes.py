"""What load balancers and Prometheus ask: cheap, and without signing in."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable, Iterator
from typing import Any

import redis
from django.contrib.auth.decorators import login_not_required
from django.db import connections
from django.db.utils import DatabaseError
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.exposition import CONTENT_TYPE_LATEST

from dashboard.accounts.rights import problem
from dashboard.accounts.tokens import user_for_token
from dashboard.live.broker import ask_broker
from dashboard.live.honesty import read_status
from dashboard.notifying.queries import Tally, tallies
from dashboard.notifying.receivers import configured_receivers
from ingest.queries import state
from ingest.sources.base import BrokerError

__all__ = ["healthz", "metrics", "readyz"]


@login_not_required
@require_GET
@never_cache
def healthz(request: HttpRequest) -> HttpResponse:
    """The process answers; nothing else is looked at."""
    return JsonResponse({"status": "ok"})


@login_not_required
@require_GET
@never_cache
def readyz(request: HttpRequest) -> HttpResponse:
    """Whether pages can be served: 503 if a database or the broker does not answer.

    A stalled ingest is told but leaves the process ready, since its pages say so themselves.
    """
    checks = {
        "database": _check(_ask_databases),
        "broker": _check(ask_broker),
        "ingest": _check(_ask_ingest),
    }
    ready = all(checks[name]["ok"] for name in ("database", "broker"))
    body = {"status": "ready" if ready else "not ready", "checks": checks}
    return JsonResponse(body, status=200 if ready else 503)


@login_not_required
@require_GET
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text, for loopback or the bearer of a token."""
    if not (_from_loopback(request) or _has_token(request)):
        return problem(401, "Unauthorized", "Send a token: Authorization: Bearer …")
    registry = CollectorRegistry()
    registry.register(_Collector())  # type: ignore[arg-type]
    return HttpResponse(generate_latest(registry), content_type=CONTENT_TYPE_LATEST)


class _Collector:
    """Reads what is told at the moment it is asked."""

    def collect(self) -> Iterator[Metric]:
        status = read_status(time.time_ns() // 1_000_000)
        for name, text, value in (
            ("stored", "Messages stored", status.stored),
            ("undecoded", "Messages quarantined as undecodable", status.undecoded),
            ("lost", "Messages discarded by the broker before they were read", status.lost),
        ):
            yield CounterMetricFamily(f"eventscope_messages_{name}", text, value=value)
        unhealthy = state.unhealthy_components()
        refusing = state.open_breakers()
        age = float("nan") if status.newest_age_ms is None else status.newest_age_ms / 1000
        for name, text, gauge in (
            ("ingest_lag_messages", "Messages in the broker that are not stored yet", status.lag),
            ("newest_event_age_seconds", "Age of the newest stored event", age),
            ("ingest_stalled", "1 if ingest stands still", int(status.stalled)),
            ("streams", "Streams and partitions watched", status.streams),
            ("open_dead_letters", "Dead letters that are open", state.open_dead_letters()),
            ("open_breakers", "Circuit breakers that are open", refusing),
            ("unhealthy_components", "Components not healthy", unhealthy),
        ):
            yield GaugeMetricFamily(f"eventscope_{name}", text, value=gauge)
        yield from _notifications(time.time_ns() // 1_000_000)


def _notifications(now_ms: int) -> Iterator[Metric]:
    """Messages to receivers: those configured, and others that were told once."""
    told = tallies()
    found = {name: told.get(name, Tally()) for name in sorted({*configured_receivers(), *told})}
    for name, text in (
        ("sent", "Messages that a receiver took"),
        ("failed", "Tries to send a message that its receiver did not take"),
        ("given_up", "Messages that were given up"),
    ):
        counter = CounterMetricFamily(f"eventscope_notifications_{name}", text, labels=["receiver"])
        for receiver, tally in found.items():
            counter.add_metric([receiver], getattr(tally, name))
        yield counter
    for name, text in (
        ("waiting", "Messages that wait to be sent"),
        ("oldest_waiting_seconds", "Age of the oldest message that waits; 0 if none does"),
    ):
        gauge = GaugeMetricFamily(f"eventscope_notifications_{name}", text, labels=["receiver"])
        for receiver, tally in found.items():
            age_s = (now_ms - tally.oldest_ms) / 1000 if tally.oldest_ms is not None else 0
            gauge.add_metric([receiver], tally.waiting if name == "waiting" else max(0.0, age_s))
        yield gauge


def _check(ask: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    began = time.perf_counter()
    try:
        told = ask()
    except (DatabaseError, BrokerError, redis.RedisError, OSError) as error:
        return {"ok": False, "error": type(error).__name__}
    return {"ok": True, **told, "ms": round((time.perf_counter() - began) * 1000, 1)}


def _ask_databases() -> dict[str, Any]:
    for alias in ("default", "events"):
        with connections[alias].cursor() as cursor:
            cursor.execute("SELECT 1")
    return {}


def _ask_ingest() -> dict[str, Any]:
    status = read_status(time.time_ns() // 1_000_000)
    return {
        "lag": status.lag,
        "newestAgeMs": status.newest_age_ms,
        "stalled": status.stalled,
        "undecoded": status.undecoded,
        "lost": status.lost,
    }


def _from_loopback(request: HttpRequest) -> bool:
    """Asked on this machine itself: a proxy on it forwards for others, and says so."""
    if "HTTP_X_FORWARDED_FOR" in request.META or "HTTP_FORWARDED" in request.META:
        return False
    try:
        return ipaddress.ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        return False


def _has_token(request: HttpRequest) -> bool:
    kind, _, raw = request.headers.get("Authorization", "").partition(" ")
    return kind.lower() == "bearer" and user_for_token(raw.strip()) is not None
