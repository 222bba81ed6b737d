"""Envelopes of others, by ``[[mapping]]``: dotted paths into the JSON body, or ``header:name``."""

from __future__ import annotations

from fnmatch import fnmatchcase

from eventscope.reading import text_of
from ingest.envelopes.scan import Span, object_members, scalar
from ingest.envelopes.view import Found, View
from ingest.options import MappingOptions

__all__ = ["FORMAT", "Mapped"]

FORMAT = 7
_HEADER = "header:"


class Mapped:
    """One mapping, as a format of its own."""

    def __init__(self, options: MappingOptions) -> None:
        self._options = options

    def recognise(self, view: View) -> bool:
        """The topic is one of its topics, and the id or the type stands where it says."""
        if not any(fnmatchcase(view.topic, pattern) for pattern in self._options.topics):
            return False
        return bool(_text(view, self._options.id) or _text(view, self._options.type))

    def decode(self, view: View) -> Found:
        where = self._options
        payload = _span(view, where.payload) if where.payload else Span(0, len(view.body))
        return Found(
            FORMAT,
            event_id=_text(view, where.id),
            event_type=_text(view, where.type),
            source=_text(view, where.source),
            timestamp=_value(view, where.time),
            correlation_id=_text(view, where.correlation),
            causation_id=_text(view, where.causation),
            traceparent=view.headers.get("traceparent", ""),
            version=_text(view, where.version),
            payload=payload,
        )


def _text(view: View, path: str) -> str:
    return text_of(_value(view, path))


def _value(view: View, path: str) -> object:
    if path.startswith(_HEADER):
        return view.headers.get(path.removeprefix(_HEADER).lower())
    span = _span(view, path) if path else None
    return scalar(view.raw(span)) if span else None


def _span(view: View, path: str) -> Span | None:
    first, *rest = path.split(".")
    span = view.members.get(first)
    for name in rest:
        span = (object_members(view.body, *span) or {}).get(name) if span else None
    return span
