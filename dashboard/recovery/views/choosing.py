"""Which letters a page is asked about."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest
from django.urls import reverse

from dashboard.accounts.models import Role
from dashboard.accounts.rights import allows
from dashboard.recovery.asking import ASKED, CHOICES, MOST_FINGERPRINTS, Ask, parse_ask
from dashboard.recovery.deeds import taken_by
from dashboard.recovery.picking import MOST_PICKED, read_picks
from dashboard.recovery.selection import Selection, SelectionError
from dashboard.recovery.wording import WORDS

__all__ = ["picking_context", "read_selection"]

KEYS = (
    ("j k", "Down and up the rows"),
    ("x", "Choose the row; with Shift, all up to it"),
    ("Esc", "Choose none"),
)


def read_selection(request: HttpRequest, kind: str) -> Selection:
    """``?letter=`` (any number), or the filters of the list, with ``?group=`` (any number) of its failures.

    Raises `SelectionError`, for what is no filter too: passed over, it would select more than was meant.
    """
    letters = request.GET.getlist("letter")
    if letters:
        return Selection.of_ids([_number(text) for text in letters])
    given = request.GET.dict()
    _check(given)
    if groups := request.GET.getlist("group"):
        given["fingerprint"] = _fingerprints(groups)
    where = parse_ask(given, now_ms=time.time_ns() // 1_000_000).where
    return Selection.of_filter(where, taken=taken_by(kind))


def picking_context(request: HttpRequest, ask: Ask, totals: Mapping[str, int]) -> dict[str, Any]:
    """What the list needs so that rows can be chosen in it; nothing for those who may not act.

    ``totals`` are letters by status; of how many fit a text or a time nothing is known.
    """
    picks = read_picks(request.GET, ask) if allows(request.user, Role.OPERATOR) else None
    if picks is None:
        return {}
    acts = [{"url": reverse(f"recovery:{act}"), **WORDS[act]._asdict()} for act in picks.acts]
    where = ask.where
    return {
        "picks": picks,
        "acts": acts,
        "most_picked": MOST_PICKED,
        "fitting": sum(totals[status] for status in where.statuses or totals),
        "exact": not where.text and where.since_ms is None,
        "page_keys": KEYS,
    }


def _check(given: Mapping[str, str]) -> None:
    for name, text in given.items():
        if name not in ASKED and name != "group":
            raise SelectionError(
                name, "no filter of dead letters; several are named by ?letter=1&letter=2"
            )
        if text and text not in CHOICES.get(name, (text,)):
            raise SelectionError(name, f"{text!r} is none of {', '.join(CHOICES[name])}")


def _fingerprints(groups: list[str]) -> str:
    """Of all ``groups``: none is left out silently."""
    joined = ",".join(groups)
    if joined.count(",") >= MOST_FINGERPRINTS:
        raise SelectionError("group", f"more than {MOST_FINGERPRINTS} failures; choose fewer")
    return joined


def _number(text: str) -> Any:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 19 else text
