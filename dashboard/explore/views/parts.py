"""Parts of the events page that come after it: histogram, facets, further rows, live tail, completion."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any

from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.accounts.rights import problem
from dashboard.explore.catalog import read_names
from dashboard.explore.facets import read_facets
from dashboard.explore.filters import FilterError
from dashboard.explore.histogram import read_histogram
from dashboard.explore.listing import read_listing
from dashboard.explore.narrowing import narrow_facets
from dashboard.explore.querytext import QueryTextError, complete, parse_query_text
from dashboard.explore.tail import read_tail
from dashboard.explore.views.shared import indexed_paths
from dashboard.explore.views.showing import scan_of, show_rows
from dashboard.explore.views.state import read_asked
from eventscope.stamps import now_ms

__all__ = ["completions", "facets", "histogram", "more", "tail"]

LONGEST_CARET = 6

View = Callable[[HttpRequest], HttpResponse]


def _part(view: View) -> View:
    """A part is asked by the page's own script: what is not right is a problem for it to show."""

    @require_GET
    @never_cache
    @wraps(view)
    def answered(request: HttpRequest) -> HttpResponse:
        try:
            return view(request)
        except FilterError as error:
            return problem(400, "Bad Request", str(error))

    return answered


@_part
def histogram(request: HttpRequest) -> HttpResponse:
    """Events over time by outcome, as JSON; a bin that is not known was not observed or not read."""
    now = now_ms()
    told = read_histogram(read_asked(request, now_ms=now).query, now_ms=now)
    return JsonResponse(
        {
            "fromMs": told.from_ms,
            "untilMs": told.until_ms,
            "stepMs": told.step_ms,
            "bins": [
                {"atMs": one.at_ms, "counts": one.counts, "known": one.known} for one in told.bins
            ],
            "exact": told.exact,
            "basis": told.basis,
            "readUntilMs": told.read_until_ms,
        }
    )


@_part
def facets(request: HttpRequest) -> HttpResponse:
    """How the events divide, with the links that narrow the list to a part or leave it out."""
    now = now_ms()
    asked = read_asked(request, now_ms=now)
    told = read_facets(asked.query, now_ms=now)
    context = {"groups": narrow_facets(told, asked.query, asked.url), "told": told}
    return render(request, "explore/_facets.html", context)


@_part
def more(request: HttpRequest) -> HttpResponse:
    """One page of the list without the rest: further rows while a reading goes on."""
    now = now_ms()
    asked = read_asked(request, now_ms=now)
    listing = read_listing(asked.query, now_ms=now)
    context = {
        "rows": show_rows(listing.rows, asked.shown.columns),
        "scan": scan_of(listing, limit=asked.query.limit),
    }
    return render(request, "explore/_more.html", context)


@_part
def tail(request: HttpRequest) -> HttpResponse:
    """Rows that were stored since ``after``, newest first, with what to ask next."""
    now = now_ms()
    asked = read_asked(request, now_ms=now, beside=("after",))
    told = read_tail(asked.query, request.GET.get("after", ""), now_ms=now)
    context = {"rows": show_rows(told.rows, asked.shown.columns), "tail": told}
    return render(request, "explore/_tail.html", context)


@_part
def completions(request: HttpRequest) -> HttpResponse:
    """What may stand at ``caret`` of the bar's text, and what is wrong with the text as it is."""
    text, caret = request.GET.get("query", ""), request.GET.get("caret", "0")
    if not (caret.isascii() and caret.isdigit() and len(caret) <= LONGEST_CARET):
        raise FilterError("caret", f"{caret[:40]!r} is not a place in the text")
    found = complete(text, int(caret), read_names())
    return JsonResponse({"completions": [one._asdict() for one in found], "error": _wrong(text)})


def _wrong(text: str) -> dict[str, Any] | None:
    try:
        parse_query_text(text, now_ms=now_ms(), indexed=indexed_paths())
    except QueryTextError as error:
        return {"reason": error.reason, "at": error.at, "length": error.length}
    return None
