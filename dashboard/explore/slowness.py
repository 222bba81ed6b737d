"""Why a list had to be read event by event, and what would be quicker. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.explore.filters import EventQuery

__all__ = ["Slow", "Suggestion", "why_slow"]

HOUR_MS = 3_600_000


class Suggestion(NamedTuple):
    """``parameters`` to change in the URL (those that are "" to be taken away), and why in words."""

    text: str
    parameters: dict[str, str]


class Slow(NamedTuple):
    """``reason`` is a constant of the API, ``text`` the same for people."""

    reason: str
    text: str
    suggestions: list[Suggestion]


_REASONS = {
    "text": "A text in the payload cannot be looked up, so events are read one by one",
    "handling": "What consumers did not do, or all of them did, cannot be looked up, so events are read one by one",
}


def why_slow(query: EventQuery, *, now_ms: int) -> Slow:
    """What to tell of a list that did not fit its budget."""
    reason = "text" if query.texts else "handling"
    suggestions = []
    if query.since_ms is None or now_ms - query.since_ms > HOUR_MS:
        parameters = {"since": "1h", "range": ""}
        suggestions.append(Suggestion("only the last hour", parameters))
    if query.texts and len(query.texts[0].split()) == 1:
        parameters = {"key": query.texts[0], "q": ""}
        suggestions.append(Suggestion("as an indexed value, which is looked up", parameters))
    return Slow(reason, _REASONS[reason], suggestions)
