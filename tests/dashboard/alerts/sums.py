"""Makers of sums, as `ingest.queries.sums.read_sums` reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ingest.folds.cells import CODE_BITS, Counter, add_up, sketch_code
from ingest.queries.grouping import SeriesView
from ingest.queries.sums import Sums, make_sums
from ingest.sketch import bin_of

__all__ = ["Told", "handled", "make", "published"]

Told = tuple[SeriesView, Mapping[Counter, int], Mapping[str, Sequence[float]]]


def handled(
    consumer: str,
    counts: Mapping[Counter, int],
    latencies: Sequence[float] = (),
    *,
    type: str = "ORDER_CREATED",
    topic: str = "orders",
    kind: str = "processing",
) -> Told:
    return SeriesView(0, type, "", consumer, topic), counts, {kind: latencies}


def published(
    source: str,
    count: int,
    delays: Sequence[float] = (),
    *,
    type: str = "ORDER_CREATED",
    topic: str = "orders",
) -> Told:
    row = SeriesView(0, type, source, "", topic)
    return row, {Counter.PUBLISHED: count}, {"publish_delay": delays}


def make(*told: Told, seconds: float = 300.0) -> Sums:
    series, cells, counts = [], [], []
    for number, (row, counted, latencies) in enumerate(told, start=3):
        series.append(row._replace(id=number))
        pairs = [(int(code), count) for code, count in counted.items()]
        for kind, values in latencies.items():
            pairs += [(sketch_code(kind) + int(one), 1) for one in bin_of(list(values))]
        cells += [number << CODE_BITS | code for code, _ in pairs]
        counts += [count for _, count in pairs]
    summed = add_up(np.array(cells, np.uint64), np.array(counts, np.uint64))
    return make_sums(series, summed, seconds)
