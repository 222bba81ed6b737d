"""The columns of the events list: which there are, which are chosen, what stands in them. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from dashboard.explore.dumping import dump_json
from dashboard.explore.filters import FilterError
from dashboard.explore.native import iso, native_envelope
from dashboard.explore.rows import Row, correlation_of

__all__ = [
    "COLUMNS",
    "DEFAULT",
    "Cell",
    "Column",
    "cells_of",
    "column_of",
    "parse_columns",
    "value_at",
]

MOST = 20
LONGEST = 200
DEFAULT = ("time", "type", "outcome", "source", "event", "correlation", "duration")
_TITLES = {
    "time": "Time",
    "type": "Type",
    "outcome": "Outcome",
    "source": "Source",
    "topic": "Topic",
    "event": "Event",
    "correlation": "Correlation",
    "size": "Size",
    "duration": "Duration",
    "consumer": "Consumers",
    "causation": "Caused by",
    "trace": "Trace",
    "position": "Position",
    "happened": "Happened",
}
_PATH = re.compile(r"(payload|metadata)(\.[^.,\s][^.,]*)+")
_ITEM = re.compile(r"(.*)\[(\d{1,6})\]")


@dataclass(frozen=True, slots=True)
class Column:
    """``name`` as in the URL: one of `COLUMNS`, or a path into the envelope such as ``payload.orderId``."""

    name: str
    title: str

    @property
    def is_path(self) -> bool:
        return self.name not in COLUMNS


@dataclass(frozen=True, slots=True)
class Cell:
    """``value`` as it is told in a file: text, a number, None for nothing. Times are RFC 3339."""

    column: Column
    value: str | int | float | None


COLUMNS: Mapping[str, Column] = {name: Column(name, title) for name, title in _TITLES.items()}


def parse_columns(text: str) -> tuple[Column, ...]:
    """The columns that ``time,type,payload.orderId`` names, in that order; the usual ones for "".

    Raises `FilterError` for a name that is none, one given twice, or too many.
    """
    names = [name.strip() for name in text.split(",") if name.strip()] or list(DEFAULT)
    if len(names) > MOST:
        raise FilterError("columns", f"more than {MOST} columns")
    for name in names:
        if names.count(name) > 1:
            raise FilterError("columns", f"{name[:LONGEST]} is named twice")
    return tuple(column_of(name) for name in names)


def column_of(name: str) -> Column:
    """The column of this name. Raises `FilterError` when there is none."""
    if name in COLUMNS:
        return COLUMNS[name]
    if len(name) > LONGEST or "\x00" in name or not _PATH.fullmatch(name):
        known = ", ".join(COLUMNS)
        raise FilterError(
            "columns", f"{name[:40]!r} is none of {known}, nor a path such as payload.orderId"
        )
    return Column(name, name.partition(".")[2])


def cells_of(row: Row, columns: Sequence[Column]) -> list[Cell]:
    """What stands in a row's columns."""
    envelope: Any = None
    cells = []
    for column in columns:
        if column.is_path:
            envelope = native_envelope(row.event) if envelope is None else envelope
            value = _plain(value_at(envelope, column.name))
        else:
            value = _value(row, column.name)
        cells.append(Cell(column, value))
    return cells


def value_at(envelope: Any, path: str) -> Any:
    """The value at ``payload.items[0].price``; None where there is none."""
    value = envelope
    for part in path.split("."):
        places: list[int] = []
        while match := _ITEM.fullmatch(part):
            part = match[1]
            places.insert(0, int(match[2]))
        value = value.get(part) if isinstance(value, Mapping) else None
        for place in places:
            value = value[place] if isinstance(value, list) and place < len(value) else None
    return value


def _value(row: Row, name: str) -> str | int | float | None:
    event = row.event
    values: dict[str, str | int | float | None] = {
        "time": iso(event.appended_ms),
        "happened": iso(event.occurred_ms),
        "type": event.event_type,
        "outcome": row.outcome,
        "source": event.source,
        "topic": event.topic,
        "event": event.event_id,
        "correlation": correlation_of(event),
        "causation": event.causation_id,
        "trace": event.trace_id,
        "position": event.position,
        "size": event.size,
        "duration": row.duration_ms,
        "consumer": ", ".join(row.consumers),
    }
    return values[name]


def _plain(value: Any) -> str | int | float | None:
    """A scalar as it is; anything else as JSON."""
    if value is None or (isinstance(value, str | int | float) and not isinstance(value, bool)):
        return value
    return dump_json(value).decode()
