"""The events list's filters: what may be asked, read strictly. Pure.

A request that is not understood is refused with the place and the reason; nothing is guessed.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import urlencode

from dashboard.explore.errors import FilterError
from dashboard.explore.values import (
    MAX_LIMIT,
    PRESETS,
    READERS,
    check_text,
    parse_time,
    read_many,
)

__all__ = [
    "MAX_LIMIT",
    "PRESETS",
    "EventQuery",
    "FilterError",
    "parse_event_query",
    "parse_time",
]

_MANY = {"type": "types", "source": "sources", "topic": "topics", "consumer": "consumers"}
_LISTED = frozenset({*_MANY, "outcome", "q"})


@dataclass(frozen=True, slots=True, kw_only=True)
class EventQuery:
    """What a list of events selects. Times are ms since 1970 of append, half-open.

    Names may be globs, with ``!`` in front to leave out. ``outcomes`` and ``over_ms`` (the longest
    handling took more) are judged of the handlings by ``consumers`` alone, if any are given.
    ``paths`` are indexed payload paths, each with the values of which one must stand there.
    ``system`` False leaves out receipts, health reports and the like, unless ``types`` names them.
    """

    types: tuple[str, ...] = ()
    sources: tuple[str, ...] = ()
    topics: tuple[str, ...] = ()
    consumers: tuple[str, ...] = ()
    outcomes: tuple[str, ...] = ()
    over_ms: float | None = None
    since_ms: int | None = None
    until_ms: int | None = None
    preset: str = ""
    event_id: str = ""
    correlation_id: str = ""
    causation_id: str = ""
    trace_id: str = ""
    entity: str = ""
    key: str = ""
    paths: tuple[tuple[str, tuple[str, ...]], ...] = ()
    texts: tuple[str, ...] = ()
    newest_first: bool = True
    system: bool = True
    series_until: int | None = None
    limit: int = 50
    cursor: str = ""
    raw: tuple[tuple[str, str], ...] = field(default=(), compare=False)

    @property
    def text(self) -> str:
        """The first of the texts, for a form with one field."""
        return self.texts[0] if self.texts else ""

    @property
    def outcome(self) -> str:
        """The only outcome asked for, for a form with one field; "" for none or several."""
        return self.outcomes[0] if len(self.outcomes) == 1 else ""

    @property
    def needles(self) -> tuple[tuple[str, ...], ...]:
        """What an index can find, most telling first; of each group an event carries one value."""
        entity_id = self.entity.partition(":")[2]
        ids = (
            *(self.event_id, self.causation_id, self.correlation_id),
            *(self.key, entity_id, self.trace_id),
        )
        return (
            *((value,) for value in ids if value),
            *(values for _, values in self.paths),
        )

    @property
    def hides_system(self) -> bool:
        """Whether system events are left out: not where a type is asked for by name."""
        return not self.system and all(name.startswith("!") for name in self.types)

    @property
    def judged(self) -> bool:
        """Whether what consumers did with an event decides."""
        return bool(self.outcomes or self.consumers or self.over_ms is not None)

    @property
    def identity(self) -> str:
        """What a cursor belongs to: everything that was asked, but the page."""
        return urlencode(sorted((name, value) for name, value in self.raw if name != "limit"))

    def url(self, **changes: str) -> str:
        """The query string that shows this list, with ``changes``; "" takes a part away."""
        kept = [(name, value) for name, value in self.raw if name not in changes]
        kept += [(name, value) for name, value in changes.items() if value]
        return urlencode(kept)


def parse_event_query(
    parameters: Mapping[str, Sequence[str]],
    *,
    now_ms: int,
    limit: int = 50,
    system: bool = True,
    indexed: Collection[str] = (),
) -> EventQuery:
    """The query that ``parameters`` (name → values, as `QueryDict.lists`) ask.

    ``indexed`` are the payload paths that may be asked for by value. Raises `FilterError` for an
    unknown name, a name given twice that takes one value, or a value that is not right.
    """
    values: dict[str, object] = {"limit": limit, "system": system}
    raw: list[tuple[str, str]] = []
    paths: list[tuple[str, tuple[str, ...]]] = []
    for name, given in parameters.items():
        filled = [value for value in given if value.strip()]
        if name not in READERS and name not in _MANY and name not in indexed:
            raise FilterError(name, f"unknown filter; expected one of {', '.join(_known(indexed))}")
        for value in filled:
            check_text(name, value)
        if name in indexed:
            paths += [(name, tuple(dict.fromkeys(filled)))] if filled else []
        elif name in _MANY:
            values[_MANY[name]] = read_many(name, filled)
        elif len(filled) > 1 and name not in _LISTED:
            raise FilterError(name, "given more than once")
        elif filled:
            values.update(READERS[name](name, filled, now_ms))
        if name != "cursor":
            raw += [(name, value) for value in filled]
    query = EventQuery(**values, paths=tuple(paths), raw=tuple(raw))  # type: ignore[arg-type]
    _check_span(query, {name for name, _ in raw})
    return query


def _check_span(query: EventQuery, given: set[str]) -> None:
    if "range" in given and given & {"since", "until"}:
        raise FilterError("range", "cannot be joined with since or until; leave one out")
    if (
        query.since_ms is not None
        and query.until_ms is not None
        and query.since_ms >= query.until_ms
    ):
        raise FilterError("since", "must be earlier than until")


def _known(indexed: Collection[str]) -> list[str]:
    return sorted({*READERS, *_MANY, *indexed})
