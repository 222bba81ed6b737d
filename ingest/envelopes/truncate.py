"""What is stored of a body that is larger than ``limits.body_bytes``."""

from __future__ import annotations

from typing import Any

import msgspec

from ingest.envelopes.text import ID_LENGTH
from ingest.records import Record

__all__ = ["shortened"]

_Pairs = list[tuple[tuple[str, ...], str]]
_MAX_PAIRS = 100


def shortened(record: Record, limit: int, indexed: _Pairs) -> bytes:
    """A native envelope of at most ``limit`` bytes with the same ids and indexed values.

    Its payload holds the beginning of the original body as text under ``$truncated`` and the
    original length under ``$size``, so reading it again gives what was extracted from the whole.
    """
    envelope = _frame(record, indexed)
    room = limit - len(msgspec.json.encode(envelope)) - 16
    text = record.body[: max(room, 0)].decode("utf-8", "replace")
    while True:
        envelope["payload"]["$truncated"] = text
        body = msgspec.json.encode(envelope)
        if len(body) <= limit or not text:
            return body
        text = text[: len(text) // 2]


def _frame(record: Record, indexed: _Pairs) -> dict[str, Any]:
    envelope: dict[str, Any] = {
        "eventId": record.event_id,
        "eventType": record.event_type,
        "timestamp": record.occurred_ms,
        "payload": {"$truncated": "", "$size": record.size},
        "metadata": {
            "source": record.source,
            "correlationId": record.correlation_id,
            "causationId": record.causation_id or None,
            "traceparent": f"00-{record.trace_id}-{1:016x}-00" if record.trace_id else None,
        },
    }
    for path, value in indexed[:_MAX_PAIRS]:
        if len(value) <= ID_LENGTH and path[0] in ("payload", "metadata"):
            _put(envelope, path, value)
    return envelope


def _put(node: dict[str, Any], path: tuple[str, ...], value: str) -> None:
    """Further values of one path make it an array, as `ingest.envelopes.paths` reads arrays."""
    for name in path[:-1]:
        inner = node.setdefault(name, {})
        if not isinstance(inner, dict):
            return
        node = inner
    node.setdefault(path[-1], value)
