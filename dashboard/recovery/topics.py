"""The topics that Eventscope watches."""

from __future__ import annotations

from ingest.models import Stream

__all__ = ["dead_letter_topics", "watched_topics"]


def watched_topics() -> list[str]:
    """Those that events come from, not the dead-letter topics."""
    return _names(dead_letters=False)


def dead_letter_topics() -> list[str]:
    return _names(dead_letters=True)


def _names(*, dead_letters: bool) -> list[str]:
    rows = Stream.objects.filter(dead_letters=dead_letters).order_by("topic")
    return list(rows.values_list("topic", flat=True).distinct())
