"""Bodies as values that a page or an API can show, whatever somebody published."""

from __future__ import annotations

import json
import math
from typing import Any

__all__ = ["MAX_DEPTH", "read_body"]

MAX_DEPTH = 100
"""Deeper than people read, and far from where writing it out again would fail."""


class _TooDeep(ValueError):
    """The value is nested deeper than MAX_DEPTH."""


def read_body(body: bytes) -> Any:
    """The body as JSON tells it; as text where it is none, or one nested too deep to be shown.

    Numbers that JSON cannot write again (NaN, 1e999) become their text, lone surrogates become "?".
    """
    try:
        value = json.loads(body, parse_constant=str, parse_float=_finite)
        return value if _is_plain(body) else _clean(value, MAX_DEPTH)
    except (ValueError, RecursionError):
        return body.decode("utf-8", "replace")


def _is_plain(body: bytes) -> bool:
    """Whether nothing can want cleaning: no character that is half a pair, too few brackets to be deep."""
    brackets = body.count(b"{") + body.count(b"[")
    return brackets <= MAX_DEPTH and body.isascii() and b"\\u" not in body


def _finite(text: str) -> float | str:
    number = float(text)
    return number if math.isfinite(number) else text


def _clean(value: Any, depth: int) -> Any:
    if isinstance(value, str):
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if not isinstance(value, list | dict):
        return value
    if not depth:
        raise _TooDeep
    if isinstance(value, list):
        return [_clean(item, depth - 1) for item in value]
    return {_clean(name, depth): _clean(item, depth - 1) for name, item in value.items()}
