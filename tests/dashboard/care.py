"""Makers of rows and people for the tests of alerts, fleet and recovery."""

from __future__ import annotations

from typing import Any

from django.test import Client

from dashboard.accounts.models import Role, User
from dashboard.alerts.models import Episode, EpisodeEntry, EvaluationRound
from ingest.models import (
    Breaker,
    BreakerTransition,
    ConsumerGroup,
    DeadLetter,
    HealthComponent,
    HealthResult,
    Stream,
)

__all__ = [
    "HOSTILE",
    "NOW_MS",
    "client_for",
    "make_breaker",
    "make_component",
    "make_episode",
    "make_group",
    "make_letter",
    "make_round",
    "make_stream",
]

NOW_MS = 1_800_000_000_000
HOSTILE = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>{{7*7}}"


def client_for(role: Role | str, name: str = "") -> Client:
    user = User.objects.create_user(username=name or f"a-{role}", password="x", role=role)
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def make_episode(**given: Any) -> Episode:
    at = given.pop("at_ms", NOW_MS)
    values: dict[str, Any] = {
        "rule": "error-rate",
        "subject": "payment",
        "severity": "critical",
        "state": "firing",
        "summary": "2.3% of payment's handlings fail, objective 0.1%",
        "value": 0.023,
        "peak": 0.04,
        "threshold": 0.001,
        "started_ms": at - 120_000,
        "fired_ms": at - 60_000,
        "evaluated_ms": at,
        "sampled_ms": at,
        **given,
    }
    episode = Episode.objects.create(**values)
    EpisodeEntry.objects.create(episode=episode, at_ms=at - 120_000, kind="pending", value=0.01)
    return episode


def make_round(at_ms: int) -> None:
    EvaluationRound.objects.update_or_create(pk=1, defaults={"at_ms": at_ms, "observed": 7})


def make_stream(topic: str = "failed-events", *, partition: int = 0) -> Stream:
    stream, _ = Stream.objects.get_or_create(
        broker="main",
        topic=topic,
        partition=partition,
        defaults={"dead_letters": topic == "failed-events"},
    )
    return stream


def make_letter(number: int = 1, **given: Any) -> DeadLetter:
    values: dict[str, Any] = {
        "stream": make_stream(),
        "major": NOW_MS,
        "minor": number,
        "received_ms": NOW_MS + number,
        "event_id": f"evt_{number}",
        "event_type": "ORDER_CREATED",
        "source": "order-service",
        "correlation_id": f"corr_{number}",
        "topic": "orders-topic",
        "offset": f"{NOW_MS}-{number}",
        "consumer": "inventory",
        "consumer_group": "inventory-group",
        "error_type": "OUT_OF_STOCK",
        "error_message": "no PROD_001 left",
        "error_stack": 'Traceback:\n  File "stock.py", line 7',
        "fingerprint": "f" * 16,
        "attempts": 4,
        "first_failed_ms": NOW_MS - 5000,
        "last_failed_ms": NOW_MS,
        "event": b'{"eventId":"evt_1","payload":{"orderId":"ORD_789"}}',
        "size": 51,
        **given,
    }
    return DeadLetter.objects.create(**values)


def make_component(name: str = "database", instance: str = "one", **given: Any) -> HealthComponent:
    values: dict[str, Any] = {
        "service": "order-service",
        "status": "healthy",
        "since_ms": NOW_MS - 60_000,
        "seen_ms": NOW_MS,
        "latency_ms": 3.5,
        **given,
    }
    row = HealthComponent.objects.create(component=name, instance=instance, **values)
    HealthResult.objects.create(
        component=row, at_ms=values["seen_ms"], status=row.status, latency_ms=row.latency_ms
    )
    return row


def make_breaker(name: str = "payment-provider", instance: str = "one", **given: Any) -> Breaker:
    values: dict[str, Any] = {
        "service": "payment-service",
        "state": "open",
        "since_ms": NOW_MS - 20_000,
        "seen_ms": NOW_MS,
        "failure_count": 5,
        "failure_threshold": 5,
        "reset_timeout_ms": 60_000,
        "error_rate": 0.5,
        "latency_ms": 120,
        "throughput": 12,
        "reason": "5 failures in a row",
        **given,
    }
    row = Breaker.objects.create(name=name, instance=instance, **values)
    BreakerTransition.objects.create(
        breaker=row,
        at_ms=values["since_ms"],
        from_state="closed",
        to_state=row.state,
        reason=row.reason,
        error_rate=row.error_rate,
    )
    return row


def make_group(
    name: str = "inventory", topic: str = "orders-topic", *, partition: int = 0, **given: Any
) -> ConsumerGroup:
    values: dict[str, Any] = {
        "lag": 12,
        "pending": 3,
        "consumers": 2,
        "sampled_ms": NOW_MS,
        **given,
    }
    return ConsumerGroup.objects.create(
        stream=make_stream(topic, partition=partition), name=name, **values
    )
