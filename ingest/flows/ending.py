"""Which open correlations have ended, and what is given up when there are too many. Pure.

A correlation ends when it lacks nothing and has been quiet for its horizon: a good deal longer than
any step of its kind usually takes. One in sixteen waits for ``quiet`` all the same, so that a step
which comes later than was ever seen is still seen. What lacks a step is open until ``longest``.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from ingest.flows.joining import Joined, Kinds
from ingest.options import FlowOptions
from ingest.queries.flows import Flow

__all__ = ["MOST_OPEN_EVENTS", "Ending", "choose_ended", "horizon_ms"]

I64 = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]

MOST_OPEN_EVENTS = 200_000
HORIZON_FACTOR = 4.0
HORIZON_LEAST_MS = 30_000
KNOWN_FROM = 200
_PATIENT = np.uint64(15)
_PATIENT_SHIFT = np.uint64(32)


class Ending(NamedTuple):
    """Flags by correlation. ``evicted`` had to make room, ``hasty`` of them before their horizon."""

    ended: Flags
    evicted: int
    hasty: int


def horizon_ms(flow: Flow | None, options: FlowOptions) -> float:
    """How long a flow of this kind may be quiet before it has ended."""
    most = options.quiet * 1000
    if flow is None or flow.whole.correlations < KNOWN_FROM:
        return most
    slowest = max((edge.p99 or 0.0 for edge in flow.edges), default=0.0)
    return min(most, max(HORIZON_LEAST_MS, HORIZON_FACTOR * slowest))


def choose_ended(
    joined: Joined,
    kinds: Kinds,
    flows: Mapping[str, Flow],
    lacking: I64,
    *,
    watermark_ms: int,
    options: FlowOptions,
    most: int,
) -> Ending:
    """Flags by correlation; ``lacking`` are those in which an expected step has not come.

    No more than ``most`` events stay open.
    """
    horizons = np.array([horizon_ms(flows.get(type), options) for type in kinds.types], np.float64)
    start = joined.start
    horizon = horizons[joined.type[start]] if start.size else np.empty(0)
    patient = ((joined.traces.correlation[start] >> _PATIENT_SHIFT) & _PATIENT) == 0
    horizon = np.where(patient, options.quiet * 1000, horizon)
    quiet = watermark_ms - joined.newest
    waits = np.zeros(joined.size, np.bool_)
    waits[lacking] = True
    age = watermark_ms - joined.traces.appended[start]
    ended = ((quiet >= horizon) & ~waits) | (age >= options.longest * 1000)
    return _make_room(joined, ended, quiet, quiet < horizon, most)


def _make_room(joined: Joined, ended: Flags, quiet: I64, early: Flags, most: int) -> Ending:
    """End the longest quiet ones until no more than ``most`` events stay open."""
    sizes = np.bincount(joined.group, minlength=joined.size)
    excess = int(sizes[~ended].sum()) - most
    if excess <= 0:
        return Ending(ended, 0, 0)
    open_ones = np.flatnonzero(~ended)
    order = open_ones[np.argsort(-quiet[open_ones], kind="stable")]
    count = int(np.searchsorted(np.cumsum(sizes[order]), excess)) + 1
    evicted = order[:count]
    ended = ended.copy()
    ended[evicted] = True
    return Ending(ended, evicted.size, int(early[evicted].sum()))
