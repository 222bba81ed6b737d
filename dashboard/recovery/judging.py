"""Whether a letter can be put back, and what speaks against it. Pure."""

from __future__ import annotations

from typing import NamedTuple, Protocol

from ingest.models import DeadLetter
from ingest.records import Flag

__all__ = ["REASONS", "Bounds", "Judged", "refusal"]

REASONS = {
    "open": "it is open",
    "resolved": "its event has succeeded since",
    "superseded": "a newer letter stands for its event",
    "discarded": "it was discarded",
    "archived": "it is archived",
    "gone": "it is no longer stored",
    "busy": "another job has it in hand",
    "limit": "its event was put back too often already",
    "no_topic": "it does not tell where it came from",
    "vanished": "its topic is not on the broker any more",
    "incomplete": "its event was stored cut short",
    "redacted": "parts of its event were redacted before they were stored",
    "locked": "its edited event is sealed with a key that is not configured any more",
    "no_broker": "its broker is not configured any more",
    "refused": "the broker refused it",
    "earlier_failed": "an earlier event of the same entity failed again",
}
"""Why a letter is left out, in words."""


class Judged(Protocol):
    """What is looked at of a letter."""

    @property
    def status(self) -> str: ...
    @property
    def topic(self) -> str: ...
    @property
    def redrives(self) -> int: ...
    @property
    def flags(self) -> int: ...


class Bounds(NamedTuple):
    """``brokers``: name → type, of those that are configured."""

    max_redrives: int
    brokers: dict[str, str]


def refusal(letter: Judged, *, broker: str, busy: bool, bounds: Bounds) -> str:
    """The first of `REASONS` for which ``letter`` is not put back, "" if there is none."""
    if letter.status != DeadLetter.Status.OPEN:
        return str(letter.status)
    if busy:
        return "busy"
    if letter.redrives >= bounds.max_redrives:
        return "limit"
    if not letter.topic:
        return "no_topic"
    if letter.flags & Flag.REDACTED:
        return "redacted"
    if letter.flags & Flag.TRUNCATED:
        return "incomplete"
    if broker not in bounds.brokers:
        return "no_broker"
    return ""
