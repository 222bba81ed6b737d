"""When instances of services were away: from a stop that was told of until the next start."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.models import ServiceEvent

__all__ = ["Absence", "absences_of", "read_absences"]

Absence = tuple[int, int]
"""[from, until) in ms."""
_ROWS = 5_000


def absences_of(signs: Iterable[tuple[str, int]]) -> list[Absence]:
    """``signs`` of one instance are (``started`` or ``stopped``, ms), oldest first. Pure.

    One that has not started again is left out: it may be away still, which its latest word tells better.
    """
    found: list[Absence] = []
    stopped: int | None = None
    for kind, at_ms in signs:
        if kind == "stopped":
            stopped = at_ms if stopped is None else stopped
        elif stopped is not None:
            found.append((stopped, at_ms))
            stopped = None
    return found


def read_absences(
    services: Iterable[str], *, since_ms: int
) -> dict[tuple[str, str], list[Absence]]:
    """By (service, instance), oldest first, of those that stopped since then; of the newest signs."""
    rows = ServiceEvent.objects.filter(
        service__in=set(services), kind__in=("started", "stopped"), at_ms__gte=since_ms
    )
    signs: dict[tuple[str, str], list[tuple[str, int]]] = {}
    told = rows.order_by("-at_ms", "-id").values_list("service", "instance", "kind", "at_ms")
    for service, instance, kind, at_ms in reversed(told[:_ROWS]):
        signs.setdefault((service, instance), []).append((kind, at_ms))
    return {place: absences_of(those) for place, those in signs.items()}
