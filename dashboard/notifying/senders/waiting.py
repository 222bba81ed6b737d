"""How long the other side asks to be left in peace: `Retry-After`, RFC 9110 section 10.2.3. Pure."""

from __future__ import annotations

from datetime import UTC
from email.utils import parsedate_to_datetime

__all__ = ["LONGEST_S", "asked_pause_s"]

LONGEST_S = 3_600.0
"""Who asks for longer is asked again after this: nobody may switch our alarms off for a day."""
DIGITS = 10


def asked_pause_s(header: str, now_s: float) -> float | None:
    """Seconds from ``now_s`` on (0 to `LONGEST_S`), of a number or a date; None for none, or for what is neither."""
    text = header.strip()
    if text.isascii() and text.isdecimal():
        return min(LONGEST_S, float(text[:DIGITS]))
    try:
        moment = parsedate_to_datetime(text)
    except ValueError:
        return None
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    try:
        return min(LONGEST_S, max(0.0, aware.timestamp() - now_s))
    except (OverflowError, ValueError):
        return None
