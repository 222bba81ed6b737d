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
    "limit": "The database took longer than one reading may; nothing was found yet",
    "text": "A text in the payload cannot be looked up, so events are read one by one",
    "handling": "Nothing is noted of an event that nobody handled, so events are read one by one",
}


def why_slow(query: EventQuery, *, now_ms: int, limit: bool = False) -> Slow:
    """What to tell of a list that did not fit its budget, or (``limit``) the database's."""
    reason = "limit" if limit else "text" if query.texts else "handling"
    suggestions = []
    if query.since_ms is None or now_ms - query.since_ms > HOUR_MS:
        parameters = {"since": "1h", "range": ""}
        suggestions.append(Suggestion("only the last hour", parameters))
    if len(query.texts) == 1 and not query.key and len(query.text.split()) == 1:
        parameters = {"key": query.text, "q": ""}
        suggestions.append(Suggestion("as an indexed value, which is looked up", parameters))
    return Slow(reason, _REASONS[reason], suggestions)
