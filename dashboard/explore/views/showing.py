"""Rows of events as templates want them, and how far a reading is."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.urls import reverse

from dashboard.explore.columns import Column, cells_of
from dashboard.explore.listing import Listing
from dashboard.explore.rows import Row, correlation_of

__all__ = ["Scan", "scan_of", "show_rows"]


class Scan(NamedTuple):
    """How far a list was read that is judged event by event; ``cursor`` goes on with it.

    ``scanned`` of ``total`` (None: not known) events down to ``until_ms``; ``missing`` rows would fill the page.
    """

    scanned: int
    total: int | None
    until_ms: int | None
    complete: bool
    missing: int
    cursor: str


def scan_of(listing: Listing, *, limit: int) -> Scan | None:
    """None for a list that was not read so."""
    if listing.scanned is None:
        return None
    return Scan(
        scanned=listing.scanned,
        total=listing.total,
        until_ms=listing.until_ms,
        complete=bool(listing.complete),
        missing=max(0, limit - len(listing.rows)),
        cursor=listing.next or "",
    )


def show_rows(rows: list[Row], columns: tuple[Column, ...]) -> list[dict[str, Any]]:
    """Rows with what stands in their columns, and where they lead."""
    return [_shown(row, columns) for row in rows]


def _shown(row: Row, columns: tuple[Column, ...]) -> dict[str, Any]:
    event = row.event
    return {
        "event": event,
        "outcome": row.outcome,
        "cells": cells_of(row, columns),
        "url": reverse("explore:event", args=[event.event_id]),
        "story_url": reverse("explore:correlation", args=[correlation_of(event)]),
        "preview_url": reverse("explore:preview", args=[event.event_id]),
        "copies_url": reverse("explore:copies", args=[event.event_id]),
    }
