"""How old open dead letters are, and which of them retention will delete soon."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import msgspec
from django.db.models import Min

from ingest.queries.letters import LetterFilter, filter_dead_letters

__all__ = ["MOST_COUNTED", "Expiry", "expiring_letters", "oldest_open_ms"]

MOST_COUNTED = 10_000


class Expiry(NamedTuple):
    """``letters`` open ones are deleted within ``within_ms``; ``whole`` is False if there are more."""

    within_ms: int
    letters: int
    whole: bool = True


def oldest_open_ms(where: LetterFilter) -> int | None:
    """When the oldest open letter that fits was received."""
    rows = filter_dead_letters(_open(where))
    oldest = rows.aggregate(at=Min("received_ms"))["at"]
    return None if oldest is None else int(oldest)


def expiring_letters(
    where: LetterFilter, spans_ms: Sequence[int], *, kept_s: float, now_ms: int
) -> list[Expiry]:
    """What is deleted, still open, within each of ``spans_ms`` (ascending): letters are kept ``kept_s``."""
    border = now_ms - int(kept_s * 1000)
    found: list[Expiry] = []
    for span in spans_ms:
        rows = filter_dead_letters(_open(where)).filter(received_ms__lt=border + span)
        count = rows.values("pk")[: MOST_COUNTED + 1].count()
        found.append(Expiry(span, min(count, MOST_COUNTED), count <= MOST_COUNTED))
        if count > MOST_COUNTED:
            break
    return found


def _open(where: LetterFilter) -> LetterFilter:
    return msgspec.structs.replace(where, statuses=("open",), text="", since_ms=None)
