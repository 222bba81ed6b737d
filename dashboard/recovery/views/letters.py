"""Dead letters: fetch, call, render."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.accounts.rights import may_reveal, reveal_role
from dashboard.recovery.asking import BY, RANGES, STATUSES, Ask, parse_ask
from dashboard.recovery.circumstances import read_circumstances
from dashboard.recovery.editions import is_sealed, origin_of
from dashboard.recovery.groups import LISTED as GROUPS_LISTED
from dashboard.recovery.groups import SPANS, read_burndown, read_groups
from dashboard.recovery.history import letter_history
from dashboard.recovery.presenting import Shown, present_letter
from dashboard.recovery.revealing import Revealed, paths_in, reveal_letter
from dashboard.recovery.stacks import fold_stack
from dashboard.recovery.views.choosing import picking_context
from dashboard.recovery.views.groups import span_of
from eventscope.stamps import now_ms
from ingest.models import DeadLetter
from ingest.queries import state
from ingest.queries.deploys import list_deploys
from ingest.queries.entities import entities_in, entity_kinds
from ingest.queries.letter_cells import DAY_MS
from ingest.queries.letter_flows import letter_flow
from ingest.queries.letter_groups import letter_facets, letter_totals
from ingest.queries.moments import MOST_BESIDE

__all__ = ["dead_letter_page", "dead_letters_page"]

LISTED = 50
WORST = 3
DAYS = 90
DEPLOYS = 20


@require_GET
@never_cache
def dead_letters_page(request: HttpRequest) -> HttpResponse:
    """The letters, or with ``?by=`` the groups that they fall into; all of it is in the URL."""
    now = now_ms()
    ask = parse_ask(request.GET, now_ms=now)
    totals = letter_totals(ask.where)
    context = {
        "ask": ask,
        "ranges": RANGES,
        "statuses": STATUSES,
        "groupings": BY,
        "spans": SPANS,
        "totals": totals,
        "here": reverse("recovery:dead-letters"),
        **(_groups(request, ask, now) if ask.by else _letters(ask, now)),
        **picking_context(request, ask, totals),
    }
    if request.htmx and not request.htmx.boosted:  # type: ignore[attr-defined]
        return render(request, "recovery/_list.html", context)
    context |= {"facets": letter_facets(), "deploys": list_deploys(limit=DEPLOYS)}
    return render(request, "recovery/dead_letters.html", context)


def _letters(ask: Ask, now_ms: int) -> dict[str, Any]:
    """A page of letters; above the first of them the failures that hurt most."""
    try:
        page = state.list_dead_letters(ask.where, cursor=ask.cursor, limit=LISTED)
    except state.BadCursor as error:
        return {"problem": str(error), "letters": []}
    context: dict[str, Any] = {
        "letters": page.letters,
        "next_cursor": page.next,
        "scanned": page.scanned,
        "complete": page.complete,
    }
    if ask.first_page and not ask.where.fingerprints and not ask.where.text:
        rows = read_groups(ask, now_ms=now_ms, limit=2 * WORST)
        heard = [row for row in rows if not row.standing.muted_until_ms and row.group.open]
        context["worst"] = heard[:WORST]
    return context


def _groups(request: HttpRequest, ask: Ask, now_ms: int) -> dict[str, Any]:
    deploys = list_deploys()
    span = span_of(request.GET)
    burndown = read_burndown(ask.where, span=span, now_ms=now_ms, deploys=deploys)
    if ask.by == "day":
        flows = letter_flow(ask.where, until_ms=now_ms, step_ms=DAY_MS, steps=DAYS)
        days = [flow for flow in reversed(flows) if flow.arrived or flow.drained]
        return {"days": days, "burndown": burndown}
    rows = read_groups(ask, now_ms=now_ms, deploys=deploys)
    listed = rows[:GROUPS_LISTED]
    return {
        "groups": [row for row in listed if not row.standing.muted_until_ms],
        "muted": [row for row in listed if row.standing.muted_until_ms],
        "next_page": ask.page + 1 if len(rows) > GROUPS_LISTED else None,
        "burndown": burndown,
    }


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
def dead_letter_page(request: HttpRequest, letter_id: int) -> HttpResponse:
    """One letter: the event as it was, the error, and what surrounded it; POST opens what is encrypted."""
    letter = state.get_dead_letter(letter_id)
    if letter is None:
        raise Http404("There is no dead letter with this number.")
    stored = present_letter(letter)
    opened = _reveal(request, letter, stored) if request.method == "POST" else None
    context = {
        **_about(letter, stored),
        "shown": opened.shown if opened else stored,
        "sealed": paths_in(stored) if is_sealed(letter) else [],
        "opened": opened,
        "may_reveal": may_reveal(request.user),
        "reveal_role": reveal_role(),
    }
    return render(request, "recovery/dead_letter.html", context)


def _reveal(request: HttpRequest, letter: DeadLetter, stored: Shown) -> Revealed:
    if not may_reveal(request.user):
        raise PermissionDenied(f"Encrypted values are shown from the role {reveal_role()} on.")
    return reveal_letter(letter, stored, by=request.user)


def _about(letter: DeadLetter, stored: Shown) -> dict[str, Any]:
    """What surrounds a letter, by what is stored of it."""
    alike = state.LetterFilter(fingerprints=(letter.fingerprint,))
    kinds = entity_kinds(settings.INGEST).values()
    return {
        "letter": letter,
        "stack": fold_stack(letter.error_stack),
        "around": read_circumstances(letter, stored.value),
        "most_beside": MOST_BESIDE,
        "history": letter_history(letter.pk),
        "origin": origin_of(letter.event_id),
        "entities": entities_in(letter.event_type, stored.value, kinds),
        "alike": sum(letter_totals(alike).values()) - 1 if letter.fingerprint else 0,
    }
