"""Which dead letters a call means."""

from __future__ import annotations

import time

from ninja import Schema
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.explore.filters import parse_time
from dashboard.recovery.deeds import taken_by
from dashboard.recovery.groups import merged_fingerprints
from dashboard.recovery.selection import Selection, SelectionError
from ingest.queries.letter_cells import members_of
from ingest.queries.letters import LetterFilter

__all__ = ["FilterBody", "SelectionBody", "letters_where", "read_selection"]

NAME = Field("", max_length=255)


class FilterBody(Schema):
    """Letters that fit all of it (open ones, but for restoring); names are exact."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)
    type: str = NAME
    consumer: str = NAME
    error_type: str = NAME
    topic: str = NAME
    group: str = Field("", max_length=32, description="id of a failure group")
    event_id: str = NAME
    correlation_id: str = NAME
    since: str = ""
    until: str = ""


class SelectionBody(Schema):
    """Exactly one of ``ids``, ``group`` and ``filter``; an empty filter is every open letter."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)
    ids: list[int] | None = None
    group: str | None = Field(None, max_length=32, description="id of a failure group")
    filter: FilterBody | None = None
    dry_run: bool = Field(False, description="only look: what would go where, what not and why")
    note: str = ""


def read_selection(body: SelectionBody, kind: str) -> Selection:
    """The letters that ``body`` means, of the statuses that a job of ``kind`` takes. Raises `SelectionError`."""
    given = [name for name in ("ids", "group", "filter") if getattr(body, name) is not None]
    if len(given) != 1:
        raise SelectionError("ids", "give exactly one of ids, group and filter")
    if body.ids is not None:
        return Selection.of_ids(body.ids)
    if body.filter is None:
        group = LetterFilter(fingerprints=_members(body.group or ""))
        return Selection.of_filter(group, taken=taken_by(kind))
    return Selection.of_filter(letters_where(body.filter), taken=taken_by(kind))


def letters_where(told: FilterBody) -> LetterFilter:
    """Raises `FilterError` for what is no time."""
    now = time.time_ns() // 1_000_000
    return LetterFilter(
        types=(told.type,) if told.type else (),
        consumers=(told.consumer,) if told.consumer else (),
        error_types=(told.error_type,) if told.error_type else (),
        topics=(told.topic,) if told.topic else (),
        fingerprints=_members(told.group) if told.group else (),
        event_id=told.event_id,
        correlation_id=told.correlation_id,
        since_ms=parse_time("filter.since", told.since, now) if told.since else None,
        until_ms=parse_time("filter.until", told.until, now) if told.until else None,
    )


def _members(group: str) -> tuple[str, ...]:
    """The fingerprints that people let count as this one."""
    return members_of(group, merged_fingerprints())
