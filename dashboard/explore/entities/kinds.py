"""The kinds of entities: declared ones, guessed ones, and those that the newest events suggest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from dashboard.explore.catalog import newest_series, own_types
from ingest.options import IngestOptions
from ingest.queries.entities import (
    EntityKind,
    document_of,
    entity_kinds,
    guess_name,
    values_at,
)
from ingest.queries.events import EventFilter, list_events

__all__ = ["KindSeen", "SeenKinds", "Suggestion", "Told", "read_kinds", "suggest", "watch_kinds"]

SAMPLE = 500
RECENT = 5
MOST_SUGGESTED = 6
LEAST_TYPES = 2
MOST_MEMBERS = 200


class Told(NamedTuple):
    """One of the newest events, as much of it as is looked at."""

    event_type: str
    appended_ms: int
    document: dict[str, Any]


class KindSeen(NamedTuple):
    """A kind with the types that told of one lately, and the ids they told of, newest first."""

    kind: EntityKind
    types: list[str]
    recent: list[str]
    last_ms: int | None


class Suggestion(NamedTuple):
    """A payload path that looks like an id of entities: it occurs in several types."""

    name: str
    path: str
    types: list[str]
    toml: str


class SeenKinds(NamedTuple):
    """``sampled`` is how many of the newest events were looked at, ``since_ms`` when the oldest came."""

    kinds: list[KindSeen]
    suggestions: list[Suggestion]
    sampled: int
    since_ms: int | None


def read_kinds(options: IngestOptions) -> SeenKinds:
    """Every kind, with what the newest events tell of it."""
    until = newest_series()
    page = list_events(EventFilter(types=own_types(until)), limit=SAMPLE) if until else None
    events = page.events if page else []
    told = [Told(event.event_type, event.appended_ms, document_of(event)) for event in events]
    kinds = entity_kinds(options)
    return SeenKinds(
        kinds=watch_kinds(kinds.values(), told),
        suggestions=suggest(told, kinds),
        sampled=len(told),
        since_ms=told[-1].appended_ms if told else None,
    )


def watch_kinds(kinds: Iterable[EntityKind], told: Sequence[Told]) -> list[KindSeen]:
    """What ``told``, newest first, says of each kind. Pure."""
    return [_watch(kind, told) for kind in kinds]


def suggest(told: Sequence[Told], kinds: dict[str, EntityKind]) -> list[Suggestion]:
    """Paths that no kind has and that at least two types share, those of most types first. Pure."""
    types: dict[str, set[str]] = {}
    for one in told:
        for path in _id_paths(one.document.get("payload")):
            types.setdefault(path, set()).add(one.event_type)
    known = {kind.id_path for kind in kinds.values()}
    found: dict[str, Suggestion] = {}
    for path, some in sorted(types.items(), key=lambda item: (-len(item[1]), item[0])):
        name = guess_name(path)
        if len(some) >= LEAST_TYPES and path not in known and name and name not in kinds:
            found.setdefault(name, Suggestion(name, path, sorted(some), toml_of(name, path, some)))
    return list(found.values())[:MOST_SUGGESTED]


def toml_of(name: str, path: str, types: Iterable[str]) -> str:
    """The lines that declare a kind in eventscope.toml."""
    listed = ", ".join(_quoted(type) for type in sorted(types)) or '"*"'
    return f"[entities.{name}]\ntypes = [{listed}]\nid = {_quoted(path)}\n"


def _watch(kind: EntityKind, told: Sequence[Told]) -> KindSeen:
    types: set[str] = set()
    recent: dict[str, None] = {}
    last_ms = None
    for one in told:
        ids = values_at(one.document, kind.id_path) if kind.tells(one.event_type) else []
        if ids:
            types.add(one.event_type)
            last_ms = last_ms or one.appended_ms
            recent.update(dict.fromkeys(ids if len(recent) < RECENT else ()))
    return KindSeen(kind, sorted(types), list(recent)[:RECENT], last_ms)


def _id_paths(payload: Any) -> list[str]:
    """Dotted paths, one or two names deep, of members that are named as ids are and hold one."""
    if not isinstance(payload, dict):
        return []
    paths = []
    for name, value in list(payload.items())[:MOST_MEMBERS]:
        inner = list(value.items())[:MOST_MEMBERS] if isinstance(value, dict) else []
        paths += [(name, value), *((f"{name}.{own}", item) for own, item in inner)]
    return [
        f"payload.{path}"
        for path, value in paths
        if isinstance(value, str | int) and not isinstance(value, bool) and _looks_like_id(path)
    ]


def _looks_like_id(path: str) -> bool:
    last = path.rpartition(".")[2]
    return guess_name(f"payload.{path}") not in ("", last)


def _quoted(text: str) -> str:
    """A TOML basic string; https://toml.io/en/v1.0.0#string"""
    written = "".join(
        f"\\u{ord(sign):04x}" if sign < " " or sign == "\x7f" else sign
        for sign in text.replace("\\", "\\\\").replace('"', '\\"')
    )
    return f'"{written}"'
