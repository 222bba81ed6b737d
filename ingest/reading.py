"""The reading half of the pipeline: a thread a broker that reads and decodes ahead of the commits."""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Iterator, Sequence
from queue import Full, Queue
from typing import TYPE_CHECKING, NamedTuple

import structlog

from ingest.envelopes import Decoder
from ingest.leases import Claimed, Progress
from ingest.options import LimitOptions
from ingest.records import Batch, Message, Position, Quarantined, Record, Slice
from ingest.sources.base import BrokerError, Checkpoint, Loss, Place, Source, StreamIntake
from ingest.system import Receipts

if TYPE_CHECKING:
    from ingest.registry.framing import Unframer

__all__ = ["Backoff", "Presence", "Reader", "Work"]

log = structlog.get_logger("ingest")

_CHUNK = 500
_CHUNK_BYTES = 256 * 1024
_WAIT = 0.2


class Backoff:
    """Waiting times that grow to a limit, with jitter so that workers do not knock together."""

    def __init__(self, first: float = 0.1, most: float = 5.0) -> None:
        self._first = first
        self._most = most
        self._next = first

    def next(self) -> float:
        delay = self._next * random.uniform(0.5, 1.0)
        self._next = min(self._next * 2, self._most)
        return delay

    def reset(self) -> None:
        self._next = self._first


class Presence:
    """Whether one broker answers, over all the readers that it has had; one line a change."""

    def __init__(self, broker: str) -> None:
        self.broker = broker
        self.gone_since: float | None = None

    def note_gone(self, error: BrokerError) -> None:
        if self.gone_since is None:
            self.gone_since = time.monotonic()
            log.warning(
                "broker is gone, trying again until it is back",
                action="ingest.broker_gone",
                broker=self.broker,
                error=str(error),
            )

    def note_back(self) -> None:
        if self.gone_since is not None:
            away = round(time.monotonic() - self.gone_since, 1)
            self.gone_since = None
            log.info(
                "broker is back", action="ingest.broker_back", broker=self.broker, seconds=away
            )


class Work(NamedTuple):
    """What one transaction stores, and where nothing new was found up to which time (ms)."""

    batch: Batch
    progress: dict[int, Progress]
    idle: dict[int, int]

    def lag(self) -> dict[int, int]:
        return {id: made.lag for id, made in self.progress.items()} | dict.fromkeys(self.idle, 0)


class Reader(threading.Thread):
    """Reads the claimed streams of one broker until told to stop, and puts `Work` into the queue.

    A full queue holds it back, so memory is bounded whatever the backlog is. A broker that is gone
    is tried again for ever, with one line in the log.
    """

    def __init__(
        self,
        source: Source,
        claimed: Sequence[Claimed],
        *,
        presence: Presence,
        decoder: Decoder,
        limits: LimitOptions,
        queue: Queue[Work],
        unframer: Unframer | None = None,
    ) -> None:
        super().__init__(name=f"reader-{presence.broker}", daemon=True)
        self._unframer = unframer
        self._presence = presence
        self._source = source
        self._claimed = {Place(one.stream.topic, one.stream.partition): one for one in claimed}
        self._at = {one.stream.id: one.position for one in claimed}
        self._known = {one.stream.id: (one.ordinal, one.identity) for one in claimed}
        self._decoder = decoder
        self._limits = limits
        self._queue = queue
        self._halt = threading.Event()
        self._idle_second = -1
        self._stored: dict[Place, Position] = {}
        self._stored_lock = threading.Lock()
        self.failure: BaseException | None = None

    def stop(self) -> None:
        self._halt.set()

    def note_stored(self, work: Work) -> None:
        """``work`` is in the database; from any thread."""
        told = {
            Place(part.stream.topic, part.stream.partition): part.until
            for part in work.batch.slices
            if part.stream.broker == self._presence.broker
        }
        with self._stored_lock:
            self._stored.update(told)

    def _tell_stored(self) -> None:
        with self._stored_lock:
            stored, self._stored = self._stored, {}
        if stored:
            self._source.note_stored(stored)

    def run(self) -> None:
        try:
            self._source.assign(
                {
                    place: Checkpoint(
                        one.position, one.ordinal, one.lag, one.identity, one.observed_ms
                    )
                    for place, one in self._claimed.items()
                }
            )
            self._loop()
        except BaseException as error:
            self.failure = error  # the pipeline raises it in its own thread
            raise
        finally:
            self._source.close()

    def _loop(self) -> None:
        backoff = Backoff()
        began, full = float("-inf"), False
        while not self._halt.is_set():
            try:
                if not full:
                    self._linger(began)
                began = time.monotonic()
                full = self._read()
            except BrokerError as error:
                self._presence.note_gone(error)
                self._halt.wait(backoff.next())
                full = False
            else:
                self._presence.note_back()
                backoff.reset()

    def _linger(self, began: float) -> None:
        """At low rates wait a little, so that a batch is worth its transaction."""
        rest = began + self._limits.linger - time.monotonic()
        if rest > 0:
            self._halt.wait(rest)
        if not self._halt.is_set():
            self._source.wait(_WAIT)

    def _read(self) -> bool:
        read_ms = time.time_ns() // 1_000_000
        intake = self._source.read(self._limits.batch_events, self._limits.batch_bytes)
        for work in self._works(intake.streams, read_ms):
            self._put(work)
            del work  # what is committed is to be freed, not kept by who made it
            self._await_taken()
        self._tell_stored()
        return intake.full

    def _put(self, work: Work) -> None:
        while not self._halt.is_set():
            try:
                self._queue.put(work, timeout=_WAIT)
            except Full:
                continue
            return

    def _await_taken(self) -> None:
        """Two works at a time, no more: one is being committed while the next is made."""
        with self._queue.not_full:
            while not self._halt.is_set() and self._queue.queue:
                self._queue.not_full.wait(_WAIT)

    def _works(self, streams: Sequence[StreamIntake], read_ms: int) -> Iterator[Work]:
        """One work, or several when the messages hold more than a batch (receipts by the hundred)."""
        slices: list[Slice] = []
        progress: dict[int, Progress] = {}
        weight = 0
        for intake in streams:
            for part, made, heavy in self._slices(intake):
                if part.stream.id in progress or weight >= self._limits.batch_events:
                    yield Work(Batch(slices, read_ms), progress, {})
                    slices, progress, weight = [], {}, 0
                slices.append(part)
                progress[part.stream.id] = made
                weight += heavy
        idle = self._idle(streams)
        if slices or idle:
            yield Work(Batch(slices, read_ms), progress, idle)

    def _slices(self, intake: StreamIntake) -> Iterator[tuple[Slice, Progress, int]]:
        """The messages of one stream, decoded, in as many slices as their weight asks for."""
        one = self._claimed[intake.place]
        rest = intake.messages
        losses = intake.losses
        while rest or losses or intake.restart or self._unsaid(one, intake):
            records, quarantined, weight, done = self._decoded(one, rest)
            rest = rest[done:]
            until = intake.checkpoint.position if not rest else _last(records, quarantined)
            after = self._at[one.stream.id]
            lost = sum(loss.lost for loss in losses)
            made = _progress(one, intake, losses, _newest(records, quarantined), len(rest))
            self._at[one.stream.id] = until
            self._known[one.stream.id] = (made.ordinal, made.identity)
            yield Slice(one.stream, after, until, records, quarantined, lost), made, weight
            losses = ()
            if not rest:
                return

    def _unsaid(self, one: Claimed, intake: StreamIntake) -> bool:
        """Whether the count of messages, or the topic, is now known better than the checkpoint has it."""
        told = (intake.checkpoint.ordinal, intake.checkpoint.identity)
        return self._known[one.stream.id] != told

    def _decoded(
        self, one: Claimed, messages: Sequence[Message]
    ) -> tuple[list[Record], list[Quarantined], int, int]:
        """Decode until a batch's weight is reached; weight and number of messages taken last."""
        records: list[Record] = []
        quarantined: list[Quarantined] = []
        weight = done = 0
        while done < len(messages) and weight < self._limits.batch_events:
            chunk = _chunk(messages, done)
            if self._unframer is not None:
                chunk = self._unframer.unframe(chunk)
            made, poison = self._decoder.decode_all(
                chunk, one.stream.topic, dead_letters=one.stream.dead_letters
            )
            records += made
            quarantined += poison
            weight += len(chunk) + _inside(made)
            done += len(chunk)
        return records, quarantined, weight, done

    def _idle(self, streams: Sequence[StreamIntake]) -> dict[int, int]:
        """Told with the first read of each second of the broker's: then the one before is all stored."""
        idle = {
            self._claimed[intake.place].stream.id: intake.observed_until_ms
            for intake in streams
            if not intake.messages and not intake.restart and not intake.lag
        }
        second = min(idle.values(), default=-1) // 1000
        if second == self._idle_second:
            return {}
        self._idle_second = second
        return idle


def _progress(
    one: Claimed, intake: StreamIntake, losses: Sequence[Loss], newest_ms: int, rest: int
) -> Progress:
    """``newest_ms`` is when the last decoded message was appended, ``rest`` how many are not decoded yet."""
    ordinal = intake.checkpoint.ordinal
    return Progress(
        fence=one.fence,
        ordinal=None if ordinal is None else ordinal - rest,
        lag=intake.lag + rest,
        first_ms=intake.first_ms,
        observed_until_ms=min(newest_ms, intake.observed_until_ms)
        if rest
        else intake.observed_until_ms,
        losses=tuple(losses),
        identity=intake.checkpoint.identity,
    )


def _chunk(messages: Sequence[Message], start: int) -> Sequence[Message]:
    """The next few to decode at once; a single message may hold a hundred receipts."""
    room = _CHUNK_BYTES
    end = start
    for message in messages[start : start + _CHUNK]:
        room -= len(message.value)
        if room < 0 and end > start:
            break
        end += 1
    return messages[start:end]


def _last(records: list[Record], quarantined: list[Quarantined]) -> Position:
    return max(item.position for part in (records[-1:], quarantined[-1:]) for item in part)


def _newest(records: list[Record], quarantined: list[Quarantined]) -> int:
    """When the last of them was appended, 0 if there is none."""
    return max(
        (item.appended_ms for part in (records[-1:], quarantined[-1:]) for item in part), default=0
    )


def _inside(records: list[Record]) -> int:
    """Receipts within the records: each weighs about as much as an event."""
    return sum(
        len(record.detail.receipts)
        for record in records
        if record.detail is not None and type(record.detail) is Receipts
    )
