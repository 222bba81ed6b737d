"""Deliveries as read, for the page of receivers."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import NamedTuple

from django.db.models import Count, Max, Min

from dashboard.notifying.models import Notification, ReceiverTally

__all__ = [
    "Deliveries",
    "Standing",
    "Tally",
    "list_deliveries",
    "read_before",
    "standings",
    "tallies",
    "untold_receivers",
]

State = Notification.State
MOST_FAILING = 500
TRIES_OF_A_HICCUP = 3


@dataclass(frozen=True)
class Standing:
    """How a receiver stands: what waits, why, what was given up of late, and when it last took something."""

    waiting: int = 0
    given_up: int = 0
    sent: int = 0
    sent_ms: int | None = None
    error: str = ""


class Tally(NamedTuple):
    """``sent``, ``failed`` (tries) and ``given_up`` only grow; ``oldest_ms`` is when the first of those that
    wait was written down, None if none does."""

    sent: int = 0
    failed: int = 0
    given_up: int = 0
    waiting: int = 0
    oldest_ms: int | None = None


class Deliveries(NamedTuple):
    """``next`` is the number to go on before, None at the end."""

    rows: list[Notification]
    next: int | None


def standings(since_ms: int) -> dict[str, Standing]:
    """Receiver → how it stands, of what was written down since. Two queries for any number."""
    rows = Notification.objects.filter(created_ms__gte=since_ms).order_by()
    found: dict[str, Standing] = {}
    counts = rows.values_list("receiver", "state").annotate(n=Count("pk"), last=Max("finished_ms"))
    for receiver, state, n, last in counts:
        before = found.get(receiver, Standing())
        changes = {"sent": n, "sent_ms": last} if state == State.SENT else {state: n}
        found[receiver] = replace(before, **changes)
    failing = Notification.objects.filter(state=State.WAITING).exclude(error="").order_by("-pk")
    for receiver, error in failing.values_list("receiver", "error")[:MOST_FAILING]:
        if receiver in found and not found[receiver].error:
            found[receiver] = replace(found[receiver], error=error)
    return found


def tallies() -> dict[str, Tally]:
    """Receiver → what became of its messages, ever, and what waits. Two queries for any number."""
    counted = ReceiverTally.objects.values_list("receiver", "sent", "failed", "given_up")
    found = {receiver: Tally(*counts) for receiver, *counts in counted}
    waiting = Notification.objects.filter(state=State.WAITING).order_by().values_list("receiver")
    for receiver, count, oldest in waiting.annotate(n=Count("pk"), oldest=Min("created_ms")):
        known = found.get(receiver, Tally())
        found[receiver] = known._replace(waiting=count, oldest_ms=oldest)
    return found


def untold_receivers() -> list[str]:
    """Who cannot be told just now: something for them was tried again and again."""
    failing = Notification.objects.filter(state=State.WAITING, tries__gte=TRIES_OF_A_HICCUP)
    return sorted(set(failing.exclude(error="").values_list("receiver", flat=True)[:MOST_FAILING]))


def list_deliveries(
    *, receiver: str = "", state: str = "", before: int | None = None, limit: int = 30
) -> Deliveries:
    """The newest first."""
    rows = Notification.objects.order_by("-pk")
    if receiver:
        rows = rows.filter(receiver=receiver)
    if state:
        rows = rows.filter(state=state)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: limit + 1])
    return Deliveries(found[:limit], found[limit - 1].pk if len(found) > limit else None)


def read_before(text: str) -> int | None:
    """The cursor, None for the beginning (or for what is no cursor)."""
    plain = text.isascii() and text.isdigit() and len(text) < 19
    return int(text) if plain else None
