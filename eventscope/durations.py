"""Durations as people write them: ``"250ms"``, ``"60s"``, ``"5m"``, ``"12h"``, ``"14d"``."""

from __future__ import annotations

import re

from eventscope.errors import EventscopeError

__all__ = ["DurationError", "format_duration", "parse_duration"]

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|[smhdw])")
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?(?:ms|[smhdw]))+")


class DurationError(EventscopeError, ValueError):
    """A duration is a number with a unit (ms, s, m, h, d, w), such as "5m" or "1h30m"."""


def parse_duration(text: str | int | float) -> float:
    """Seconds of ``text``; a bare number is seconds. Raises `DurationError` for anything else."""
    if isinstance(text, bool):
        raise DurationError(f"{text!r} is not a duration; write for example '30s' or '5m'")
    if isinstance(text, int | float):
        return _not_negative(float(text), text)
    compact = text.strip().lower()
    if _WHOLE.fullmatch(compact):
        return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(compact))
    raise DurationError(f"{text!r} is not a duration; write for example '30s' or '5m'")


def format_duration(seconds: float) -> str:
    """The shortest exact-enough spelling: 0.25 → "250ms", 90 → "1m30s", 86400 → "1d"."""
    if seconds < 1:
        return f"{round(seconds * 1000)}ms"
    parts, rest = [], round(seconds)
    for unit, size in (("d", 86400), ("h", 3600), ("m", 60), ("s", 1)):
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts)


def _not_negative(seconds: float, text: object) -> float:
    if not 0 <= seconds < float("inf"):
        raise DurationError(f"{text!r} is not a duration; it must be finite and not negative")
    return seconds
