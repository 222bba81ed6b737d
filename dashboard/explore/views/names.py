"""What was ever seen: the catalog of types and the topology."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.explore.catalog import read_catalog
from dashboard.explore.topology import read_topology
from dashboard.explore.views.shared import now_ms

__all__ = ["catalog_page", "topology_page"]


def catalog_page(request: HttpRequest) -> HttpResponse:
    """Every event type with who publishes and who handles it."""
    return render(request, "explore/catalog.html", {"types": read_catalog()})


def topology_page(request: HttpRequest) -> HttpResponse:
    """Producers, topics and consumers, and what flows between them."""
    context = {
        "graph": read_topology(now_ms=now_ms()),
        "objective": settings.DASHBOARD.objectives.error_rate,
    }
    return render(request, "explore/topology.html", context)
