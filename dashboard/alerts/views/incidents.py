"""The root-cause card: what fired together."""

from __future__ import annotations

import time

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.alerts.incident_reading import current_incidents

__all__ = ["incidents"]


@require_GET
@never_cache
def incidents(request: HttpRequest) -> HttpResponse:
    """Incidents that go on or have just ended, for the page of alerts to show."""
    found = current_incidents(time.time_ns() // 1_000_000)
    return render(request, "alerts/_incidents.html", {"incidents": found})
