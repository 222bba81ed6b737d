"""Payloads of system events that are not written quite as the contract names them.

Numbers in texts, texts that are numbers, nulls, an error that is only a text: read as what they say. Asked
after the strict decoder has refused, so that what the kit writes costs nothing more.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, TypeVar, cast, get_args, get_origin

import msgspec

from eventscope.reading import text_of
from ingest.envelopes.scan import object_members
from ingest.envelopes.text import clean
from ingest.system import OUTCOMES, DeadLettered, ErrorInfo, Outcome, Receipt

__all__ = ["outcome_of", "read_forgivingly"]

Detail = TypeVar("Detail", bound=msgspec.Struct)

_LARGEST = 2**63 - 1
_NAMED_ERROR = re.compile(
    r"([A-Za-z_][\w.$]*(?:Error|Exception|Timeout|Failure)): ?(.*)", re.DOTALL
)
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_WORDS = {
    "success": "succeeded ok completed processed delivered acked",
    "retry": "retried retrying",
    "failed": "failure error",
    "dead_lettered": "dead_letter deadlettered deadletter",
    "skipped": "skip ignored filtered",
}
_MEANING = {word: outcome for outcome, words in _WORDS.items() for word in words.split()}


class _Unread(Exception):
    """A value that says nothing of what was asked."""


def read_forgivingly(kind: type[Detail], payload: bytes) -> Detail | None:
    """The payload as a ``kind``, as far as it can be read; None where what is required is missing."""
    members = object_members(payload)
    if members is None:
        return None
    values: dict[str, Any] = {}
    for name, span in members.items():
        raw = payload[span.start : span.end]
        if kind is DeadLettered and name == "event":
            values[name] = msgspec.Raw(raw)
            continue
        try:
            values[name] = json.loads(raw.decode("utf-8", "replace"), strict=False)
        except (ValueError, RecursionError):
            continue
    try:
        return _struct(kind, values)
    except _Unread:
        return None


def outcome_of(word: str) -> str:
    """An outcome in our words; one that nobody knows stays as it is."""
    snake = re.sub(r"[\s-]+", "_", _HUMP.sub("_", word.strip())).lower()
    return snake if snake in OUTCOMES else _MEANING.get(snake, word)


def _struct(kind: type[Detail], values: object) -> Detail:
    if kind is ErrorInfo and isinstance(values, str):
        return cast(Detail, _error_in(values))
    if not isinstance(values, dict):
        raise _Unread
    if kind is Receipt:
        values = _with_consumer(values)
    fitted: dict[str, Any] = {}
    for field in msgspec.structs.fields(kind):
        try:
            fitted[field.name] = value = _fit(field.type, values.get(field.encode_name))
        except _Unread:
            value = ""
        if field.required and value == "":
            raise _Unread
    made = kind(**fitted)
    if isinstance(made, Receipt):
        made.outcome = cast(Outcome, outcome_of(made.outcome))
    return made


def _with_consumer(values: Mapping[str, Any]) -> Mapping[str, Any]:
    if text_of(values.get("consumer")):
        return values
    return {**values, "consumer": values.get("consumerGroup")}


def _error_in(text: str) -> ErrorInfo:
    named = _NAMED_ERROR.match(text)
    return ErrorInfo(*named.groups()) if named else ErrorInfo(message=text)


def _fit(kind: Any, value: object) -> Any:
    """``value`` as a ``kind``. Raises `_Unread`."""
    if kind is Any:
        return value
    if value is None:
        raise _Unread
    if get_origin(kind) is list:
        return _items(get_args(kind)[0], value)
    options = get_args(kind) if isinstance(kind, UnionType) else (kind,)
    if len(options) > 2 or set(options) == {str, int}:
        return _plain(value)
    read = _READERS.get(options[0])
    return _struct(options[0], value) if read is None else read(value)


def _items(kind: Any, value: object) -> list[Any]:
    """Those that can be read; one that stands there alone is a list of one."""
    items: list[Any] = []
    for item in value if isinstance(value, list) else [value]:
        try:
            items.append(_struct(kind, item))
        except _Unread:
            continue
    if value and not items:
        raise _Unread
    return items


def _plain(value: object) -> str | int | float:
    """A time or an offset: whatever it is written as."""
    if isinstance(value, str):
        return clean(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        return value
    raise _Unread


def _text(value: object) -> str:
    """Lines of an array are put together; of an object its JSON is told."""
    if isinstance(value, list) and all(isinstance(line, str) for line in value):
        return clean("\n".join(value))
    if isinstance(value, bool | list | dict):
        return json.dumps(value, ensure_ascii=False)
    return clean(text_of(value))


def _float(value: object) -> float:
    if isinstance(value, bool):
        raise _Unread
    if isinstance(value, int | float):
        return float(value) if abs(value) < 1e300 or isinstance(value, float) else math.inf
    text = value.strip() if isinstance(value, str) else ""
    try:
        return float(text[:-1]) / 100 if text.endswith("%") else float(text)
    except ValueError:
        raise _Unread from None


def _whole(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool):
        return max(-_LARGEST, min(value, _LARGEST))
    number = _float(value)
    if not math.isfinite(number):
        raise _Unread
    return int(max(-_LARGEST, min(number, _LARGEST)))


def _raw(value: object) -> msgspec.Raw:
    if isinstance(value, msgspec.Raw):
        return value
    raise _Unread


_READERS: Mapping[Any, Callable[[object], Any]] = {
    str: _text,
    int: _whole,
    float: _float,
    msgspec.Raw: _raw,
    Outcome: _text,
}
