"""The pages of the fleet: fetch, call, render."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.fleet import queries
from dashboard.fleet.component import strips_of
from dashboard.fleet.presenting import (
    STATUSES,
    breaker_cards,
    component_cards,
    consumer_rows,
    count_statuses,
)
from eventscope.stamps import now_ms
from ingest.queries import state
from ingest.queries.absences import read_absences

__all__ = ["breakers_page", "consumers_page", "health_page"]

STRIP_INTERVALS = 40
BREAKER_WINDOW_MS = 3_600_000
TREND_MS = 3_600_000
STALE_MS = 30_000
MONITOR_SILENT_MS = 20_000


@require_GET
@never_cache
def health_page(request: HttpRequest) -> HttpResponse:
    """Components over all instances and each by itself; ``?status=`` shows those of one status."""
    now = now_ms()
    interval_ms = int(settings.DASHBOARD.health.interval * 1000)
    views = state.list_components(now_ms=now)
    status = request.GET.get("status", "")
    shown = [view for view in views if view.status == status] if status in STATUSES else views
    duties = queries.list_duties()
    context = {
        "now_ms": now,
        "status": status if status in STATUSES else "",
        "counts": count_statuses(views),
        "total": len(views),
        "cards": component_cards(
            shown,
            queries.recent_results(now - STRIP_INTERVALS * interval_ms),
            silent_before=now - settings.HEALTH_SILENT_MS,
            pasts=strips_of([view.component for view in shown], now_ms=now),
        ),
        "interval_ms": interval_ms,
        "missed": settings.DASHBOARD.health.missed,
        "missed_ms": settings.HEALTH_SILENT_MS,
        "threshold": settings.DASHBOARD.health.unhealthy_threshold,
        "duties": duties,
        "monitor_silent": all(now - duty.ran_ms > MONITOR_SILENT_MS for duty in duties),
    }
    return _render(request, "health", context)


@require_GET
@never_cache
def breakers_page(request: HttpRequest) -> HttpResponse:
    """Every breaker, merged over the instances of its service, and each by itself."""
    now = now_ms()
    options = settings.INGEST.circuit_breakers
    views = state.list_breakers(transitions=20, now_ms=now)
    services = {view.breaker.service for view in views}
    cards = breaker_cards(
        views,
        now_ms=now,
        window_ms=BREAKER_WINDOW_MS,
        options=options,
        absences=read_absences(services, since_ms=now - BREAKER_WINDOW_MS),
    )
    refusing = sum(card.open for card in cards)
    context = {
        "now_ms": now,
        "cards": cards,
        "refusing": refusing,
        "refusing_words": f"{refusing} instance{'' if refusing == 1 else 's'} refusing",
        "trying": sum(1 for card in cards if card.state == "half_open" and not card.stale),
        "gaps": any(card.gaps for card in cards),
        "alert_threshold": options.alert_threshold,
    }
    return _render(request, "breakers", context)


@require_GET
@never_cache
def consumers_page(request: HttpRequest) -> HttpResponse:
    """Consumer groups: what waits, who works, how fast, how well, and what to do about it."""
    now = now_ms()
    objectives = settings.DASHBOARD.objectives
    metrics, seconds = queries.group_metrics(now)
    rows = consumer_rows(
        state.consumer_backlogs(),
        metrics,
        queries.handlers_by_group(),
        queries.backlog_trends(now - TREND_MS),
        seconds=seconds,
        options=settings.DASHBOARD.scaling,
        stale_before=now - STALE_MS,
    )
    context = {
        "now_ms": now,
        "rows": rows,
        "limit": settings.DASHBOARD.scaling.message_backlog,
        "scaling": settings.DASHBOARD.scaling,
        "objectives": objectives,
        "p95_ms": objectives.p95 * 1000,
        "over": sum(1 for row in rows if row.advice.tone == "warn"),
        "stale": any(row.stale for row in rows),
    }
    return _render(request, "consumers", context)


def _render(request: HttpRequest, name: str, context: dict[str, object]) -> HttpResponse:
    """The page, or only its living part where htmx asks for that."""
    htmx = request.htmx  # type: ignore[attr-defined]
    part = "_" if htmx and not htmx.boosted else ""
    return render(request, f"fleet/{part}{name}.html", context)
