"""How things stood at a moment of the past: breakers, health, and what else was given up then."""

from __future__ import annotations

from collections import Counter
from typing import NamedTuple

from django.db.models import F, OuterRef, Subquery

from ingest.models import Breaker, BreakerTransition, DeadLetter, HealthComponent, HealthResult

__all__ = ["Beside", "Beyond", "StateThen", "breakers_at", "health_at", "letters_beside"]

_ROWS = 500
MOST_BESIDE = 5_000


class StateThen(NamedTuple):
    """``since_ms`` is when it had come to be so (a breaker), or when it was looked at (health)."""

    name: str
    service: str
    instance: str
    state: str
    since_ms: int


class Beside(NamedTuple):
    """Letters of another failure that were received about then; ``newest`` is the id of one of them."""

    fingerprint: str
    error_type: str
    consumer: str
    letters: int
    newest: int


class Beyond(NamedTuple):
    """``whole`` is False when there were more than were looked at."""

    groups: list[Beside]
    alike: int
    whole: bool


def breakers_at(at_ms: int) -> list[StateThen]:
    """The state of every breaker instance that had told of one by then, those not closed first."""
    before = BreakerTransition.objects.filter(breaker=OuterRef("pk"), at_ms__lte=at_ms)
    latest = before.order_by("-at_ms", "-id")
    rows = (
        Breaker.objects.annotate(
            then=Subquery(latest.values("to_state")[:1]),
            then_ms=Subquery(latest.values("at_ms")[:1]),
        )
        .exclude(then=None)
        .values_list("name", "service", "instance", "then", "then_ms")[:_ROWS]
    )
    found = [StateThen(*row) for row in rows]
    return sorted(found, key=lambda one: (one.state == "closed", -one.since_ms, one.name))


def health_at(at_ms: int, *, within_ms: int) -> list[StateThen]:
    """The last word of every component instance, not older than ``within_ms`` then; the unwell first."""
    before = HealthResult.objects.filter(
        component=OuterRef("pk"), at_ms__lte=at_ms, at_ms__gt=at_ms - within_ms
    )
    latest = before.order_by("-at_ms", "-id")
    rows = (
        HealthComponent.objects.annotate(
            then=Subquery(latest.values("status")[:1]), then_ms=Subquery(latest.values("at_ms")[:1])
        )
        .exclude(then=None)
        .values_list("component", "service", "instance", "then", "then_ms")[:_ROWS]
    )
    found = [StateThen(*row) for row in rows]
    return sorted(found, key=lambda one: (one.state == "healthy", one.name, one.instance))


def letters_beside(letter: DeadLetter, *, within_ms: int) -> Beyond:
    """What else was given up within ``within_ms`` before and after, the most first."""
    near = DeadLetter.objects.filter(
        received_ms__gte=letter.received_ms - within_ms,
        received_ms__lte=letter.received_ms + within_ms,
    ).exclude(pk=letter.pk)
    rows = list(
        near.order_by(F("received_ms").asc()).values_list(
            "fingerprint", "error_type", "consumer", "pk"
        )[: MOST_BESIDE + 1]
    )
    seen = rows[:MOST_BESIDE]
    counts = Counter(row[:3] for row in seen if row[0] != letter.fingerprint)
    newest = {row[:3]: row[3] for row in seen}
    groups = [Beside(*names, count, newest[names]) for names, count in counts.most_common()]
    alike = sum(row[0] == letter.fingerprint for row in seen)
    return Beyond(groups, alike, len(rows) <= MOST_BESIDE)
