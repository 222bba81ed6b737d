"""An event as people take it elsewhere: CloudEvent, curl. Pure.

https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/spec.md
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import quote

from dashboard.explore.dumping import dump_json

__all__ = ["curl_to_fetch", "curl_to_publish", "to_cloudevent"]

NO_SOURCE = "urn:eventscope:unnamed-source"
URI_SAFE = "/:?#[]@!$&'()*+,;=%-._~"
LARGEST_INTEGER = 2**31 - 1
PUBLISHED = ("eventId", "eventType", "timestamp", "payload", "metadata")
ATTRIBUTES = frozenset(
    [
        "id",
        "source",
        "specversion",
        "type",
        "datacontenttype",
        "dataschema",
        "subject",
        "time",
        "data",
        "data_base64",
    ]
)
_NOT_IN_NAMES = re.compile("[^a-z0-9]")


def to_cloudevent(native: Mapping[str, Any]) -> dict[str, Any]:
    """A native envelope as a CloudEvent 1.0 in structured JSON.

    Metadata, and what else the envelope holds, become extension attributes: their names lower-case
    letters and digits as the specification wants, their values text where they are no scalars.
    """
    told = native.get("metadata")
    metadata = told if isinstance(told, Mapping) else {}
    event: dict[str, Any] = {
        "specversion": "1.0",
        "id": str(native.get("eventId") or ""),
        "type": str(native.get("eventType") or ""),
        "source": quote(str(metadata.get("source") or ""), safe=URI_SAFE) or NO_SOURCE,
    }
    if _is_time(native.get("timestamp")):
        event["time"] = native["timestamp"]
    event |= {"datacontenttype": "application/json", "data": native.get("payload")}
    others = {name: value for name, value in native.items() if name not in PUBLISHED}
    for name, value in {**others, **metadata}.items():
        extension = _extension(name)
        if name != "source" and value is not None and extension and extension not in event:
            event[extension] = _scalar(value)
    return event


def curl_to_fetch(address: str) -> str:
    """The command that reads an event from ``address``, its call in the API."""
    return f'curl -H "Authorization: Bearer $TOKEN" {shlex.quote(address)}'


def curl_to_publish(address: str, native: Mapping[str, Any], topic: str) -> str:
    """The command that publishes ``native`` once more to ``topic`` through the API at ``address``."""
    body = {name: native[name] for name in PUBLISHED if native.get(name) is not None}
    where = shlex.quote(f"{address}?topic={quote(topic, safe='')}")
    return (
        'curl -X POST -H "Authorization: Bearer $TOKEN" -H "Content-Type: application/json" \\\n'
        f"  {where} \\\n  --data-raw {shlex.quote(dump_json(body).decode())}"
    )


def _extension(name: str) -> str:
    """``name`` as an extension attribute may be called; "" when nothing is left of it."""
    kept = _NOT_IN_NAMES.sub("", name.lower())
    return f"meta{kept}" if kept in ATTRIBUTES else kept


def _is_time(value: Any) -> bool:
    """Whether ``value`` is a time in RFC 3339, as ``time`` must be."""
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False


def _scalar(value: Any) -> str | int | bool:
    """As an attribute may be: text, a 32-bit integer or a truth value; anything else as JSON text."""
    if isinstance(value, str | bool):
        return value
    if isinstance(value, int) and abs(value) <= LARGEST_INTEGER:
        return value
    return dump_json(value).decode()
