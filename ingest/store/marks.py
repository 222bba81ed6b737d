"""Marks: keys that ingest adds to receipts, so that events can be asked for by how they were handled. Pure.

A mark says "somebody here tells of an event of that second, handled so". The second is the *event's* (when
it was appended, as the receipt's offset says): lists go by the events' time, and a receipt may come days
later. A mark is no hash of a text but a number, the hash of what is told and behind it the second, so that
in a run of keys the marks of one name stand together in order of time: a stretch of time is read as a few
pages, however long it is (`ingest.store.marked`). A mark is a hint; what it points to is judged.

Where a receipt has no offset with a time, the event's timestamp stands for it and the second after is
marked too; where it has neither, the receipt's own time and some seconds before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple, Protocol

import msgspec
import xxhash

from ingest.envelopes.system import unquoted
from ingest.records import Record
from ingest.system import DeadLettered, Receipt, Receipts
from ingest.timestamps import EARLIEST_MS, LATEST_MS, parse_ms

__all__ = [
    "ENDS",
    "SECONDS",
    "VERSION",
    "Told",
    "by_consumer",
    "by_end",
    "by_longest",
    "by_type",
    "end_of",
    "longer_than",
    "mark",
    "marks_of",
    "quick_range",
    "told_by",
    "told_of",
    "told_range",
    "took_ms",
]

VERSION = 1
"""Of marks as they are here: blocks that have an older one are marked again (`ingest.store.remarking`)."""
SECONDS = 1 << 26
"""So many seconds are counted, two years; then the count begins again, and what is found is judged anyway."""
ENDS = ("delivered", "retried", "failed", "dead_lettered")
DELAY_MS = 1000
"""From an event's own timestamp to its append."""
UNSURE_MS = 5000
"""From an event's append to a receipt that does not tell when that was."""
_OF_OUTCOME = {
    "success": "delivered",
    "skipped": "delivered",
    "retry": "retried",
    "failed": "failed",
    "dead_lettered": "dead_lettered",
}
_SIGN = "\x1f"
_NAME_BITS = 22
"""With those of the seconds the 48 that a key has. Names may share theirs: what is found is judged."""
_CLASSES = 11
_ENTRY = 13
_DIGITS = 10
"""Digits of the milliseconds, and of the seconds, in a Redis entry id."""
_OFFSET, _TOOK = attrgetter("offset"), attrgetter("duration_ms")
_KIND = attrgetter("event_type", "consumer", "outcome", "attempt")
FEW_SECONDS = 4
"""So many in a message are all marked by everything in it, which finds a little too much."""


class _Original(msgspec.Struct, rename="camel"):
    event_type: str = ""


_ORIGINAL = msgspec.json.Decoder(_Original)


class Timed(Protocol):
    """Of a receipt what tells when its event was appended."""

    @property
    def offset(self) -> str | int: ...

    @property
    def produced_at(self) -> str | int | float | None: ...


class _Times(msgspec.Struct, rename="camel", gc=False):
    offset: str | int = ""
    produced_at: str | int | float | None = None


class _TimesOnly(msgspec.Struct, gc=False):
    receipts: list[_Times]


class _Timed(msgspec.Struct, gc=False):
    payload: _TimesOnly


_TIMES = msgspec.json.Decoder(_Timed)


class Told(NamedTuple):
    """One handling as a receipt or a dead letter tells it; the event was appended in [from_ms, until_ms]."""

    event_id: str
    event_type: str
    consumer: str
    end: str
    took_ms: float
    from_ms: int
    until_ms: int


def marks_of(record: Record, *, dead_letter: bool) -> set[int]:
    """The marks that ``record`` is found by; none if it tells of no handling."""
    detail = record.detail
    seconds = _seconds(detail.receipts) if type(detail) is Receipts else None
    if type(detail) is Receipts and seconds:
        return _marked(_names_in(detail.receipts), seconds)
    marks: set[int] = set()
    for told in told_by(record, dead_letter=dead_letter):
        names = {by_longest(told.took_ms), *_names(told.event_type, told.consumer, told.end)}
        marks |= _marked(names, range(told.from_ms // 1000, told.until_ms // 1000 + 1))
    return marks


def _marked(names: Iterable[str], seconds: Iterable[int]) -> set[int]:
    """Each of ``names`` in each of ``seconds``."""
    counted = [second % SECONDS for second in seconds]
    return {head + second for head in map(_head, names) for second in counted}


def _seconds(receipts: Sequence[Receipt]) -> set[int]:
    """All seconds that receipts with exact times tell of, if they are few; the hot path, in bulk."""
    offsets = list(map(_OFFSET, receipts))
    try:
        if {offset[_ENTRY : _ENTRY + 1] for offset in offsets} != {"-"}:
            return set()
        seconds = set(map(int, {offset[:_DIGITS] for offset in offsets}))
    except (TypeError, ValueError):
        return set()
    told = len(seconds) <= FEW_SECONDS and all(_is_believable(second * 1000) for second in seconds)
    return seconds if told else set()


def _is_believable(at_ms: int) -> bool:
    return EARLIEST_MS <= at_ms < LATEST_MS


def _names_in(receipts: Sequence[Receipt]) -> set[str]:
    """What receipts of the same time are marked by: the longest handling stands for all."""
    took = list(map(_TOOK, receipts))
    longest = max(map(took_ms, receipts) if None in took else took)
    names = {by_longest(longest)}
    for type, consumer, outcome, attempt in set(map(_KIND, receipts)):
        names.update(_names(type, consumer, end_of(outcome, attempt)))
    return names


def _tells_time(offset: str) -> bool:
    return offset[_ENTRY : _ENTRY + 1] == "-" and offset[:_ENTRY].isdecimal()


def told_by(record: Record, *, dead_letter: bool) -> Iterator[Told]:
    """The handlings that a stored message tells of."""
    detail = record.detail
    if type(detail) is Receipts:
        for receipt in detail.receipts:
            yield told_of(receipt, record.appended_ms)
    elif type(detail) is DeadLettered:
        for event_id in record.keys:
            yield _given_up(event_id, _type_of(detail.event), record, detail.consumer)
    elif dead_letter:
        yield _given_up(record.event_id, record.event_type, record, "")
        yield _copied(record)


def told_range(record: Record, *, dead_letter: bool) -> tuple[int, int] | None:
    """The earliest and the latest ms at which an event that ``record`` tells of may have been appended.

    None if it tells of no handling.
    """
    if type(record.detail) is Receipts:
        return _range_of(record.detail.receipts, record.appended_ms)
    times = [(told.from_ms, told.until_ms) for told in told_by(record, dead_letter=dead_letter)]
    return _around(times)


def quick_range(body: bytes, told_ms: int) -> tuple[int, int] | None:
    """`told_range` of a native message of receipts, nothing but their times read; None if it is no such."""
    try:
        return _range_of(_TIMES.decode(body).payload.receipts, told_ms)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def _range_of(receipts: Sequence[Timed], told_ms: int) -> tuple[int, int] | None:
    """In bulk where all offsets tell exactly when their events were appended."""
    offsets = set(map(_OFFSET, receipts))
    return _exact_range(offsets) or _around([_event_time(one, told_ms) for one in receipts])


def _exact_range(offsets: Collection[object]) -> tuple[int, int] | None:
    """The first and the last of the times that Redis entry ids tell; None unless every one does."""
    ids = [offset for offset in offsets if type(offset) is str and _tells_time(offset)]
    if not ids or len(ids) < len(offsets):
        return None
    low, high = int(min(ids)[:_ENTRY]), int(max(ids)[:_ENTRY])
    return (low, high) if _is_believable(low) and _is_believable(high) else None


def _around(times: Sequence[tuple[int, int]]) -> tuple[int, int] | None:
    return (min(low for low, _ in times), max(high for _, high in times)) if times else None


def end_of(outcome: str, attempt: int) -> str:
    """What an attempt of a consumer that ended with ``outcome`` makes of the event (`ENDS`).

    ``retried`` is what needed, or still needs, more than one attempt.
    """
    end = _OF_OUTCOME.get(outcome, "failed")
    return "retried" if end == "delivered" and attempt > 1 else end


def mark(name: str, second: int) -> int:
    """The key of ``name`` in a second since 1970."""
    return _head(name) + second % SECONDS


@lru_cache(maxsize=65_536)
def _head(name: str) -> int:
    digest = xxhash.xxh3_64_intdigest(name.encode("utf-8", "surrogatepass"))
    return (digest >> (64 - _NAME_BITS)) * SECONDS


def by_end(end: str) -> str:
    return f"o{_SIGN}{end}"


def by_consumer(consumer: str, end: str = "") -> str:
    """Handled by ``consumer``; with an ``end`` (any but delivered), ended so there."""
    return f"c{_SIGN}{consumer}{_SIGN}{end}"


def by_type(type: str, end: str) -> str:
    """Events of ``type`` that ended so; any end but delivered."""
    return f"t{_SIGN}{type}{_SIGN}{end}"


def by_longest(took_ms: float) -> str:
    """The longest of the handlings told together took about so long: the power of four above it."""
    return f"d{_SIGN}{_class_of(took_ms)}"


def longer_than(over_ms: float) -> list[str]:
    """The names of all that `by_longest` may give for more than ``over_ms``."""
    return [f"d{_SIGN}{size}" for size in range(_class_of(over_ms), _CLASSES + 1)]


@lru_cache(maxsize=4096)
def _names(type: str, consumer: str, end: str) -> tuple[str, ...]:
    """All but the duration. Remembered: a system says the same few things all day."""
    names = [by_end(end)]
    if consumer:
        names.append(by_consumer(consumer))
    if end != "delivered":
        names.append(by_type(type, end))
        if consumer:
            names.append(by_consumer(consumer, end))
    return tuple(names)


def _class_of(took_ms: float) -> int:
    return min(_CLASSES, (int(max(0.0, took_ms)).bit_length() + 1) // 2)


def told_of(receipt: Receipt, told_ms: int) -> Told:
    """The handling that a receipt tells of, in a message that was appended at ``told_ms``."""
    return Told(
        receipt.event_id,
        receipt.event_type,
        receipt.consumer,
        end_of(receipt.outcome, receipt.attempt),
        took_ms(receipt),
        *_event_time(receipt, told_ms),
    )


def took_ms(receipt: Receipt) -> float:
    """Processing time: as told, else from start to end, 0 when neither is known."""
    if receipt.duration_ms is not None:
        return receipt.duration_ms
    started, ended = parse_ms(receipt.started_at), parse_ms(receipt.ended_at)
    return 0.0 if started is None or ended is None else float(ended - started)


def _event_time(receipt: Timed, told_ms: int) -> tuple[int, int]:
    offset = receipt.offset
    if type(offset) is str and _tells_time(offset):
        at_ms = int(offset[:_ENTRY])
        if _is_believable(at_ms):
            return at_ms, at_ms
    produced = parse_ms(receipt.produced_at)
    return (told_ms - UNSURE_MS, told_ms) if produced is None else (produced, produced + DELAY_MS)


def _given_up(event_id: str, event_type: str, record: Record, consumer: str) -> Told:
    """A letter keeps the time that the event had itself."""
    at_ms = record.appended_ms if record.occurred_ms is None else record.occurred_ms
    return Told(event_id, event_type, consumer, "dead_lettered", 0.0, at_ms, at_ms + DELAY_MS)


def _copied(record: Record) -> Told:
    """The copy on a dead-letter topic is an event with the same id, and listed at its own time too."""
    at_ms = record.appended_ms
    return Told(record.event_id, record.event_type, "", "dead_lettered", 0.0, at_ms, at_ms)


def _type_of(event: msgspec.Raw) -> str:
    try:
        return _ORIGINAL.decode(unquoted(bytes(event))).event_type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return ""
