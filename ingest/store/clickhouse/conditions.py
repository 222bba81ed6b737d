"""Filters as conditions of ClickHouse's SQL. Pure."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence

from ingest.store.base import Cursor, EventFilter
from ingest.store.clickhouse.engine import quoted
from ingest.store.globs import is_pattern

__all__ = ["beyond", "names_fit", "within"]

_SPECIAL = re.compile(r"([%_\\])")


def names_fit(column: str, patterns: Collection[str]) -> list[str]:
    """That ``column`` fits any of ``patterns`` and none of those with ``!`` before them."""
    wanted = [pattern for pattern in patterns if not pattern.startswith("!")]
    unwanted = [pattern[1:] for pattern in patterns if pattern.startswith("!")]
    conditions = [_any_of(column, wanted)] if wanted else []
    return conditions + [f"NOT {_any_of(column, unwanted)}"] * bool(unwanted)


def within(where: EventFilter) -> list[str]:
    """That an event is one that ``where`` selects."""
    conditions = [
        *names_fit("type", where.types),
        *names_fit("source", where.sources),
        *names_fit("topic", where.topics),
    ]
    if where.since_ms is not None:
        conditions.append(f"appended_ms >= {where.since_ms}")
    if where.until_ms is not None:
        conditions.append(f"appended_ms < {where.until_ms}")
    return conditions


def beyond(place: Cursor, *, newest_first: bool) -> list[str]:
    """That an event comes after ``place``; the first condition is what the index understands best."""
    sign = "<" if newest_first else ">"
    parts = ", ".join(map(str, place))
    return [
        f"appended_ms {sign}= {place.appended_ms}",
        f"(appended_ms, stream_id, major, minor) {sign} ({parts})",
    ]


def _any_of(column: str, patterns: Sequence[str]) -> str:
    exact = [pattern for pattern in patterns if not is_pattern(pattern)]
    tests = [f"{column} IN ({', '.join(map(quoted, exact))})"] if exact else []
    tests += [f"{column} LIKE {_like(one)}" for one in patterns if is_pattern(one)]
    return f"({' OR '.join(tests)})"


def _like(glob: str) -> str:
    escaped = _SPECIAL.sub(r"\\\1", glob)
    return quoted(escaped.replace("*", "%").replace("?", "_"))
