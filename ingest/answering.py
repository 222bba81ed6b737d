"""Dead letters whose event had succeeded before the letter was stored.

Streams are caught up with apart, so a redriven event's success may be stored first, when no letter is
there to be resolved by it (`ingest.folds.dead_letters` sees receipts as they come). Every letter is
therefore looked at once more, by looking its receipts up, a bounded number at a time.
"""

from __future__ import annotations

from django.db.models import Max

from ingest.folds.dead_letters import resolves
from ingest.models import DeadLetter
from ingest.queries.receipts import receipts_for

__all__ = ["AnsweredLetters", "resolve_answered"]


class AnsweredLetters:
    """Goes through the letters in order of storing; ids up to ``_stood`` stood at the round before,
    so that a batch that was being stored beside them is done by now."""

    def __init__(self, *, at_once: int = 500) -> None:
        self._at_once = at_once
        self._looked = 0
        self._stood = 0

    def step(self) -> int:
        """Resolve what was answered already among the next letters; how many."""
        letters = list(
            DeadLetter.objects.filter(
                status=DeadLetter.Status.OPEN, pk__gt=self._looked, pk__lte=self._stood
            )
            .defer("event", "headers", "error_stack")
            .order_by("pk")[: self._at_once]
        )
        resolved = resolve_answered(letters)
        if len(letters) == self._at_once:
            self._looked = letters[-1].pk
        else:
            self._looked = self._stood
            self._stood = DeadLetter.objects.aggregate(newest=Max("pk"))["newest"] or 0
        return resolved


def resolve_answered(letters: list[DeadLetter]) -> int:
    """Resolve those open ``letters`` whose event has succeeded since; how many."""
    if not letters:
        return 0
    since_ms = min(letter.received_ms for letter in letters)
    told = receipts_for({letter.event_id for letter in letters}, since_ms=since_ms)
    answered = [
        letter.pk
        for letter in letters
        if any(
            receipt.outcome == "success" and resolves(receipt, letter)
            for receipt in told.get(letter.event_id, ())
        )
    ]
    rows = DeadLetter.objects.filter(pk__in=answered, status=DeadLetter.Status.OPEN)
    return rows.update(status=DeadLetter.Status.RESOLVED) if answered else 0
