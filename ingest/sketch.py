"""Latencies in logarithmic bins: mergeable by adding counts, any quantile within 1 %.

Bin 0 holds everything up to `SMALLEST_MS` (zero and negative too); bin i > 0 holds
``SMALLEST_MS * GAMMA ** (i - 1)`` (excluded) to ``SMALLEST_MS * GAMMA ** i`` (included) and answers
with the geometric middle, so the relative error is at most ``sqrt(GAMMA) - 1`` = 0.995 %. The idea is
DDSketch's (Masson et al., 2019, https://arxiv.org/abs/1908.10693) with a fixed range.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

__all__ = ["BINS", "GAMMA", "SMALLEST_MS", "bin_of", "quantile", "value_of"]

BINS = 2048
GAMMA = 1.02
SMALLEST_MS = 0.01

_LOG_GAMMA = math.log(GAMMA)
_LOG_SMALLEST = math.log(SMALLEST_MS)
_VALUES = SMALLEST_MS * np.exp(_LOG_GAMMA * (np.arange(BINS, dtype=np.float64) - 0.5))
_VALUES[0] = 0.0


def bin_of(values_ms: npt.ArrayLike) -> npt.NDArray[np.uint16]:
    """The bin of each value; NaN counts as zero, what exceeds the last bin falls into it."""
    values = np.nan_to_num(np.asarray(values_ms, dtype=np.float64), nan=0.0)
    exponents = (np.log(np.maximum(values, SMALLEST_MS)) - _LOG_SMALLEST) / _LOG_GAMMA
    # A value on a bin's upper bound stays in it although its logarithm is rounded.
    bins = np.ceil(exponents - 1e-9)
    return np.minimum(bins, BINS - 1).astype(np.uint16)


def value_of(bins: npt.ArrayLike) -> npt.NDArray[np.float64]:
    """The value (ms) that stands for each bin."""
    return _VALUES[np.asarray(bins, dtype=np.intp)]


def quantile(bins: npt.ArrayLike, counts: npt.ArrayLike, q: float) -> float | None:
    """The ``q`` quantile (nearest rank) in ms of ``counts`` over ascending ``bins``; None if empty."""
    running = np.cumsum(np.asarray(counts, dtype=np.int64))
    if not running.size or running[-1] <= 0:
        return None
    rank = max(1, math.ceil(q * int(running[-1]) - 1e-9))
    place = int(np.searchsorted(running, rank, side="left"))
    return float(_VALUES[int(np.asarray(bins)[min(place, running.size - 1)])])
