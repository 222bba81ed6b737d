"""Reading the pieces that wait to be learnt from, and replacing them by what is still open."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import structlog
from django.db.models import Max

from ingest.folds.traces import (
    CorruptTraces,
    Traces,
    encode_traces,
    is_chosen,
    open_traces,
)
from ingest.models import TracePiece

__all__ = ["MOST_EVENTS", "Raced", "Taken", "consume_pieces", "read_pieces"]

log = structlog.get_logger(__name__)

MOST_EVENTS = 400_000
"""Held in memory at once; beyond, half of the correlations are let go of."""
_CARRIED_EVENTS = 100_000
_IDS = 400


class Raced(Exception):
    """Somebody else deleted one of the pieces: what was made of them must not be kept."""


class Taken(NamedTuple):
    """All that waits, of the correlations chosen for ``bits``; ``needed`` is what ingest asked for."""

    ids: list[int]
    traces: Traces
    bits: int
    needed: int


def read_pieces(bits: int, *, most: int = MOST_EVENTS) -> Taken:
    """Every piece; of 1 in 2**``bits`` correlations, or of fewer if they would not fit.

    A piece that is damaged is told in the log, and goes with the others: it holds nothing that could
    be read another time, and the events themselves are stored elsewhere.
    """
    fresh = TracePiece.objects.filter(carried=False).aggregate(most=Max("bits"))["most"] or 0
    bits = max(bits, fresh)
    ids: list[int] = []
    parts: list[Traces] = []
    size = 0
    for id, data in TracePiece.objects.order_by("id").values_list("id", "data").iterator(64):
        ids.append(id)
        parts.append(_of_chosen(_open(id, data), bits))
        size += parts[-1].event.size
        while size > most:
            bits += 1
            parts = [_of_chosen(Traces.joined(parts), bits)]
            size = parts[0].event.size
    return Taken(ids, Traces.joined(parts), bits, fresh)


def consume_pieces(ids: Sequence[int], *, carried: Traces, bits: int) -> None:
    """Put ``carried`` in the place of the pieces ``ids``, in the caller's transaction.

    Raises `Raced` if one of them is not there any more.
    """
    for begin in range(0, len(ids), _IDS):
        some = list(ids[begin : begin + _IDS])
        deleted, _ = TracePiece.objects.filter(id__in=some).delete()
        if deleted != len(some):
            raise Raced
    for begin in range(0, carried.event.size, _CARRIED_EVENTS):
        part = carried.take(slice(begin, begin + _CARRIED_EVENTS))
        TracePiece.objects.create(
            bits=bits,
            events=part.event.size,
            newest_ms=int(part.appended.max()),
            carried=True,
            data=encode_traces(part),
        )


def _open(id: int, data: bytes | memoryview) -> Traces:
    try:
        return open_traces(data)
    except CorruptTraces as error:
        log.error("flows.corrupt_piece", action="flows.corrupt_piece", piece=id, error=str(error))
        return Traces.joined([])


def _of_chosen(traces: Traces, bits: int) -> Traces:
    return traces.take(is_chosen(traces.correlation, bits))
