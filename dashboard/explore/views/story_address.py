"""What the address of a story's page says: which view of it, what is folded, filtered, selected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import cast

from django.http import QueryDict

from dashboard.explore.errors import FilterError
from dashboard.explore.outline import Line, Show, View

__all__ = ["TABS", "Address", "parse_address"]

TABS = ("timeline", "sequence", "tree")
SHOWS = ("", "all", "roots")
MOST_NAMES = 200
LONGEST_NAME = 512
FIRST = re.compile(r"\d{1,8}", re.ASCII)
ZOOM = re.compile(r"\d{1,12}(\.\d{1,3})?-\d{1,12}(\.\d{1,3})?", re.ASCII)
LISTS = ("type", "service", "opened", "closed", "unfolded")
SINGLE = ("view", "event", "show", "failures", "first", "zoom", "with")


@dataclass(frozen=True, slots=True)
class Address:
    """``first`` is the line (or step of the sequence) to begin with; -1 leaves it to the page."""

    tab: str
    view: View
    first: int
    zoom: str
    other: str
    query: QueryDict

    def changed(self, **changes: str) -> str:
        """The address with some values set, or taken out where they are empty."""
        query = self.query.copy()
        query.pop("part", None)
        for name, value in changes.items():
            query.pop(name, None)
            if value:
                query[name] = value
        return f"?{query.urlencode()}"

    def pages(self, first: int, total: int, size: int) -> dict[str, object]:
        """Where a page from ``first`` on ends, and the addresses around it ("" where there is none)."""
        following = first + size
        return {
            "page_end": min(following, total),
            "next": following if following < total else 0,
            "later_url": self.changed(first=str(following)) if following < total else "",
            "previous_url": self.changed(first=str(max(0, first - size))) if first else "",
        }

    def toggled(self, line: Line, *, fold: bool) -> str:
        """The address with ``line`` opened or closed."""
        query = self.query.copy()
        closing = line.state == "open"
        if fold:
            _set(query, "unfolded", line.event_id, present=not closing)
        else:
            _set(query, "closed", line.event_id, present=closing)
            rooted = self.view.show == "roots"
            _set(query, "opened", line.event_id, present=rooted and not closing)
        query.pop("first", None)
        return f"?{query.urlencode()}"


def parse_address(asked: QueryDict) -> Address:
    """Raises `FilterError` that names the place."""
    query = asked.copy()
    for name in [*query]:
        if name not in (*LISTS, *SINGLE, "part"):
            raise FilterError(name, "is nothing that this page knows")
    lists = {name: _names(query, name) for name in LISTS}
    return Address(
        tab=_one_of(query, "view", TABS) or TABS[0],
        view=View(
            wanted=_text(query, "event"),
            show=cast("Show", _one_of(query, "show", SHOWS)),
            opened=lists["opened"],
            closed=lists["closed"],
            unfolded=lists["unfolded"],
            types=lists["type"],
            services=lists["service"],
            failures=_one_of(query, "failures", ("", "1")) == "1",
        ),
        first=int(_fitting(query, "first", FIRST, "must be a number of up to 8 digits") or -1),
        zoom=_fitting(query, "zoom", ZOOM, "must be two numbers of ms, as 120-480"),
        other=_text(query, "with"),
        query=query,
    )


def _set(query: QueryDict, name: str, value: str, *, present: bool) -> None:
    values = [one for one in query.getlist(name) if one != value]
    query.setlist(name, [*values, value] if present else values)


def _names(query: QueryDict, name: str) -> frozenset[str]:
    values = query.getlist(name)
    if len(values) > MOST_NAMES:
        raise FilterError(name, f"is given more than {MOST_NAMES} times")
    if any(len(value) > LONGEST_NAME or "\x00" in value for value in values):
        raise FilterError(name, f"is longer than {LONGEST_NAME} characters, or not text")
    return frozenset(values) - {""}


def _text(query: QueryDict, name: str) -> str:
    value = query.get(name, "").strip()
    if len(value) > LONGEST_NAME or "\x00" in value:
        raise FilterError(name, f"is longer than {LONGEST_NAME} characters, or not text")
    return value


def _one_of(query: QueryDict, name: str, allowed: tuple[str, ...]) -> str:
    value = query.get(name, "")
    if value and value not in allowed:
        raise FilterError(name, f"must be one of {', '.join(filter(None, allowed))}")
    return value


def _fitting(query: QueryDict, name: str, pattern: re.Pattern[str], message: str) -> str:
    value = query.get(name, "")
    if value and not pattern.fullmatch(value):
        raise FilterError(name, message)
    return value
