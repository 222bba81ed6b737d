"""The list of events."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.accounts.models import User
from dashboard.explore.catalog import read_names
from dashboard.explore.columns import COLUMNS, DEFAULT, Cell, Column, cells_of
from dashboard.explore.exporting import MOST_ROWS, USUAL_ROWS
from dashboard.explore.filters import PRESETS, EventQuery, FilterError, parse_event_query
from dashboard.explore.listing import read_listing
from dashboard.explore.models import SavedSearch
from dashboard.explore.outcomes import OUTCOMES
from dashboard.explore.presentation import Presentation, split_parameters
from dashboard.explore.rows import Row, correlation_of
from dashboard.explore.searches import searches_for, shown_for
from dashboard.explore.views.querybar import asked_by_text
from dashboard.explore.views.shared import indexed_paths, now_ms, refused
from eventscope.stamps import format_ms

__all__ = ["events_page"]

TIMES = ("since", "until")
FORM = ("type", "source", "topic", "outcome", "q", "since", "until")
HIDDEN = ("limit", "order", "range", "system")
KEYS = (
    ("j k", "Next row, row before"),
    ("Enter", "Open the event"),
    ("o", "Look at it beside the list"),
    ("x", "Select the row"),
    ("c", "Copy the event's id"),
    ("i", "Search by any id"),
)
COPIES = (
    ("json", "JSON", "copy"),
    ("cloudevent", "CloudEvent", "copy"),
    ("fetch", "curl that reads it", "terminal-2"),
    ("publish", "curl that publishes it", "terminal-2"),
)


@require_GET
@never_cache
def events_page(request: HttpRequest) -> HttpResponse:
    """The list of events; all of its state is in the URL."""
    if "query" in request.GET:
        return asked_by_text(request)
    now = now_ms()
    me = request.user
    assert isinstance(me, User)
    try:
        selects, shows = split_parameters(dict(request.GET.lists()))
        shown = shown_for(me, shows)
        query = parse_event_query(selects, now_ms=now, system=False, indexed=indexed_paths())
        listing = read_listing(query, now_ms=now)
    except FilterError as error:
        return refused(request, error)
    here = reverse("explore:events")
    page = State(here, query, shown)
    kept_searches = _searches(searches_for(me), page)
    context = {
        "query": query,
        "shown": shown,
        "listing": listing,
        "rows": show_rows(listing.rows, shown.columns),
        "names": read_names(),
        "outcomes": OUTCOMES,
        "ranges": _ranges(page),
        "chips": _chips(page),
        "since": _moment(dict(query.raw).get("since", "")),
        "until": _moment(dict(query.raw).get("until", "")),
        "column_choices": _column_choices(shown),
        "indexed": indexed_paths(),
        "searches": kept_searches,
        "pinned_searches": any(one["search"].pinned for one in kept_searches),
        "state": shown.state(query),
        "state_fields": [*query.raw, *shown.raw],
        "kept": [*((name, value) for name, value in query.raw if name not in FORM), *shown.raw],
        "clear_url": f"{here}?{urlencode(shown.raw)}",
        "usual_url": page.url(columns=",".join(DEFAULT)),
        "system_url": page.url(system="hide" if query.system else "show"),
        "density_url": page.url(density="normal" if shown.compact else "compact"),
        "pinned_url": _pinned_url(page, now),
        "first_url": page.url() if query.cursor else "",
        "next_url": page.url(cursor=listing.next) if listing.next else "",
        "downloads": [(kind, page.file_url(kind)) for kind in ("csv", "ndjson")],
        "usual_rows": USUAL_ROWS,
        "most_rows": MOST_ROWS,
        "page_keys": KEYS,
        "copies": COPIES,
    }
    return render(request, "explore/events.html", context)


class State:
    """The page's address, and what it would be with one part changed."""

    def __init__(self, here: str, query: EventQuery, shown: Presentation) -> None:
        self.here = here
        self.query = query
        self.shown = shown

    def url(self, **changes: str) -> str:
        return f"{self.here}?{self.shown.state(self.query, **changes)}"

    def file_url(self, kind: str) -> str:
        return f"{reverse(f'explore:{kind}')}?{self.shown.state(self.query)}"


def show_rows(rows: list[Row], columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """Rows with what stands in their columns, and where they lead."""
    return [_shown_row(row, cells_of(row, columns)) for row in rows]


def _shown_row(row: Row, cells: list[Cell]) -> dict[str, Any]:
    event = row.event
    return {
        "event": event,
        "outcome": row.outcome,
        "cells": cells,
        "url": reverse("explore:event", args=[event.event_id]),
        "story_url": reverse("explore:correlation", args=[correlation_of(event)]),
        "preview_url": reverse("explore:preview", args=[event.event_id]),
        "copies_url": reverse("explore:copies", args=[event.event_id]),
    }


def _ranges(page: State) -> list[dict[str, object]]:
    asked = {name for name, _ in page.query.raw}
    chosen = page.query.preset or ("" if asked & {"since", "until"} else "all")
    return [
        {
            "label": preset,
            "url": page.url(range=preset, since="", until=""),
            "current": preset == chosen,
        }
        for preset in (*PRESETS, "all")
    ]


def _chips(page: State) -> list[dict[str, str]]:
    shown = [(name, value) for name, value in page.query.raw if name not in HIDDEN]
    return [
        {
            "name": name,
            "value": _moment(value) if name in TIMES else value,
            "url": page.url(**{name: ""}),
        }
        for name, value in shown
    ]


def _pinned_url(page: State, now: int) -> str:
    """The same list with its age turned into times, which a link keeps; "" when nothing is relative."""
    query = page.query
    asked = dict(query.raw)
    relative = query.preset in PRESETS or any(asked.get(name) in PRESETS for name in TIMES)
    if not relative or query.since_ms is None:
        return ""
    until = now if query.until_ms is None else query.until_ms
    return page.url(range="", since=format_ms(query.since_ms), until=format_ms(until))


def _column_choices(shown: Presentation) -> list[dict[str, object]]:
    """The chosen columns in their order, then the others."""
    chosen = {column.name for column in shown.columns}
    others = [column for name, column in COLUMNS.items() if name not in chosen]
    return [
        {"column": column, "chosen": column.name in chosen} for column in (*shown.columns, *others)
    ]


def _searches(found: list[SavedSearch], page: State) -> list[dict[str, Any]]:
    state = page.shown.state(page.query)
    return [
        {
            "search": search,
            "url": f"{page.here}?{search.state}",
            "current": search.state == state,
        }
        for search in found
    ]


def _moment(text: str) -> str:
    """A time as it was asked for; milliseconds, as the charts ask, are written out."""
    return format_ms(int(text)) if text.isascii() and text.isdigit() else text
