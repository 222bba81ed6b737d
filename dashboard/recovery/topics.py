"""The topics that Eventscope watches."""

from __future__ import annotations

from ingest.models import Stream

__all__ = ["dead_letter_topics", "topic_refusal", "watched_topics"]

DEAD_END = "That is a dead-letter topic: nobody would handle them there."
NOT_WATCHED = "It is not among the watched topics."


def watched_topics() -> list[str]:
    """Those that events come from, not the dead-letter topics."""
    return _names(dead_letters=False)


def dead_letter_topics() -> list[str]:
    return _names(dead_letters=True)


def topic_refusal(topic: str, *, unwatched: bool) -> str:
    """Why events are not redirected to ``topic``, "" if they may be; ``unwatched``: it need not be watched."""
    if topic in dead_letter_topics():
        return DEAD_END
    if not unwatched and topic not in watched_topics():
        return NOT_WATCHED
    return ""


def _names(*, dead_letters: bool) -> list[str]:
    rows = Stream.objects.filter(dead_letters=dead_letters).order_by("topic")
    return list(rows.values_list("topic", flat=True).distinct())
