"""The list of alerts, one alert, and what a person does to it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, QueryDict
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


def _acting(
    action: Callable[..., Any], arguments: Callable[[QueryDict], dict[str, Any]]
) -> Callable[[HttpRequest, int], HttpResponse]:
    """The view that does ``action`` to the episode in the address, with the ``arguments`` of its form."""

    @require_POST
    @role_required(Role.OPERATOR)
    def act(request: HttpRequest, episode_id: int) -> HttpResponse:
        try:
            outcome = action(episode_id, by=request.user, **arguments(request.POST))
        except AlertNotFound as error:
            raise Http404(str(error)) from error
        except ActionError as error:
            return _answer(request, episode_id, str(error))
        told = outcome.message if isinstance(outcome, AlertOutcome) else ""
        return _answer(request, episode_id, told)

    return act


def _nothing(form: QueryDict) -> dict[str, Any]:
    return {}


def _note(form: QueryDict) -> dict[str, Any]:
    return {"note": form.get("note", "")}


def _until(form: QueryDict) -> dict[str, Any]:
    minutes = form.get("minutes", "")
    if minutes not in {str(choice.minutes) for choice in SNOOZES}:
        raise ActionError("Choose for how long.")
    return {"until_ms": now_ms() + int(minutes) * 60_000, **_note(form)}


acknowledge = _acting(actions.acknowledge_alert, _note)
unacknowledge = _acting(actions.unacknowledge_alert, _nothing)
snooze = _acting(actions.snooze_alert, _until)
unsnooze = _acting(actions.unsnooze_alert, _nothing)
assign = _acting(actions.assign_alert, lambda form: {"to": form.get("to", "")})
resolve = _acting(actions.resolve_alert, _note)
note = _acting(actions.add_note, _note)


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
