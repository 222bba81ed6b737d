"""Taking configured values out of a body before anything else sees it."""

from __future__ import annotations

from collections.abc import Iterable

from ingest.envelopes.paths import spans_at
from ingest.envelopes.scan import Span
from ingest.envelopes.view import Found, View

__all__ = ["MARK", "hides", "redact"]

MARK = b'"[redacted]"'


def redact(view: View, found: Found, paths: Iterable[tuple[str, ...]]) -> bytes | None:
    """The body with every value at ``paths`` replaced by "[redacted]", None if there was none.

    All other bytes stay as they arrived.
    """
    spans = sorted(span for path in paths for span in spans_at(view, found, path, all_of_it=True))
    if not spans:
        return None
    parts: list[bytes] = []
    at = 0
    for span in _outermost(spans):
        parts += (view.body[at : span.start], MARK)
        at = span.end
    return b"".join([*parts, view.body[at:]])


def hides(redacted: Iterable[tuple[str, ...]], path: str) -> bool:
    """Whether ``path`` is taken out, or lies within what is."""
    words = tuple(path.split("."))
    return any(words[: len(taken)] == taken for taken in redacted)


def _outermost(spans: list[Span]) -> list[Span]:
    kept: list[Span] = []
    for span in spans:
        if not kept or span.start >= kept[-1].end:
            kept.append(span)
    return kept
