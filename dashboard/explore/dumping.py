"""JSON bytes of whatever an envelope holds. Pure."""

from __future__ import annotations

import json
from typing import Any

import orjson

__all__ = ["dump_json"]

DEEPEST = 200


def dump_json(data: Any) -> bytes:
    """JSON in which NaN and infinities are null and what is nested too deeply is left out."""
    try:
        return orjson.dumps(data)
    except TypeError:
        return _dump_unusual(data)


def _dump_unusual(data: Any) -> bytes:
    """What orjson refuses: integers past 64 bits, deep nesting, lone surrogates."""
    return json.dumps(_tame(data, 0), ensure_ascii=True, allow_nan=False).encode()


def _tame(value: Any, depth: int) -> Any:
    if depth > DEEPEST:
        return "… nested too deeply to be told"
    if isinstance(value, dict):
        return {str(name): _tame(item, depth + 1) for name, item in value.items()}
    if isinstance(value, list | tuple):
        return [_tame(item, depth + 1) for item in value]
    if isinstance(value, float) and (value != value or value in (float("inf"), float("-inf"))):
        return None
    return value
