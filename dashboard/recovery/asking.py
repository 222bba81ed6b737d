"""What a URL of the dead-letter list asks for. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from django.utils.http import urlencode

from ingest.queries.letter_cells import GROUPINGS
from ingest.queries.letters import LetterFilter

__all__ = [
    "ASKED",
    "BY",
    "CHOICES",
    "MOST_FINGERPRINTS",
    "NO_FAILURE",
    "RANGES",
    "STATUSES",
    "Ask",
    "Range",
    "parse_ask",
    "read_fingerprints",
    "write_fingerprints",
]

LONGEST = 300
MOST_FINGERPRINTS = 500
MOST_PAGES = 400
NO_FAILURE = "none"
"""Stands in URLs for the letters whose error is not known."""
BY = (*GROUPINGS, "day")
STATUSES = ("open", "resolved", "superseded", "discarded", "archived")
NAMED = ("type", "consumer", "error", "topic", "q")
ASKED = frozenset((*NAMED, "status", "range", "fingerprint", "new", "by", "cursor", "page"))
"""All that the address of the list may hold."""


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
CHOICES = {"status": (*STATUSES, "all"), "range": tuple(RANGE_MS)}
"""Of filters that take only some values."""


@dataclass(frozen=True)
class Ask:
    """``values`` are the filters as they stand in the URL, without page and view.

    ``by`` is how letters are grouped, "" for one by one; ``new_since_ms``: only failures first seen then.
    """

    where: LetterFilter
    values: dict[str, str] = field(default_factory=dict)
    by: str = ""
    cursor: str | None = None
    page: int = 0
    new_since_ms: int = 0

    @property
    def query(self) -> str:
        """The filters as a query string, page and view left out."""
        return urlencode(self.values)

    @property
    def filtered(self) -> bool:
        return any(name != "status" for name in self.values)

    @property
    def first_page(self) -> bool:
        return self.cursor is None and self.page == 0


def parse_ask(given: Mapping[str, str], *, now_ms: int) -> Ask:
    """Unknown values are as if not given; without ``status`` the open ones are meant."""
    values = {name: text for name in NAMED if (text := _text(given.get(name, "")))}
    status = given.get("status", "")
    if status in (*STATUSES, "all"):
        values["status"] = status
    span = given.get("range", "")
    if span in RANGE_MS:
        values["range"] = span
    if chosen := read_fingerprints(given.get("fingerprint", "")):
        values["fingerprint"] = write_fingerprints(chosen)
    if new_since := _whole(given.get("new", ""), (1 << 53)):
        values["new"] = str(new_since)
    where = LetterFilter(
        statuses=() if status == "all" else (values.get("status", "open"),),
        types=_one(values, "type"),
        consumers=_one(values, "consumer"),
        error_types=_one(values, "error"),
        topics=_one(values, "topic"),
        fingerprints=chosen,
        since_ms=now_ms - RANGE_MS[span] if span in RANGE_MS else None,
        text=values.get("q", ""),
    )
    by = given.get("by", "")
    return Ask(
        where,
        values,
        by if by in BY else "",
        _text(given.get("cursor", "")) or None,
        _whole(given.get("page", ""), MOST_PAGES),
        new_since,
    )


def read_fingerprints(text: str) -> tuple[str, ...]:
    """Fingerprints divided by commas; a group that others were merged into has several."""
    names = [part.strip()[:32] for part in text.replace("\x00", "").split(",")]
    known = [name for name in names if name][:MOST_FINGERPRINTS]
    return tuple("" if name == NO_FAILURE else name for name in known)


def write_fingerprints(fingerprints: Iterable[str]) -> str:
    return ",".join(fingerprint or NO_FAILURE for fingerprint in fingerprints)


def _whole(text: str, most: int) -> int:
    known = text.isascii() and text.isdigit() and len(text) < 17
    return min(int(text), most) if known else 0


def _one(values: Mapping[str, str], name: str) -> tuple[str, ...]:
    return (values[name],) if name in values else ()


def _text(value: str) -> str:
    return value.replace("\x00", "").strip()[:LONGEST]
