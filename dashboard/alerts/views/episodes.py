"""The list of alerts, one alert, and what a person does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.people import people_who_act
from dashboard.accounts.rights import role_required
from dashboard.alerts import actions, queries
from dashboard.alerts.actions import ActionError, AlertNotFound, AlertOutcome
from dashboard.alerts.filtering import AlertFilter, FilterProblem, read_filter, read_where
from dashboard.alerts.forms import MINUTES
from dashboard.alerts.models import Episode
from dashboard.alerts.paging import CursorError
from dashboard.alerts.presenting import SNOOZES, AlertRow, draw_values, group_rows, rule_rows
from dashboard.alerts.rule import Rule
from dashboard.alerts.ruleset import all_rules
from dashboard.alerts.silences import matchers_of
from dashboard.notifying.queries import untold_receivers
from eventscope.stamps import now_ms

__all__ = [
    "acknowledge",
    "alert_page",
    "alerts_page",
    "assign",
    "list_context",
    "note",
    "resolve",
    "snooze",
    "unacknowledge",
    "unsnooze",
]

LISTED = 30
WATCHED_WITHIN_MS = 15_000


@require_GET
@never_cache
def alerts_page(request: HttpRequest) -> HttpResponse:
    """What is open, or with ``?show=history`` what is over; filters and page are in the URL."""
    context = list_context(request)
    template = "alerts/_list.html" if _wants_fragment(request) else "alerts/alerts.html"
    return render(request, template, context)


@require_GET
@never_cache
def alert_page(request: HttpRequest, episode_id: int) -> HttpResponse:
    """One episode: what, how bad, since when, who has it, and its timeline."""
    episode = queries.get_alert(episode_id)
    if episode is None:
        raise Http404("There is no alert with this number.")
    template = "alerts/_alert.html" if _wants_fragment(request) else "alerts/alert.html"
    return render(request, template, _alert_context(episode))


@require_POST
@role_required(Role.OPERATOR)
def acknowledge(request: HttpRequest, episode_id: int) -> HttpResponse:
    return _act(request, episode_id, actions.acknowledge_alert, note=request.POST.get("note", ""))


@require_POST
@role_required(Role.OPERATOR)
def unacknowledge(request: HttpRequest, episode_id: int) -> HttpResponse:
    return _act(request, episode_id, actions.unacknowledge_alert)


@require_POST
@role_required(Role.OPERATOR)
def snooze(request: HttpRequest, episode_id: int) -> HttpResponse:
    minutes = request.POST.get("minutes", "")
    if minutes not in {str(choice.minutes) for choice in SNOOZES}:
        return _answer(request, episode_id, "Choose for how long.")
    until_ms = now_ms() + int(minutes) * 60_000
    return _act(
        request,
        episode_id,
        actions.snooze_alert,
        until_ms=until_ms,
        note=request.POST.get("note", ""),
    )


@require_POST
@role_required(Role.OPERATOR)
def unsnooze(request: HttpRequest, episode_id: int) -> HttpResponse:
    return _act(request, episode_id, actions.unsnooze_alert)


@require_POST
@role_required(Role.OPERATOR)
def assign(request: HttpRequest, episode_id: int) -> HttpResponse:
    to = request.POST.get("to", "")
    return _act(request, episode_id, actions.assign_alert, to=to)


@require_POST
@role_required(Role.OPERATOR)
def resolve(request: HttpRequest, episode_id: int) -> HttpResponse:
    return _act(request, episode_id, actions.resolve_alert, note=request.POST.get("note", ""))


@require_POST
@role_required(Role.OPERATOR)
def note(request: HttpRequest, episode_id: int) -> HttpResponse:
    return _act(request, episode_id, actions.add_note, note=request.POST.get("note", ""))


def _act(
    request: HttpRequest, episode_id: int, action: Callable[..., Any], **arguments: Any
) -> HttpResponse:
    try:
        outcome = action(episode_id, by=request.user, **arguments)
    except AlertNotFound as error:
        raise Http404(str(error)) from error
    except ActionError as error:
        return _answer(request, episode_id, str(error))
    told = outcome.message if isinstance(outcome, AlertOutcome) else ""
    return _answer(request, episode_id, told)


def _answer(request: HttpRequest, episode_id: int, told: str) -> HttpResponse:
    """The fragment that asked, as it is now; without htmx, the page that asked."""
    here = request.POST.get("from", "")
    if not request.htmx:  # type: ignore[attr-defined]
        if told:
            messages.warning(request, told)
        return redirect(reverse("alerts:alerts") if here == "list" else _url(episode_id))
    if here == "list":
        context = list_context(request) | {"told": told, "told_of": episode_id}
        return render(request, "alerts/_list.html", context)
    episode = queries.get_alert(episode_id)
    if episode is None:
        raise Http404("There is no alert with this number.")
    return render(request, "alerts/_alert.html", _alert_context(episode) | {"told": told})


def list_context(request: HttpRequest) -> dict[str, Any]:
    """All that the list shows; filters are read from the address, or from the form that acted."""
    now = now_ms()
    asked = request.GET if request.method == "GET" else request.POST
    where = read_where(asked.dict())
    show = asked.get("show", "")
    rules = all_rules()
    counts = queries.count_by_state()
    context: dict[str, Any] = {
        "now_ms": now,
        "show": show,
        "history": show == "history",
        "where": where,
        "filtered": any(where.values()),
        "rules": rules.values(),
        "counts": counts,
        "open_count": sum(counts.values()),
        "watch": _watch(now),
        "snoozes": SNOOZES,
        "people": people_who_act(),
        "page_query": urlencode({name: value for name, value in where.items() if value}),
    }
    try:
        wanted = read_filter(where)
        return context | _shown(show, wanted, asked.get("cursor"), rules, now)
    except (FilterProblem, CursorError) as error:
        return context | {"problem": str(error), "rows": []}


def _shown(
    show: str, wanted: AlertFilter, cursor: str | None, rules: dict[str, Rule], now: int
) -> dict[str, Any]:
    if show == "history":
        page = queries.resolved_alerts(wanted, cursor=cursor, limit=LISTED)
        rows = [AlertRow.of(item, rules, now) for item in page.alerts]
        return {"rows": rows, "next_cursor": page.next, "paged": bool(cursor)}
    held = show == "acknowledged"
    found = (queries.acknowledged_alerts if held else queries.open_alerts)(wanted)
    notes = queries.notes_of(item.pk for item in found)
    rows = [AlertRow.of(item, rules, now, notes[item.pk]) for item in found]
    if held:
        return {"rows": rows}
    return {"groups": group_rows(rows), "watched": rule_rows(_watched(rules), rows)}


def _alert_context(episode: Episode) -> dict[str, Any]:
    now = now_ms()
    entries = queries.alert_timeline(episode)
    row = AlertRow.of(episode, all_rules(), now)
    return {
        "now_ms": now,
        "row": row,
        "episode": episode,
        "rule": row.rule,
        "lines": row.timeline(entries),
        "drawing": draw_values(
            episode, entries, unit=row.rule.unit if row.rule else "", now_ms=now
        ),
        "snoozes": SNOOZES,
        "people": people_who_act(),
        "matchers": matchers_of(episode),
        "minutes": MINUTES,
        "watch": _watch(now),
    }


def _watched(rules: dict[str, Rule]) -> list[Rule]:
    on = settings.DASHBOARD.alerts.enabled
    return [rule for rule in rules.values() if rule.enabled and on]


def _watch(now_ms: int) -> dict[str, Any]:
    """Whether anybody evaluates; an alert page that nobody feeds must say so."""
    last, untold = queries.last_round(), untold_receivers()
    if last is None:
        return {"state": "never", "at_ms": None, "untold": untold}
    state = "live" if now_ms - last.at_ms <= WATCHED_WITHIN_MS else "stopped"
    return {
        "state": state,
        "at_ms": last.at_ms,
        "untold": untold,
        "unknown": last.unknown,
        "seen": last.observed,
    }


def _wants_fragment(request: HttpRequest) -> bool:
    htmx = request.htmx  # type: ignore[attr-defined]
    return bool(htmx) and not htmx.boosted


def _url(episode_id: int) -> str:
    return reverse("alerts:alert", args=(episode_id,))
