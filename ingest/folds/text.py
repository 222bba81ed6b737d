"""Values of payloads as a row can hold them."""

from __future__ import annotations

import math
import re

__all__ = ["bounded", "finite", "whole"]

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_LARGEST = (1 << 31) - 1


def bounded(text: object, limit: int) -> str:
    """``text`` without what a database cannot hold (NUL, lone surrogates), at most ``limit`` long."""
    if not isinstance(text, str):
        return ""
    return _UNSTORABLE.sub("\ufffd", text[:limit])


def finite(number: float | None) -> float | None:
    """A number that JSON and every database can hold, else None."""
    return number if number is not None and math.isfinite(number) else None


def whole(number: int) -> int:
    """A count that fits a 32-bit column."""
    return max(0, min(number, _LARGEST))
