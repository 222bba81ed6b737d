"""Dead letters: fetch, call, render."""

from __future__ import annotations

import time

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.recovery.asking import RANGES, STATUSES, parse_ask
from dashboard.recovery.history import letter_history
from dashboard.recovery.presenting import present_letter
from ingest.queries import state
from ingest.queries.entities import entities_in, entity_kinds

__all__ = ["dead_letter_page", "dead_letters_page"]

LISTED = 50


@require_GET
@never_cache
def dead_letters_page(request: HttpRequest) -> HttpResponse:
    """The letters, or with ``?by=failure`` the failures that are alike; all of it is in the URL."""
    ask = parse_ask(request.GET, now_ms=_now_ms())
    context = {
        "ask": ask,
        "ranges": RANGES,
        "statuses": STATUSES,
        "facets": state.dead_letter_facets(state.LetterFilter()),
        "open_count": state.open_dead_letters(),
        "here": reverse("recovery:dead-letters"),
    }
    if ask.by_failure:
        context["groups"] = state.dead_letter_groups(ask.where)
    else:
        try:
            page = state.list_dead_letters(ask.where, cursor=ask.cursor, limit=LISTED)
        except state.BadCursor as error:
            context["problem"], page = str(error), state.LetterPage([], None)
        context |= {"letters": page.letters, "next_cursor": page.next}
    fragment = request.htmx and not request.htmx.boosted  # type: ignore[attr-defined]
    template = "recovery/_list.html" if fragment else "recovery/dead_letters.html"
    return render(request, template, context)


@require_GET
@never_cache
def dead_letter_page(request: HttpRequest, letter_id: int) -> HttpResponse:
    """One letter: the event as it was, the error, and where it came from."""
    letter = state.get_dead_letter(letter_id)
    if letter is None:
        raise Http404("There is no dead letter with this number.")
    alike = state.LetterFilter(fingerprint=letter.fingerprint)
    shown = present_letter(letter)
    kinds = entity_kinds(settings.INGEST).values()
    context = {
        "letter": letter,
        "shown": shown,
        "history": letter_history(letter.pk),
        "entities": entities_in(letter.event_type, shown.value, kinds),
        "alike": state.filter_dead_letters(alike).count() - 1 if letter.fingerprint else 0,
    }
    return render(request, "recovery/dead_letter.html", context)


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
