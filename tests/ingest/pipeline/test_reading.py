"""The reading thread by itself, on a source of our own."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Queue
from typing import Any

from ingest.envelopes import Decoder
from ingest.leases import Claimed
from ingest.options import IngestOptions, LimitOptions
from ingest.reading import Presence, Reader, Work
from ingest.records import Message, Position, StreamRef
from ingest.sources.base import Checkpoint, Intake, Place, StreamIntake

PLACE = Place("t", 0)


class Endless:
    """A source with ``size`` messages more at every read."""

    def __init__(self, size: int, body: bytes) -> None:
        self.reads = 0
        self._size = size
        self._body = body

    def assign(self, checkpoints: Any) -> None: ...

    def close(self) -> None: ...

    def wait(self, seconds: float) -> bool:
        return True

    def read(self, max_events: int, max_bytes: int) -> Intake:
        first = self.reads * self._size + 1
        self.reads += 1
        messages = [
            Message(Position(1000, minor), 1000, None, self._body)
            for minor in range(first, first + self._size)
        ]
        last = messages[-1].position
        taken = StreamIntake(PLACE, messages, Checkpoint(last, last.minor), 1000, 0, 1000)
        return Intake([taken], full=True)


@contextmanager
def reading(source: Any, **limits: Any) -> Iterator[Queue[Work]]:
    queue: Queue[Work] = Queue(maxsize=1)
    claimed = Claimed(StreamRef(1, "main", "t", 0, False), 1, Position(0, 0), 0, 0)
    reader = Reader(
        source,
        [claimed],
        presence=Presence("main"),
        decoder=Decoder(IngestOptions()),
        limits=LimitOptions(**limits),
        queue=queue,
    )
    reader.start()
    try:
        yield queue
    finally:
        reader.stop()
        reader.join(60)
    assert not reader.is_alive()
    assert reader.failure is None


def within(seconds: float, done: Callable[[], bool]) -> bool:
    deadline = time.monotonic() + seconds
    while not done():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.01)
    return True


def test_next_is_read_only_when_the_last_was_taken() -> None:
    """Two works in memory at most, whatever the backlog: the one in hand and the one waiting."""
    source = Endless(10, b'{"eventType":"A","eventId":"1"}')
    with reading(source) as queue:
        assert within(60, queue.full)
        assert not within(0.3, lambda: source.reads > 1)
        queue.get()
        assert within(60, lambda: source.reads == 2)
        assert not within(0.3, lambda: source.reads > 2)


def test_messages_that_hold_much_are_parted_without_loss() -> None:
    """A receipt weighs as an event does, so works of a hundred receipts a message hold few messages."""
    receipt = '{"eventId":"e","consumer":"c","outcome":"success"}'
    body = (
        '{"eventType":"ProcessingReceipts","eventId":"1","payload":{"receipts":['
        + ",".join([receipt] * 100)
        + '],"padding":"'
        + "x" * 50_000
        + '"}}'
    )
    source = Endless(40, body.encode())
    with reading(source, batch_events=1000) as queue:
        works: list[Work] = []
        while sum(work.batch.events() for work in works) < 40:
            works.append(queue.get(timeout=60))

    slices = [part for work in works for part in work.batch.slices]
    minors = [record.position.minor for part in slices for record in part.records]
    assert minors == list(range(1, 41))
    assert max(len(part.records) for part in slices) <= 15
    assert [part.after for part in slices[1:]] == [part.until for part in slices[:-1]]
