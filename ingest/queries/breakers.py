"""One breaker of a service, over its instances, and what it went through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from django.db.models import Avg, F, Q

from ingest.models import Breaker, BreakerSample, BreakerTransition

__all__ = [
    "NO_SERVICE",
    "Numbers",
    "address_of",
    "find_breakers",
    "read_changes",
    "read_numbers",
    "read_rejected",
]

NO_SERVICE = "-"
"""Stands in addresses for the service of a breaker that names none."""
MOST_INSTANCES = 500
MOST_CHANGES = 2_000
MOST_WORDS = 20_000
_SLASHES = 20
_BINS = 1_000


class Numbers(NamedTuple):
    """Means of what the instances told from ``at_ms`` on; names as those of a `BreakerTransition`."""

    at_ms: int
    error_rate: float | None
    latency_ms: float | None
    throughput: float | None


def address_of(service: str, name: str) -> str:
    """What `find_breakers` finds it by: ``payment-service/payment-provider``."""
    return f"{service or NO_SERVICE}/{name}"


def find_breakers(address: str) -> list[Breaker]:
    """Every instance of the breaker at ``address``; [] for none.

    A name may hold slashes: of the ways to read the address the one with the shortest service wins.
    """
    parts = address.split("/")
    where = Q(pk__in=())
    for end in range(1, min(len(parts), _SLASHES)):
        service, name = "/".join(parts[:end]), "/".join(parts[end:])
        services = ["", service] if service == NO_SERVICE else [service]
        where |= Q(service__in=services, name=name)
    rows = list(Breaker.objects.filter(where).order_by("instance", "id")[:MOST_INSTANCES])
    shortest = min((row.service for row in rows), key=len, default="")
    return [row for row in rows if row.service == shortest]


def read_changes(
    breakers: Sequence[Breaker], *, since_ms: int, limit: int = MOST_CHANGES
) -> dict[int, list[BreakerTransition]]:
    """The newest ``limit`` changes since then, newest first, by the id of their breaker."""
    rows = BreakerTransition.objects.filter(breaker__in=breakers, at_ms__gte=since_ms)
    found: dict[int, list[BreakerTransition]] = {}
    for row in rows.order_by("-at_ms", "-id")[:limit]:
        found.setdefault(row.breaker_id, []).append(row)
    return found


def read_numbers(breakers: Sequence[Breaker], *, since_ms: int, step_ms: int) -> list[Numbers]:
    """What was told between changes, in steps of ``step_ms``, oldest first; one query."""
    rows = BreakerSample.objects.filter(breaker__in=breakers, at_ms__gte=since_ms)
    bins = (
        rows.annotate(step=F("at_ms") / step_ms)
        .values_list("step")
        .annotate(*(Avg(name) for name in Numbers._fields[1:]))
        .order_by("step")[:_BINS]
    )
    return [Numbers(int(step) * step_ms, *means) for step, *means in bins]


def read_rejected(
    breakers: Sequence[Breaker], *, since_ms: int
) -> dict[int, list[tuple[int, int]]]:
    """When each told that it had refused calls since its word before, and how many, by its id; the newest
    `MOST_WORDS` of changes and of words between them."""
    found: dict[int, list[tuple[int, int]]] = {}
    for model in (BreakerTransition, BreakerSample):
        rows = model._default_manager.filter(
            breaker__in=breakers, at_ms__gte=since_ms, rejected__gt=0
        ).order_by("-at_ms")
        for id, at_ms, count in rows.values_list("breaker_id", "at_ms", "rejected")[:MOST_WORDS]:
            found.setdefault(id, []).append((at_ms, count))
    return found
