"""Messages that are no events: why, how many, and how each begins."""

from __future__ import annotations

from typing import NamedTuple

from django.db.models import BinaryField, Count, Max, Min
from django.db.models.functions import Substr

from ingest.models import QuarantinedMessage
from ingest.queries.events import position_text
from ingest.store.streams import is_kafka

__all__ = [
    "Glance",
    "Reason",
    "Reasons",
    "position_of",
    "read_message",
    "read_quarantined",
    "read_reasons",
]

MOST_COUNTED = 10_000
BEGINNING = 200
_PLACE = " (byte "
"""What follows it in a reason is where in the message it is."""


class Reason(NamedTuple):
    """Why ``messages`` messages of ``topic`` could not be read, wherever in them; ``first_ms`` and ``last_ms`` are
    when the broker got them, ms since 1970 UTC.
    """

    topic: str
    text: str
    messages: int
    first_ms: int
    last_ms: int


class Reasons(NamedTuple):
    """The most frequent first; of the newest ``counted`` messages, which are all there are if ``whole``."""

    rows: list[Reason]
    counted: int
    whole: bool


class Glance(NamedTuple):
    """A message, and the first `BEGINNING` bytes of its body; the rest of it was not read."""

    message: QuarantinedMessage
    beginning: bytes


def read_reasons(most: int = MOST_COUNTED) -> Reasons:
    """What the newest ``most`` messages were set aside for, by topic."""
    newest = QuarantinedMessage.objects.order_by("-pk").values_list("pk", flat=True)
    older = newest[most : most + 1].first()
    rows = QuarantinedMessage.objects.filter(pk__gt=older or 0)
    found = rows.values_list("stream__topic", "reason").annotate(
        Count("pk"), Min("appended_ms"), Max("appended_ms")
    )
    joined: dict[tuple[str, str], Reason] = {}
    for topic, told, count, first, last in found:
        text = told.partition(_PLACE)[0]
        one = Reason(topic, text, count, first, last)
        other = joined.get((topic, text))
        joined[topic, text] = _together(one, other) if other else one
    ranked = sorted(joined.values(), key=lambda one: (-one.messages, -one.last_ms, one[:2]))
    return Reasons(ranked, sum(one.messages for one in ranked), older is None)


def read_quarantined(
    *, topic: str = "", reason: str = "", before: int | None = None, limit: int = 50
) -> list[Glance]:
    """At most ``limit`` messages, newest first, of primary keys under ``before``."""
    rows = QuarantinedMessage.objects.select_related("stream").defer("body", "headers")
    if topic:
        rows = rows.filter(stream__topic=topic)
    if reason:
        rows = rows.filter(reason__startswith=reason)
    if before is not None:
        rows = rows.filter(pk__lt=before)
    beginning = Substr("body", 1, BEGINNING, output_field=BinaryField())
    found = rows.annotate(beginning=beginning).order_by("-pk")[:limit]
    return [Glance(one, bytes(one.beginning or b"")) for one in found]


def read_message(key: int) -> QuarantinedMessage | None:
    """One of them, whole."""
    return QuarantinedMessage.objects.select_related("stream").filter(pk=key).first()


def position_of(message: QuarantinedMessage) -> str:
    """Where it is in its stream, as the broker writes it."""
    return position_text(message.major, message.minor, kafka=is_kafka(message.stream.broker))


def _together(one: Reason, other: Reason) -> Reason:
    return one._replace(
        messages=one.messages + other.messages,
        first_ms=min(one.first_ms, other.first_ms),
        last_ms=max(one.last_ms, other.last_ms),
    )
