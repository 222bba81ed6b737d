"""The values of the events list's parameters, each read strictly. Pure."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import UTC, datetime

from dashboard.explore.errors import FilterError
from dashboard.explore.fields import nearest
from dashboard.explore.outcomes import OUTCOMES, SYNONYMS
from eventscope.durations import DurationError, parse_duration

__all__ = ["LATEST_MS", "MAX_LIMIT", "PRESETS", "READERS", "check_text", "parse_time", "read_many"]

PRESETS = {"5m": 300, "15m": 900, "1h": 3600, "6h": 21600, "24h": 86400, "7d": 604800}
MAX_LIMIT = 1000
MAX_LENGTH = 512
MAX_CURSOR = 8192
MAX_VALUES = 50
EARLIEST_MS = 86_400_000
LATEST_MS = 7_258_118_400_000

Reader = Callable[[str, Sequence[str], int], dict[str, object]]
_EPOCH = re.compile(r"\d{1,16}")
_AGE = re.compile(r"(\d{1,9}(\.\d{1,3})?(ms|[smhdw]))+")
_IDS = {
    "id": "event_id",
    "correlationId": "correlation_id",
    "causationId": "causation_id",
    "traceId": "trace_id",
    "entity": "entity",
    "key": "key",
}


def parse_time(place: str, value: str, now_ms: int) -> int:
    """RFC 3339 (no zone: UTC), milliseconds since 1970, or an age such as ``15m`` or ``1h30m``.

    Raises `FilterError` naming ``place``.
    """
    text = value.strip()
    if _AGE.fullmatch(text):
        moment = now_ms - round(parse_duration(text) * 1000)
    else:
        moment = int(text) if _EPOCH.fullmatch(text) else _instant(place, text)
    if not EARLIEST_MS <= moment <= LATEST_MS:
        raise FilterError(place, f"{text} lies outside the years 1970 to 2199")
    return moment


def read_many(name: str, given: Sequence[str]) -> tuple[str, ...]:
    """Values parted by commas or given again, each once."""
    parts = (part.strip() for value in given for part in value.split(","))
    found = tuple(dict.fromkeys(part for part in parts if part))
    if len(found) > MAX_VALUES:
        raise FilterError(name, f"more than {MAX_VALUES} values")
    return found


def check_text(name: str, value: str) -> None:
    """Raise `FilterError` for a value that no store could hold."""
    if len(value) > (MAX_CURSOR if name == "cursor" else MAX_LENGTH):
        raise FilterError(name, f"longer than {MAX_LENGTH} characters")
    if "\x00" in value:
        raise FilterError(name, f"a NUL character at {value.index(chr(0))}")


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


def _read_time(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    return {f"{name}_ms": parse_time(name, given[0], now_ms)}


def _read_range(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    value = given[0]
    if value == "all":
        return {"preset": "all"}
    if value not in PRESETS:
        raise FilterError(name, f"{value!r} is none of {', '.join(PRESETS)}, all")
    return {"preset": value, "since_ms": now_ms - PRESETS[value] * 1000}


def _read_id(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    value = given[0].strip()
    if name == "entity" and not all(value.partition(":")):
        raise FilterError(name, "write kind:id, such as order:ORD_789")
    return {_IDS[name]: value}


def _read_texts(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    if len(given) > MAX_VALUES:
        raise FilterError(name, f"more than {MAX_VALUES} values")
    return {"texts": tuple(dict.fromkeys(given))}


def _read_outcomes(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    """Those named; those left out are taken from all, or from those named."""
    named: list[str] = []
    unwanted: set[str] = set()
    for value in read_many(name, given):
        word = _outcome_of(name, value.removeprefix("!"))
        if value.startswith("!"):
            unwanted.add(word)
        else:
            named.append(word)
    left = tuple(one for one in named or OUTCOMES if one not in unwanted)
    if not left:
        raise FilterError(name, "leaves nothing to be found")
    return {"outcomes": left}


def _outcome_of(name: str, word: str) -> str:
    """The outcome that ``word`` names; receipts' own words are understood."""
    meant = SYNONYMS.get(word, word)
    if meant in OUTCOMES:
        return meant
    near = nearest(word, OUTCOMES)
    hint = f"; did you mean {near}?" if near else ""
    raise FilterError(name, f"{word!r} is none of {', '.join(OUTCOMES)}{hint}")


def _read_duration(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    text = given[0].strip()
    try:
        seconds = parse_duration(text.removeprefix(">").strip())
    except DurationError:
        seconds = float("inf")
    if seconds * 1000 >= 2**53:
        raise FilterError(name, f"{text[:40]!r} is not a duration; write >500ms or >2s")
    return {"over_ms": seconds * 1000}


def _read_order(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    if given[0] not in ("newest", "oldest"):
        raise FilterError(name, f"{given[0]!r} is neither newest nor oldest")
    return {"newest_first": given[0] == "newest"}


def _read_system(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    if given[0] not in ("show", "hide"):
        raise FilterError(name, f"{given[0]!r} is neither show nor hide")
    return {"system": given[0] == "show"}


def _read_limit(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    value = given[0]
    if not re.fullmatch(r"[0-9]{1,4}", value) or not 1 <= int(value) <= MAX_LIMIT:
        raise FilterError(name, f"{value!r} is not a whole number from 1 to {MAX_LIMIT}")
    return {"limit": int(value)}


def _read_cursor(name: str, given: Sequence[str], now_ms: int) -> dict[str, object]:
    return {"cursor": given[0]}


READERS: dict[str, Reader] = {
    "since": _read_time,
    "until": _read_time,
    "range": _read_range,
    "outcome": _read_outcomes,
    "duration": _read_duration,
    "q": _read_texts,
    "order": _read_order,
    "system": _read_system,
    "limit": _read_limit,
    "cursor": _read_cursor,
    **dict.fromkeys(_IDS, _read_id),
}
