"""What a URL of the dead-letter list asks for. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from django.utils.http import urlencode

from ingest.queries.state import LetterFilter

__all__ = ["RANGES", "STATUSES", "Ask", "Range", "parse_ask"]

LONGEST = 300
STATUSES = ("open", "resolved", "superseded", "discarded", "archived")
NAMED = ("type", "consumer", "error", "topic", "fingerprint")


@dataclass(frozen=True)
class Range:
    key: str
    label: str
    ms: int


RANGES = (
    Range("1h", "last hour", 3_600_000),
    Range("24h", "last 24 hours", 86_400_000),
    Range("7d", "last 7 days", 7 * 86_400_000),
)
RANGE_MS = {choice.key: choice.ms for choice in RANGES}


@dataclass(frozen=True)
class Ask:
    """``values`` are the filters as they stand in the URL, without page and view."""

    where: LetterFilter
    values: dict[str, str] = field(default_factory=dict)
    by_failure: bool = False
    cursor: str | None = None

    @property
    def query(self) -> str:
        """The filters as a query string, page and view left out."""
        return urlencode(self.values)

    @property
    def filtered(self) -> bool:
        return any(name != "status" for name in self.values)


def parse_ask(given: Mapping[str, str], *, now_ms: int) -> Ask:
    """Unknown values are as if not given; without ``status`` the open ones are meant."""
    values = {name: text for name in NAMED if (text := _text(given.get(name, "")))}
    status = given.get("status", "")
    if status in (*STATUSES, "all"):
        values["status"] = status
    span = given.get("range", "")
    if span in RANGE_MS:
        values["range"] = span
    where = LetterFilter(
        statuses=() if status == "all" else (values.get("status", "open"),),
        types=_one(values, "type"),
        consumers=_one(values, "consumer"),
        error_types=_one(values, "error"),
        topics=_one(values, "topic"),
        fingerprint=values.get("fingerprint", ""),
        since_ms=now_ms - RANGE_MS[span] if span in RANGE_MS else None,
    )
    return Ask(where, values, given.get("by") == "failure", _text(given.get("cursor", "")) or None)


def _one(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return (values[name],) if name in values else ()


def _text(value: str) -> str:
    return value.replace("\x00", "").strip()[:LONGEST]
