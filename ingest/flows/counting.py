"""What ended flows add to the counts of their kind. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.flows.joining import Joined, Kinds
from ingest.queries.flows import DAY_MS
from ingest.sketch import BINS, bin_of

__all__ = ["Place", "Tally", "count_flows"]

I64 = npt.NDArray[np.int64]


class Place(NamedTuple):
    """Names of a row of `ingest.models.FlowCount`."""

    day: int
    start: str
    parent: str
    type: str


class Tally(NamedTuple):
    """What is added to a place; ``bins`` and ``counts`` are the sketch of the delays.

    ``without``: in how many of the correlations a step expected after the same cause did not come.
    """

    correlations: int
    occurrences: int
    bins: I64
    counts: I64
    sources: dict[str, int]
    first_ms: int
    last_ms: int
    without: dict[str, int]


class _Sightings(NamedTuple):
    """Steps seen: of each its correlation, parent's and own type + 1 (0: none), its row, its delay."""

    group: I64
    parent: I64
    type: I64
    row: I64
    delay: I64


def count_flows(
    joined: Joined,
    kinds: Kinds,
    chosen: npt.NDArray[np.bool_],
    instead: Mapping[Place, dict[str, int]],
) -> dict[Place, Tally]:
    """What the ``chosen`` correlations add, by place; ``instead`` tells what lacked beside each."""
    seen = _sightings(joined, chosen)
    if not seen.row.size:
        return {}
    start = joined.start[seen.group]
    days = joined.traces.appended[start] // DAY_MS
    size = len(kinds.types) + 1
    distinct, day_codes = np.unique(days, return_inverse=True)
    places = ((day_codes * size + joined.type[start]) * size + seen.parent) * size + seen.type
    codes, places = np.unique(places, return_inverse=True)
    sources = _sources(places, joined.source[seen.row], kinds)
    first = _first_of_each(seen.group * codes.size + places)
    sketches = _sketches(places[first], seen.delay[first], codes.size)
    occurrences = np.bincount(places).tolist()
    earliest, latest = _spans(places, joined.traces.appended[seen.row])
    places_of = [_place(code, size, distinct, kinds) for code in codes.tolist()]
    return {
        place: Tally(
            correlations=int(sketches[number][1].sum()),
            occurrences=occurrences[number],
            bins=sketches[number][0],
            counts=sketches[number][1],
            sources=sources[number],
            first_ms=earliest[number],
            last_ms=latest[number],
            without=instead.get(place, {}),
        )
        for number, place in enumerate(places_of)
    }


def _sightings(joined: Joined, chosen: npt.NDArray[np.bool_]) -> _Sightings:
    """The flow itself once a correlation, and every further event twice: anywhere, and after its cause."""
    at = joined.traces.at
    rows = np.arange(at.size)
    rows = rows[chosen[joined.group] & (rows != joined.start[joined.group])]
    group = joined.group[rows]
    kept = np.flatnonzero(chosen)
    ends = np.maximum.reduceat(at, joined.begins)[kept] if kept.size else kept
    start = joined.start[kept]
    nothing = np.zeros(rows.size, np.int64)
    parts = [
        _Sightings(kept, np.zeros_like(kept), np.zeros_like(kept), start, ends - at[start]),
        _Sightings(group, nothing, joined.type[rows] + 1, rows, at[rows] - at[joined.start[group]]),
        _Sightings(
            group,
            joined.type[joined.parent[rows]] + 1,
            joined.type[rows] + 1,
            rows,
            at[rows] - at[joined.parent[rows]],
        ),
    ]
    seen = _Sightings(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))
    return seen._replace(delay=np.maximum(seen.delay, 0))


def _first_of_each(keys: I64) -> I64:
    """Where each key stands first: rows of a correlation are in order of time."""
    return np.unique(keys, return_index=True)[1]


def _sketches(places: I64, delays: I64, size: int) -> list[tuple[I64, I64]]:
    """Bins and counts by place."""
    keys, counts = np.unique(places * BINS + bin_of(delays), return_counts=True)
    ends = np.searchsorted(keys, np.arange(1, size) * BINS)
    return list(zip(np.split(keys % BINS, ends), np.split(counts, ends), strict=True))


def _spans(places: I64, times: I64) -> tuple[list[int], list[int]]:
    """The earliest and the latest time by place."""
    order = np.argsort(places, kind="stable")
    starts = np.searchsorted(places[order], np.arange(int(places.max()) + 1))
    ordered = times[order]
    return (
        np.minimum.reduceat(ordered, starts).tolist(),
        np.maximum.reduceat(ordered, starts).tolist(),
    )


def _sources(places: I64, sources: I64, kinds: Kinds) -> list[dict[str, int]]:
    size = len(kinds.sources)
    keys, counts = np.unique(places * size + sources, return_counts=True)
    found: list[dict[str, int]] = [{} for _ in range(int(places.max()) + 1)]
    for key, count in zip(keys.tolist(), counts.tolist(), strict=True):
        place, source = divmod(key, size)
        found[place][kinds.sources[source]] = count
    return found


def _place(code: int, size: int, days: I64, kinds: Kinds) -> Place:
    code, type = divmod(code, size)
    code, parent = divmod(code, size)
    day, start = divmod(code, size)
    names = ["", *kinds.types]
    return Place(int(days[day]), kinds.types[start], names[parent], names[type])
