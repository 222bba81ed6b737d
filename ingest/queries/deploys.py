"""Deploys: the first start of each version of each service, as far as starts are kept."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import Min

from ingest.models import ServiceEvent

__all__ = ["Deploy", "list_deploys"]


class Deploy(NamedTuple):
    service: str
    version: str
    at_ms: int


def list_deploys(*, limit: int = 100) -> list[Deploy]:
    """Newest first."""
    started = ServiceEvent.objects.filter(kind="started").exclude(version="")
    first = started.values_list("service", "version").annotate(at=Min("at_ms"))
    return [Deploy(*row) for row in first.order_by("-at", "service", "version")[:limit]]
