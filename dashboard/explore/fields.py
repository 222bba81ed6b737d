"""What events can be asked by: the fields of the query bar, the parameters of the URL and the API. Pure."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from difflib import get_close_matches
from typing import NamedTuple

from dashboard.explore.outcomes import OUTCOMES

__all__ = ["FIELDS", "Field", "Names", "field_names", "find_field", "nearest"]


class Field(NamedTuple):
    """A field of the language. ``many``: a comma parts values; ``without``: ``-`` leaves out."""

    parameter: str
    hint: str
    many: bool = False
    without: bool = False


class Names(NamedTuple):
    """What was seen, for completion. ``paths`` and ``kinds`` are configured: `[index]`, `[entities]`."""

    types: Sequence[str] = ()
    sources: Sequence[str] = ()
    topics: Sequence[str] = ()
    consumers: Sequence[str] = ()
    kinds: Sequence[str] = ()
    paths: Sequence[str] = ()


FIELDS = {
    "type": Field("type", "event type; * is any text", many=True, without=True),
    "source": Field("source", "who published it", many=True, without=True),
    "topic": Field("topic", "topic or stream", many=True, without=True),
    "consumer": Field("consumer", "who handled it", many=True, without=True),
    "outcome": Field("outcome", ", ".join(OUTCOMES), many=True, without=True),
    "duration": Field("duration", "its longest handling took more: >500ms"),
    "since": Field("since", "a time, or an age such as 1h"),
    "until": Field("until", "a time, or an age such as 5m"),
    "id": Field("id", "event id"),
    "correlation": Field("correlationId", "correlation id"),
    "causation": Field("causationId", "id of the event that caused it"),
    "trace": Field("traceId", "trace id"),
    "entity": Field("entity", "kind:id, such as order:ORD_789"),
    "key": Field("key", "any indexed value"),
    "range": Field("range", "5m, 15m, 1h, 6h, 24h, 7d or all"),
    "order": Field("order", "newest or oldest first"),
    "system": Field("system", "show or hide receipts, health reports and the like"),
}
_BY_NAME = {
    **{name.lower(): name for name in FIELDS},
    **{field.parameter.lower(): name for name, field in FIELDS.items()},
    "event": "id",
    "eventid": "id",
}


def field_names(indexed: Collection[str]) -> list[str]:
    """Every name that may stand before a colon, indexed paths last."""
    return [*FIELDS, *indexed]


def find_field(name: str, indexed: Collection[str]) -> Field | None:
    """The field called ``name``: a word of the language, a parameter of the API, an indexed path."""
    if name in indexed:
        return Field(name, "indexed payload path")
    known = _BY_NAME.get(name.lower())
    return FIELDS[known] if known else None


def nearest(name: str, names: Collection[str]) -> str:
    """The name that was most likely meant; "" when none is near."""
    lower = {one.lower(): one for one in names}
    found = get_close_matches(name.lower(), list(lower), n=1, cutoff=0.6)
    return lower[found[0]] if found else ""
