"""Which letters a page is asked about."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest

from dashboard.recovery.asking import parse_ask
from dashboard.recovery.deeds import taken_by
from dashboard.recovery.selection import Selection

__all__ = ["read_selection"]


def read_selection(request: HttpRequest, kind: str) -> Selection:
    """``?letter=`` (any number) or the filters of the list. Raises `SelectionError`."""
    letters = request.GET.getlist("letter")
    if letters:
        return Selection.of_ids([_number(text) for text in letters])
    where = parse_ask(request.GET, now_ms=time.time_ns() // 1_000_000).where
    return Selection.of_filter(where, taken=taken_by(kind))


def _number(text: str) -> Any:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text
