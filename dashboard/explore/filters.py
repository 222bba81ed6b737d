"""The events list's filters: what may be asked, read strictly. Pure.

A request that is not understood is refused with the place and the reason; nothing is guessed.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from urllib.parse import urlencode

from dashboard.explore.outcomes import OUTCOMES

__all__ = [
    "MAX_LIMIT",
    "PRESETS",
    "EventQuery",
    "FilterError",
    "parse_event_query",
    "parse_time",
]

PRESETS = {"5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800}
MAX_LIMIT = 1000
MAX_LENGTH = 512
MAX_VALUES = 50
EARLIEST_MS = 86_400_000
LATEST_MS = 7_258_118_400_000

_EPOCH = re.compile(r"\d{1,16}")
_NAMES = {"type": "types", "source": "sources", "topic": "topics"}
_IDS = {
    "id": "event_id",
    "correlationId": "correlation_id",
    "causationId": "causation_id",
    "traceId": "trace_id",
    "entity": "entity",
    "key": "key",
}


class FilterError(ValueError):
    """A part of the request that is not right: ``place`` is its name, the message says why."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """What a list of events selects. Times are ms since 1970 of append, half-open.

    ``system`` False leaves out receipts, health reports and the like, unless ``types`` names them.
    """

    types: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    since_ms: int | None = None
    until_ms: int | None = None
    preset: str = ""
    event_id: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    trace_id: str = ""
    entity: str = ""
    key: str = ""
    outcome: str = ""
    text: str = ""
    newest_first: bool = True
    system: bool = True
    series_until: int | None = None
    limit: int = 50
    cursor: str = ""
    raw: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def keys(self) -> tuple[str, ...]:
        """The values that an index can find, most telling first."""
        entity_id = self.entity.partition(":")[2]
        found = (
            self.event_id,
            self.causation_id,
            self.correlation_id,
            self.key,
            entity_id,
            self.trace_id,
        )
        return tuple(value for value in found if value)

    @property
    def identity(self) -> str:
        """What a cursor belongs to: everything that was asked, but the page."""
        return urlencode(sorted((name, value) for name, value in self.raw if name != "limit"))

    def url(self, **changes: str) -> str:
        """The query string that shows this list, with ``changes``; "" takes a part away."""
        kept = [(name, value) for name, value in self.raw if name not in changes]
        kept += [(name, value) for name, value in changes.items() if value]
        return urlencode(kept)


def parse_event_query(
    parameters: Mapping[str, Sequence[str]], *, now_ms: int, limit: int = 50, system: bool = True
) -> EventQuery:
    """The query that ``parameters`` (name → values, as `QueryDict.lists`) ask.

    Raises `FilterError` for an unknown name, a name given twice, or a value that is not right.
    """
    values: dict[str, object] = {"limit": limit, "system": system}
    raw: list[tuple[str, str]] = []
    for name, given in parameters.items():
        filled = [value for value in given if value.strip()]
        if name not in _READERS and name not in _NAMES:
            raise FilterError(name, f"unknown filter; expected one of {', '.join(_known())}")
        for value in filled:
            _check_text(name, value)
        if name in _NAMES:
            values[_NAMES[name]] = _names(name, filled)
        elif len(filled) > 1:
            raise FilterError(name, "given more than once")
        elif filled:
            values.update(_READERS[name](name, filled[0], now_ms))
        if name != "cursor":
            raw += [(name, value) for value in filled]
    query = EventQuery(**values, raw=tuple(raw))  # type: ignore[arg-type]
    _check_span(query, {name for name, _ in raw})
    return query


def parse_time(place: str, value: str, now_ms: int) -> int:
    """RFC 3339 (no zone: UTC), milliseconds since 1970, or an age such as ``15m``.

    Raises `FilterError` naming ``place``.
    """
    text = value.strip()
    if text in PRESETS:
        return now_ms - PRESETS[text] * 1000
    moment = int(text) if _EPOCH.fullmatch(text) else _instant(place, text)
    if not EARLIEST_MS <= moment <= LATEST_MS:
        raise FilterError(place, f"{text} lies outside the years 1970 to 2199")
    return moment


def _check_span(query: EventQuery, given: set[str]) -> None:
    if "range" in given and given & {"since", "until"}:
        raise FilterError("range", "cannot be joined with since or until; leave one out")
    if (
        query.since_ms is not None
        and query.until_ms is not None
        and query.since_ms >= query.until_ms
    ):
        raise FilterError("since", "must be earlier than until")


def _instant(place: str, text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise FilterError(
            place, f"{text[:40]!r} is not a time; write 2026-11-24T10:00:00Z or an age such as 15m"
        ) from None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return round(aware.timestamp() * 1000)
    except (OverflowError, ValueError):
        raise FilterError(place, f"{text[:40]!r} is out of range") from None


def _names(name: str, given: list[str]) -> tuple[str, ...]:
    found = tuple(
        dict.fromkeys(part.strip() for value in given for part in value.split(",") if part.strip())
    )
    if len(found) > MAX_VALUES:
        raise FilterError(name, f"more than {MAX_VALUES} values")
    return found


def _check_text(name: str, value: str) -> None:
    if len(value) > (4096 if name == "cursor" else MAX_LENGTH):
        raise FilterError(name, f"longer than {MAX_LENGTH} characters")
    if "\x00" in value:
        raise FilterError(name, f"a NUL character at {value.index(chr(0))}")


def _read_time(name: str, value: str, now_ms: int) -> dict[str, object]:
    return {f"{name}_ms": parse_time(name, value, now_ms)}


def _read_range(name: str, value: str, now_ms: int) -> dict[str, object]:
    if value == "all":
        return {"preset": "all"}
    if value not in PRESETS:
        raise FilterError(name, f"{value!r} is none of {', '.join(PRESETS)}, all")
    return {"preset": value, "since_ms": now_ms - PRESETS[value] * 1000}


def _read_id(name: str, value: str, now_ms: int) -> dict[str, object]:
    if name == "entity" and not all(value.strip().partition(":")):
        raise FilterError(name, "write kind:id, such as order:ORD_789")
    return {_IDS[name]: value.strip()}


def _read_text(name: str, value: str, now_ms: int) -> dict[str, object]:
    return {"text": value}


def _read_outcome(name: str, value: str, now_ms: int) -> dict[str, object]:
    if value not in OUTCOMES:
        raise FilterError(name, f"{value!r} is none of {', '.join(OUTCOMES)}")
    return {"outcome": value}


def _read_order(name: str, value: str, now_ms: int) -> dict[str, object]:
    if value not in ("newest", "oldest"):
        raise FilterError(name, f"{value!r} is neither newest nor oldest")
    return {"newest_first": value == "newest"}


def _read_system(name: str, value: str, now_ms: int) -> dict[str, object]:
    if value not in ("show", "hide"):
        raise FilterError(name, f"{value!r} is neither show nor hide")
    return {"system": value == "show"}


def _read_limit(name: str, value: str, now_ms: int) -> dict[str, object]:
    if not re.fullmatch(r"[0-9]{1,4}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise FilterError(name, f"{value!r} is not a whole number from 1 to {MAX_LIMIT}")
    return {"limit": int(value)}


def _read_cursor(name: str, value: str, now_ms: int) -> dict[str, object]:
    return {"cursor": value}


_READERS = {
    "since": _read_time,
    "until": _read_time,
    "range": _read_range,
    "outcome": _read_outcome,
    "q": _read_text,
    "order": _read_order,
    "system": _read_system,
    "limit": _read_limit,
    "cursor": _read_cursor,
    **dict.fromkeys(_IDS, _read_id),
}


def _known() -> list[str]:
    return sorted({*_READERS, *_NAMES})
