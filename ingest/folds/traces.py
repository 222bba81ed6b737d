"""What flows are learnt from: of each event its correlation, its cause, its time and its place.

A batch writes one packed row, in its own transaction, so a repeated batch is traced once. Under load
only whole correlations are traced, those whose hash ends in ``bits`` zeros: 1 in 2**bits.
"""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Sequence
from functools import partial
from operator import attrgetter
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import xxhash
import zstandard

from eventscope.errors import EventscopeError
from ingest.folds.columns import SeriesMemo
from ingest.folds.metrics import AskSeries
from ingest.models import TracePiece
from ingest.records import Batch, Record, Slice
from ingest.time_columns import UNKNOWN_MS

__all__ = [
    "BELIEVED_DELAY_MS",
    "CorruptTraces",
    "Sampler",
    "Traces",
    "encode_traces",
    "hash_ids",
    "is_chosen",
    "open_traces",
    "sampler",
    "trace_batch",
    "write_traces",
]

I64 = npt.NDArray[np.int64]
U64 = npt.NDArray[np.uint64]

BELIEVED_DELAY_MS = 86_400_000
"""An event that says it happened later than its append, or longer ago than this, has a wrong clock."""
MOST_BITS = 16
WINDOW_S = 10.0
CALM_S = 60.0

_NOTHING = np.uint64(xxhash.xxh3_64_intdigest(b""))
_FORM = b"\x01"
_CORRELATION = attrgetter("correlation_id")


class CorruptTraces(EventscopeError):
    """A piece of traces cannot be read; its bytes are damaged or from a newer version."""


class Traces(NamedTuple):
    """Columns, one row an event. Ids are hashes, ``cause`` 0 if none is named; times in ms.

    ``at`` is the event's own time where it can be believed, else that of its append.
    ``stream``, ``major`` and ``minor`` tell where the event is stored.
    """

    correlation: U64
    event: U64
    cause: U64
    series: I64
    at: I64
    appended: I64
    stream: I64
    major: I64
    minor: I64

    def take(self, rows: npt.NDArray[np.intp] | npt.NDArray[np.bool_] | slice) -> Traces:
        return Traces._make(column[rows] for column in self)

    @classmethod
    def joined(cls, parts: Sequence[Traces]) -> Traces:
        """``parts`` one behind the other."""
        if not parts:
            return _columns(np.empty((len(cls._fields), 0), np.int64))
        return cls._make(np.concatenate(columns) for columns in zip(*parts, strict=True))


class Sampler:
    """How many correlations to trace, by the rate of the last seconds; one a worker.

    Fewer at once when the rate grows, more again only after a minute in which fewer were not needed:
    every change cuts the correlations that are under way.
    """

    def __init__(self, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._seen: deque[tuple[float, int]] = deque()
        self._bits = 0
        self._needed_at = float("-inf")

    def bits(self, events: int, *, wanted: int) -> int:
        """Trace 1 in 2**bits, so that about ``wanted`` events a second are; note ``events`` more."""
        now = self._clock()
        self._seen.append((now, events))
        while self._seen[0][0] < now - WINDOW_S:
            self._seen.popleft()
        rate = sum(count for _, count in self._seen) / WINDOW_S
        needed = min(MOST_BITS, math.ceil(math.log2(max(1.0, rate / wanted))))
        if needed >= self._bits or now - self._needed_at > CALM_S:
            self._bits, self._needed_at = needed, now
        return self._bits


sampler = Sampler()
"""The one of this process."""


def write_traces(batch: Batch, code: AskSeries, *, wanted: int) -> None:
    """One row, in the caller's transaction; none if ``wanted`` is 0 or nothing was chosen."""
    if not wanted:
        return
    bits = sampler.bits(batch.events(), wanted=wanted)
    traces = trace_batch(batch, code, bits=bits)
    if traces.event.size:
        TracePiece.objects.create(
            bits=bits,
            events=traces.event.size,
            newest_ms=int(traces.appended.max()),
            data=encode_traces(traces),
        )


def trace_batch(batch: Batch, code: AskSeries, *, bits: int) -> Traces:
    """The events of the chosen correlations; no system events, nothing from dead-letter topics.

    ``code`` gives the id of a series by type, source, consumer and topic.
    """
    return Traces.joined(
        [
            _trace(part, code, bits)
            for part in batch.slices
            if part.records and not part.stream.dead_letters
        ]
    )


def is_chosen(correlations: U64, bits: int) -> npt.NDArray[np.bool_]:
    """Whose hash ends in ``bits`` zeros: who is chosen for more bits is chosen for fewer."""
    chosen: npt.NDArray[np.bool_] = (correlations & np.uint64((1 << bits) - 1)) == 0
    return chosen


def hash_ids(values: Sequence[str]) -> U64:
    """64 bits of each id; 0 for an empty one."""
    try:
        octets = [*map(str.encode, values)]
    except UnicodeEncodeError:
        octets = [value.encode("utf-8", "surrogatepass") for value in values]
    hashes = np.fromiter(map(xxhash.xxh3_64_intdigest, octets), np.uint64, len(octets))
    hashes[hashes == _NOTHING] = 0
    return hashes


def encode_traces(traces: Traces) -> bytes:
    table = np.stack([column.view(np.int64) for column in traces]).astype("<i8")
    return _FORM + zstandard.ZstdCompressor(level=1).compress(table.tobytes())


def open_traces(blob: bytes | memoryview) -> Traces:
    """What `encode_traces` packed. Raises `CorruptTraces`."""
    whole = memoryview(blob)
    try:
        body = zstandard.ZstdDecompressor().decompress(whole[1:])
        table = np.frombuffer(body, "<i8").reshape(len(Traces._fields), -1)
    except (zstandard.ZstdError, ValueError) as error:
        raise CorruptTraces from error
    if whole[:1] != _FORM:
        raise CorruptTraces
    return _columns(table)


def _columns(table: I64) -> Traces:
    ids = [table[number].view(np.uint64) for number in range(3)]
    return Traces(*ids, *(table[number] for number in range(3, len(table))))


def _trace(part: Slice, code: AskSeries, bits: int) -> Traces:
    records = [record for record in part.records if record.detail is None]
    correlations = hash_ids([*map(_CORRELATION, records)])
    if bits:
        chosen = np.flatnonzero(is_chosen(correlations, bits))
        records = [records[row] for row in chosen.tolist()]
        correlations = correlations[chosen]
    series = SeriesMemo(partial(_ask, code))
    names = [(record.event_type, record.source, part.stream.topic) for record in records]
    appended = _column([record.appended_ms for record in records])
    return Traces(
        correlation=correlations,
        event=hash_ids([record.event_id for record in records]),
        cause=hash_ids([record.causation_id for record in records]),
        series=np.fromiter(map(series.__getitem__, names), np.int64, len(names)),
        at=_own_times(records, appended),
        appended=appended,
        stream=np.full(len(records), part.stream.id, np.int64),
        major=_column([record.position.major for record in records]),
        minor=_column([record.position.minor for record in records]),
    )


def _ask(code: AskSeries, names: tuple[str, str, str]) -> int:
    type, source, topic = names
    return code(type, source, "", topic)


def _own_times(records: Sequence[Record], appended: I64) -> I64:
    told = _column(
        [UNKNOWN_MS if record.occurred_ms is None else record.occurred_ms for record in records]
    )
    delay = appended - told
    believed = (told != UNKNOWN_MS) & (delay >= 0) & (delay <= BELIEVED_DELAY_MS)
    return np.where(believed, told, appended)


def _column(values: list[int]) -> I64:
    return np.array(values, np.int64)
