"""Headers that travel inside a body, for the panel of headers. Pure."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from typing import Any, NamedTuple

__all__ = ["InnerHeader", "inner_headers"]

MOST = 100
_TOLD_ELSEWHERE = frozenset(("source", "correlationId", "causationId", "traceparent"))
"""What the page's facts tell of ``metadata``."""


class InnerHeader(NamedTuple):
    """``path`` is where it stands in the envelope; what is no text is written as JSON."""

    path: str
    value: str


def inner_headers(format: str, envelope: Any) -> list[InnerHeader]:
    """What a native envelope's ``metadata`` tells beside the ids, and a MassTransit envelope's ``headers``."""
    if format == "native":
        return _under("metadata", envelope, left_out=_TOLD_ELSEWHERE)
    return _under("headers", envelope) if format == "masstransit" else []


def _under(name: str, envelope: Any, left_out: Collection[str] = ()) -> list[InnerHeader]:
    around = envelope.get(name) if isinstance(envelope, Mapping) else None
    if not isinstance(around, Mapping):
        return []
    found = ((key, value) for key, value in around.items() if key not in left_out)
    return [InnerHeader(f"{name}.{key}", _text(value)) for key, value in found][:MOST]


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
