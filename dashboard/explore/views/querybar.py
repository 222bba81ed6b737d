"""The query bar's text on its way to the list: it becomes the parameters of the URL."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.explore.fields import find_field
from dashboard.explore.querytext import TEXT, QueryTextError, parse_query_text
from dashboard.explore.views.shared import indexed_paths
from eventscope.stamps import now_ms

__all__ = ["asked_by_text"]

_REPLACED = frozenset({TEXT, "query", "cursor"})


def asked_by_text(request: HttpRequest) -> HttpResponse:
    """303 to the list that ``query`` asks for, or a 400 that points into the text.

    What the language has no word for (columns, limit) is kept; all other filters are the text's.
    """
    text = request.GET.get("query", "")
    try:
        pairs = parse_query_text(text, now_ms=now_ms(), indexed=indexed_paths())
    except QueryTextError as error:
        return _refused(request, text, error)
    address = f"{reverse('explore:events')}?{urlencode([*pairs, *_kept(request)])}"
    return HttpResponse(status=303, headers={"Location": address})


def _kept(request: HttpRequest) -> list[tuple[str, str]]:
    """What the language has no word for."""
    return [
        (name, value)
        for name, values in request.GET.lists()
        for value in values
        if name not in _REPLACED and find_field(name, indexed_paths()) is None
    ]


def _refused(request: HttpRequest, text: str, error: QueryTextError) -> HttpResponse:
    end = error.at + error.length
    context = {
        "error": error,
        "text": text,
        "look": _kept(request),
        "before": text[: error.at],
        "marked": text[error.at : end],
        "after": text[end:],
    }
    return render(request, "explore/refused.html", context, status=400)
