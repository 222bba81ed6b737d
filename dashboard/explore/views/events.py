"""The list of events."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from dashboard.explore.catalog import read_names
from dashboard.explore.columns import COLUMNS, DEFAULT
from dashboard.explore.exporting import FORMATS, MOST_ROWS, USUAL_ROWS
from dashboard.explore.filters import PRESETS, FilterError
from dashboard.explore.listing import Listing, read_listing
from dashboard.explore.models import SavedSearch
from dashboard.explore.outcomes import OUTCOMES
from dashboard.explore.presentation import Presentation
from dashboard.explore.querytext import format_query_text
from dashboard.explore.searches import searches_for
from dashboard.explore.tail import read_tail
from dashboard.explore.views.querybar import asked_by_text
from dashboard.explore.views.shared import indexed_paths, refused
from dashboard.explore.views.showing import scan_of, show_rows
from dashboard.explore.views.state import Asked, read_asked
from eventscope.stamps import format_ms, now_ms

__all__ = ["events_page"]

TIMES = ("since", "until")
FORM = ("type", "source", "topic", "consumer", "outcome", "duration", "q", *TIMES)
PARTED = ("type", "source", "topic", "consumer", "outcome")
HIDDEN = ("limit", "order", "range", "system")
OFFERED = 4
KEYS = (
    ("j k", "Next row, row before"),
    ("Enter", "Open the event"),
    ("o", "Look at it beside the list"),
    ("x", "Select the row"),
    ("c", "Copy the event's id"),
    ("/", "Write a query"),
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
    try:
        asked = read_asked(request, now_ms=now)
        # Before the list is read: what is stored meanwhile comes in by the tail, and is known by its place.
        tail = read_tail(asked.query, now_ms=now).next if asked.shown.tail else ""
        listing = read_listing(asked.query, now_ms=now)
    except FilterError as error:
        return refused(request, error)
    context = {
        "tail": tail,
        "names": read_names(),
        **_list_context(asked, listing),
        **_filter_context(asked, now),
        **_menu_context(request, asked),
        **_part_urls(asked),
        "page_keys": KEYS,
        "copies": COPIES,
    }
    return render(request, "explore/events.html", context)


def _list_context(asked: Asked, listing: Listing) -> dict[str, Any]:
    query, shown, slow = asked.query, asked.shown, listing.slow
    return {
        "query": query,
        "shown": shown,
        "listing": listing,
        "rows": show_rows(listing.rows, shown.columns),
        "scan": scan_of(listing, limit=query.limit),
        "slow": slow,
        "suggestions": [
            {"text": one.text, "url": asked.url(**one.parameters)}
            for one in (slow.suggestions if slow else ())
        ],
        "first_url": asked.url() if query.cursor else "",
        "next_url": asked.url(cursor=listing.next) if listing.next else "",
        "density_url": asked.url(density="normal" if shown.compact else "compact"),
        "tail_url": asked.url(tail="" if shown.tail else "on"),
    }


def _filter_context(asked: Asked, now: int) -> dict[str, Any]:
    query, shown = asked.query, asked.shown
    given = dict(query.raw)
    texts = [(name, value) for name, value in query.raw if name == "q"][1:]
    others = [(name, value) for name, value in query.raw if name not in FORM]
    chips = _chips(asked)
    return {
        "bar_text": format_query_text(query.raw, indexed=indexed_paths()),
        "look": shown.raw,
        "chips": chips,
        "offered": chips[:OFFERED],
        "ranges": _ranges(asked),
        "outcomes": OUTCOMES,
        "outcome": ",".join(query.outcomes),
        "duration": given.get("duration", ""),
        "since": _moment(given.get("since", "")),
        "until": _moment(given.get("until", "")),
        "kept": [*others, *texts, *shown.raw],
        "clear_url": f"{asked.url().partition('?')[0]}?{urlencode(shown.raw)}",
        "any_time_url": asked.url(range="", since="", until=""),
        "system_url": asked.url(system="hide" if query.system else "show"),
        "pinned_url": _pinned_url(asked, now),
    }


def _menu_context(request: HttpRequest, asked: Asked) -> dict[str, Any]:
    searches = [
        {"search": one, "url": f"{asked.url().partition('?')[0]}?{one.state}", "current": current}
        for one, current in _searches(request, asked)
    ]
    return {
        "searches": searches,
        "pinned_searches": [one for one in searches if one["search"].pinned],
        "state": asked.state,
        "state_fields": [*asked.query.raw, *asked.shown.raw],
        "column_choices": _column_choices(asked.shown),
        "indexed": indexed_paths(),
        "usual_url": asked.url(columns=",".join(DEFAULT)),
        "downloads": [(kind, asked.address(kind, tail="")) for kind in FORMATS],
        "usual_rows": USUAL_ROWS,
        "most_rows": MOST_ROWS,
    }


def _part_urls(asked: Asked) -> dict[str, str]:
    return {
        "histogram_url": asked.address("histogram"),
        "narrow_url": asked.url(range="", since="", until="", tail=""),
        "facets_url": asked.address("facets"),
        "more_url": asked.address("more", limit=""),
        "tail_part_url": asked.address("tail", limit=""),
    }


def _searches(request: HttpRequest, asked: Asked) -> list[tuple[SavedSearch, bool]]:
    state = asked.shown.state(asked.query, tail="")
    found = searches_for(request.user)  # type: ignore[arg-type]
    return [(one, one.state == state) for one in found]


def _ranges(asked: Asked) -> list[dict[str, object]]:
    given = {name for name, _ in asked.query.raw}
    chosen = asked.query.preset or ("" if given & {*TIMES} else "all")
    return [
        {
            "label": preset,
            "url": asked.url(range=preset, since="", until=""),
            "current": preset == chosen,
        }
        for preset in (*PRESETS, "all")
    ]


def _chips(asked: Asked) -> list[dict[str, str]]:
    """Every value that is asked for, each with the list without it."""
    raw = asked.query.raw
    chips = []
    for place, (name, value) in enumerate(raw):
        parts = value.split(",") if name in PARTED else [value]
        for part in filter(None, map(str.strip, parts)) if name not in HIDDEN else ():
            rest = ",".join(one for one in parts if one.strip() != part)
            changed = [*raw[:place], *([(name, rest)] if rest else []), *raw[place + 1 :]]
            address = urlencode([*changed, *asked.shown.raw])
            chips.append(
                {
                    "name": name,
                    "value": _moment(part) if name in TIMES else part,
                    "url": f"{asked.url().partition('?')[0]}?{address}",
                }
            )
    return chips


def _pinned_url(asked: Asked, now: int) -> str:
    """The same list with its age turned into times, which a link keeps; "" when nothing is relative."""
    query, given = asked.query, dict(asked.query.raw)
    absolute = all(_is_moment(given[name]) for name in TIMES if name in given)
    if query.since_ms is None or (absolute and not query.preset):
        return ""
    until = now if query.until_ms is None else query.until_ms
    return asked.url(range="", since=format_ms(query.since_ms), until=format_ms(until))


def _column_choices(shown: Presentation) -> list[dict[str, object]]:
    """The chosen columns in their order, then the others."""
    chosen = {column.name for column in shown.columns}
    others = [column for name, column in COLUMNS.items() if name not in chosen]
    return [
        {"column": column, "chosen": column.name in chosen} for column in (*shown.columns, *others)
    ]


def _is_moment(text: str) -> bool:
    """Whether it is a time rather than an age such as ``1h``."""
    return text.isdigit() or "-" in text


def _moment(text: str) -> str:
    """A time as it was asked for; milliseconds, as the charts ask, are written out."""
    return format_ms(int(text)) if text.isascii() and text.isdigit() else text
