"""The events that a histogram or facets are made of when counts do not tell: the list, read on a while."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import NamedTuple

from dashboard.explore.filters import EventQuery
from dashboard.explore.listing import read_listing
from dashboard.explore.rows import Row

__all__ = ["Sample", "read_sample"]

SECONDS = 2.0
EVENTS = 10_000
PAGE = 500


class Sample(NamedTuple):
    """Not ``complete``: the list was read as far as ``until_ms`` only."""

    rows: list[Row]
    complete: bool
    until_ms: int | None


def read_sample(query: EventQuery) -> Sample:
    """The list from its start, within a budget."""
    deadline = time.monotonic() + SECONDS
    rows: list[Row] = []
    page = replace(query, limit=PAGE, cursor="")
    until_ms: int | None = None
    while True:
        listing = read_listing(page)
        rows += listing.rows
        if listing.next is None:
            return Sample(rows, True, until_ms)
        if listing.until_ms is not None:
            until_ms = listing.until_ms
        elif listing.rows:
            until_ms = listing.rows[-1].event.appended_ms
        if len(rows) >= EVENTS or time.monotonic() > deadline:
            return Sample(rows, False, until_ms)
        page = replace(query, limit=PAGE, cursor=listing.next)
