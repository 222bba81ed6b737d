"""What surrounds an alert, asked for by its page once that is shown."""

from __future__ import annotations

import time

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.alerts import queries
from dashboard.alerts.around import draw_around
from dashboard.alerts.changing import change_rows
from dashboard.alerts.circumstances import read_circumstances
from dashboard.alerts.incident_reading import incident_of

__all__ = ["circumstances"]


@require_GET
@never_cache
def circumstances(request: HttpRequest, episode_id: int) -> HttpResponse:
    """What fired together with it, what changed against the hour before, and what made it true."""
    episode = queries.get_alert(episode_id)
    if episode is None:
        raise Http404("There is no alert with this number.")
    rule = queries.rule_of(episode)
    metric, now = rule.metric if rule else "", time.time_ns() // 1_000_000
    found = read_circumstances(episode, metric=metric, now_ms=now)
    context = {
        "found": found,
        "figure": draw_around(episode, rule, now_ms=now) if rule else None,
        "rows": change_rows(found),
        "view": incident_of(episode),
    }
    return render(request, "alerts/_circumstances.html", context)
