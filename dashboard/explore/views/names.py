"""What was ever seen, as a drawing: the topology."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from dashboard.explore.topology import read_topology
from eventscope.stamps import now_ms

__all__ = ["topology_page"]


def topology_page(request: HttpRequest) -> HttpResponse:
    """Producers, topics and consumers, and what flows between them."""
    context = {
        "graph": read_topology(now_ms=now_ms()),
        "objective": settings.DASHBOARD.objectives.error_rate,
    }
    return render(request, "explore/topology.html", context)
