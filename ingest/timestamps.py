"""Times as producers write them, to milliseconds since 1970 UTC."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from eventscope.stamps import epoch_ms

__all__ = ["EARLIEST_MS", "LATEST_MS", "parse_ms", "parse_timespan"]

EARLIEST_MS = 86_400_000
"""1970-01-02: earlier is a clock that was never set, or a unit mistaken."""
LATEST_MS = 7_258_118_400_000
"""2200-01-01."""

_KNOWN_SECONDS = 8192
_seconds: dict[str, int] = {}
_SPAN = re.compile(r"(?:(\d+)\.)?(\d+):(\d\d):(\d\d(?:\.\d+)?)")


def parse_ms(value: object) -> int | None:
    """``value`` (RFC 3339, or an epoch in s, ms, µs or ns told apart by its size) in ms, or None.

    A time without zone is taken as UTC. None also when the time cannot be believed: before
    1970-01-02 or from 2200 on.
    """
    if type(value) is str:
        if len(value) == 24 and value[19] == "." and value[23] == "Z":
            known = _seconds.get(value[:19])
            millis = value[20:23]
            if known is not None and millis.isdecimal():
                return known + int(millis)
        return _parse_text(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return _parse_epoch(value)
    return None


def _parse_text(value: str) -> int | None:
    text = value.strip()
    try:
        moment = datetime.fromisoformat(_normal(text))
    except ValueError:
        return _parse_number(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    millis = _believable(_floor_ms(moment))
    if millis is not None and len(value) == 24 and value[10] == "T":
        _remember(value, millis)
    return millis


def _normal(text: str) -> str:
    """RFC 3339's lower-case letters and leap second, as `datetime` reads them."""
    upper = text.upper()
    return upper[:17] + "59" + upper[19:] if upper[16:19] == ":60" else upper


def _floor_ms(moment: datetime) -> int:
    span = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return span.days * 86_400_000 + span.seconds * 1000 + span.microseconds // 1000


def _remember(value: str, millis: int) -> None:
    """The second of ``…:SS.mmmZ``: a stream has thousands of events in each."""
    if value[19] == "." and value[23] == "Z" and value[16] == ":" and value[17:19] != "60":
        if len(_seconds) >= _KNOWN_SECONDS:
            _seconds.clear()
        _seconds[value[:19]] = millis - millis % 1000


def _parse_number(text: str) -> int | None:
    if len(text) > 40 or not text[:1].isdecimal():
        return None
    try:
        return _parse_epoch(int(text) if text.isdecimal() else float(text))
    except ValueError:
        return None


def _parse_epoch(value: int | float) -> int | None:
    millis = epoch_ms(value)
    return None if millis is None else _believable(millis)


def _believable(millis: int) -> int | None:
    return millis if EARLIEST_MS <= millis < LATEST_MS else None


def parse_timespan(text: str) -> float | None:
    """A length of time as .NET writes it (``00:00:30``, ``1.02:03:04.5``) in ms, or None."""
    span = _SPAN.fullmatch(text)
    if span is None:
        return None
    days, hours, minutes, seconds = (float(part or 0) for part in span.groups())
    return round((((days * 24 + hours) * 60 + minutes) * 60 + seconds) * 1000, 3)
