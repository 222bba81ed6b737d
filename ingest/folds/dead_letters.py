"""Dead letters: every message on a dead-letter topic, and every native ``DeadLettered``.

A letter is resolved when its event succeeds after all. That success must be of a copy that was
appended after the letter (a redriven one), and by the consumer that had given it up, where the letter
names one: the same event is handled by others too, whose success says nothing.

A letter of an event that somebody had put back supersedes the open one from before, so that the event
counts once however often it fails.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from django.conf import settings

from eventscope.reading import cloud_attributes, text_of
from eventscope.stamps import trace_id
from ingest.envelopes import stored_id
from ingest.envelopes.scan import object_members, scalar
from ingest.folds.fingerprint import fingerprint
from ingest.folds.foreign import Failure, header_pairs, read_failure, unpack_headers
from ingest.folds.text import bounded, whole
from ingest.lineage import redrives_of
from ingest.models import DeadLetter
from ingest.records import Batch, Record, StreamRef
from ingest.sealing import SEALED
from ingest.splitting import keep_apart
from ingest.system import DeadLettered, Receipt
from ingest.time_columns import UNKNOWN_MS, entry_times
from ingest.timestamps import parse_ms
from ingest.wire import SCHEMA, without_wire

__all__ = [
    "UNTOLD",
    "letters_of",
    "original_of",
    "record_letters",
    "resolve_letters",
    "resolves",
    "supersedes",
    "take_apart",
]

UNTOLD = "untold"
"""Stands for the encoding of a sealed string whose letter names none."""
_MESSAGE, _STACK = 2_000, 16_000
_CHUNK = 500

_ODD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Names(msgspec.Struct):
    """The names in an original: native envelope or CloudEvents; whatever type they have."""

    eventId: Any = None
    id: Any = None
    eventType: Any = None
    type: Any = None
    source: Any = None
    correlationid: Any = None
    conversationid: Any = None
    traceparent: Any = None
    metadata: Any = None


_names = msgspec.json.Decoder(_Names)


def letters_of(batch: Batch, *, body_bytes: int) -> list[DeadLetter]:
    """The letters in ``batch``, not saved; originals beyond ``body_bytes`` are cut. Pure."""
    return [
        letter
        for part in batch.slices
        for record in part.records
        if (letter := _letter(part.stream, record, body_bytes)) is not None
    ]


def _letter(stream: StreamRef, record: Record, body_bytes: int) -> DeadLetter | None:
    if isinstance(record.detail, DeadLettered):
        return _native(stream, record, record.detail, body_bytes)
    if stream.dead_letters:
        return _bare(stream, record, read_failure(unpack_headers(record.headers)))
    return None


def _native(stream: StreamRef, record: Record, told: DeadLettered, body_bytes: int) -> DeadLetter:
    original = original_of(told)
    names = _names_in(original, record.headers)
    return _row(
        stream,
        record,
        Failure(
            topic=told.original_topic,
            partition=told.original_partition,
            offset=str(told.original_offset),
            group=told.consumer_group,
            consumer=told.consumer,
            error_type=told.error.type,
            message=told.error.message,
            stack=told.error.stack,
            attempts=told.attempts,
        ),
        event_id=_first(names.eventId, names.id) or record.causation_id or record.event_id,
        event_type=_first(names.eventType, names.type) or record.event_type,
        source=_first(_member(names.metadata, "source"), names.source),
        correlation_id=_correlation_of(names) or record.correlation_id,
        first_failed_ms=parse_ms(told.first_failed_at),
        last_failed_ms=parse_ms(told.last_failed_at),
        event=original[:body_bytes],
        size=len(original),
        headers=_of_the_original(record.headers),
    )


def _bare(stream: StreamRef, record: Record, failure: Failure) -> DeadLetter:
    return _row(
        stream,
        record,
        failure,
        event_id=record.event_id,
        event_type=record.event_type,
        source=record.source,
        correlation_id=record.correlation_id,
        first_failed_ms=failure.first_failed_ms or failure.failed_ms,
        last_failed_ms=failure.failed_ms,
        event=record.body,
        size=record.size,
    )


def _row(
    stream: StreamRef,
    record: Record,
    failure: Failure,
    *,
    event_id: str,
    event_type: str,
    source: str,
    correlation_id: str,
    first_failed_ms: int | None,
    last_failed_ms: int | None,
    event: bytes,
    size: int,
    headers: bytes | None = None,
) -> DeadLetter:
    headers = record.headers if headers is None else headers
    return DeadLetter(
        stream_id=stream.id,
        major=record.position.major,
        minor=record.position.minor,
        received_ms=record.appended_ms,
        event_id=stored_id(event_id),
        event_type=bounded(event_type, 200),
        source=bounded(source, 200),
        correlation_id=stored_id(correlation_id),
        topic=bounded(failure.topic, 255),
        partition=whole(failure.partition),
        offset=bounded(failure.offset, 64),
        consumer=bounded(failure.consumer, 200),
        consumer_group=bounded(failure.group, 200),
        error_type=bounded(failure.error_type, 200),
        error_message=bounded(failure.message, _MESSAGE),
        error_stack=bounded(failure.stack[-_STACK:], _STACK),
        fingerprint=fingerprint(failure.error_type, failure.message, failure.stack),
        attempts=whole(failure.attempts),
        first_failed_ms=first_failed_ms,
        last_failed_ms=last_failed_ms,
        event=event,
        headers=headers,
        size=size,
        flags=record.flags,
        redrives=redrives_of(event, header_pairs(headers)),
    )


def _of_the_original(headers: bytes) -> bytes:
    """Without the bytes of the letter itself, where a schema made that readable."""
    if SCHEMA not in headers:
        return headers
    return msgspec.msgpack.encode(without_wire(header_pairs(headers)))


def original_of(told: DeadLettered) -> bytes:
    """The original message, byte for byte, whether it stands there as JSON or as a string.

    A string that was sealed whole is decoded when it is opened, so its encoding is kept behind it.
    """
    raw = bytes(told.event)
    if SEALED.fullmatch(raw.strip(b'"')):
        known = told.encoding if told.encoding in ("", "base64") else "utf-8"
        return raw + b" " + (known or UNTOLD).encode()
    if not told.encoding:
        return raw
    try:
        text = msgspec.json.decode(raw, type=str)
        return base64.b64decode(text) if told.encoding == "base64" else text.encode()
    except (*_ODD, binascii.Error, ValueError):
        return raw


def take_apart(original: bytes) -> tuple[bytes, str]:
    """What `original_of` made: the bytes, and the encoding if they are a sealed string."""
    token, _, encoding = original.rpartition(b" ")
    if SEALED.fullmatch(token.strip(b'"')):
        return token, encoding.decode("ascii", "replace")
    return original, ""


def _names_in(event: bytes, headers: bytes) -> _Names:
    """What the original tells of itself: in its body, or as a binary CloudEvent in its headers."""
    try:
        names = _names.decode(event)
    except _ODD:
        names = _forgivingly(event)
    if names.eventType or names.type or not headers:
        return names
    texts = {
        name: value.decode("utf-8", "replace") for name, value in unpack_headers(headers).items()
    }
    told = cloud_attributes(texts)
    return msgspec.convert(told, _Names) if "specversion" in told else names


def _forgivingly(event: bytes) -> _Names:
    """The same of an original that strict JSON refuses, for a NaN or its depth perhaps."""
    members = object_members(event) or {}
    names = {name: scalar(event[span.start : span.end]) for name, span in members.items()}
    if metadata := members.get("metadata"):
        inner = object_members(event, *metadata) or {}
        names["metadata"] = {name: scalar(event[at.start : at.end]) for name, at in inner.items()}
    return msgspec.convert(names, _Names)


def _member(value: Any, name: str) -> Any:
    return value.get(name) if isinstance(value, dict) else None


def _first(*values: Any) -> str:
    return next((text for value in values if (text := text_of(value))), "")


def _correlation_of(names: _Names) -> str:
    """As `Decoder` has it: explicit, else the conversation's, else the trace's; "" for none of them."""
    told = _first(
        _member(names.metadata, "correlationId"),
        names.correlationid,
        _member(names.metadata, "conversationId"),
        names.conversationid,
    )
    return told or trace_id(_first(_member(names.metadata, "traceparent"), names.traceparent))


def record_letters(batch: Batch) -> list[DeadLetter]:
    """Write the letters of ``batch``, in the caller's transaction."""
    letters = letters_of(batch, body_bytes=settings.INGEST.limits.body_bytes)
    if letters:
        _supersede(letters)
        keep_apart(letters)
        DeadLetter.objects.bulk_create(letters)
    return letters


def _supersede(letters: Sequence[DeadLetter]) -> None:
    """Close what ``letters`` (not saved yet) stand for from now on, among them and among the stored."""
    again = [letter for letter in letters if letter.redrives]
    among = _by_event(letters) if again else {}
    for newer in again:
        for older in among[newer.event_id]:
            if supersedes(newer, older):
                older.status = DeadLetter.Status.SUPERSEDED
    for begin in range(0, len(again), _CHUNK):
        some = again[begin : begin + _CHUNK]
        stored = DeadLetter.objects.filter(
            status=DeadLetter.Status.OPEN, event_id__in={letter.event_id for letter in some}
        )
        known = _by_event(stored.defer("event", "headers", "error_stack"))
        done = [
            older.pk
            for newer in some
            for older in known.get(newer.event_id, ())
            if supersedes(newer, older)
        ]
        _close(done, DeadLetter.Status.SUPERSEDED)


def _by_event(letters: Iterable[DeadLetter]) -> dict[str, list[DeadLetter]]:
    grouped: dict[str, list[DeadLetter]] = {}
    for letter in letters:
        grouped.setdefault(letter.event_id, []).append(letter)
    return grouped


def supersedes(newer: DeadLetter, older: DeadLetter) -> bool:
    """Whether ``newer`` is the same event given up again, after it had been put back. Pure."""
    if newer.event_id != older.event_id or newer.redrives <= older.redrives:
        return False
    return not (older.consumer and newer.consumer) or older.consumer == newer.consumer


def resolve_letters(receipts: Iterable[Receipt], open_ids: set[str]) -> int:
    """Resolve open letters whose events succeeded after all, in the caller's transaction; how many.

    ``open_ids`` are the events that may have open letters; others cost one look into the set.
    """
    successes: dict[str, list[Receipt]] = {}
    for receipt in receipts:
        if receipt.outcome == "success" and (event_id := stored_id(receipt.event_id)) in open_ids:
            successes.setdefault(event_id, []).append(receipt)
    ids = sorted(successes)
    done: list[int] = []
    for begin in range(0, len(ids), _CHUNK):
        letters = DeadLetter.objects.filter(
            status=DeadLetter.Status.OPEN, event_id__in=ids[begin : begin + _CHUNK]
        )
        for letter in letters.defer("event", "headers", "error_stack").order_by("id"):
            if any(resolves(receipt, letter) for receipt in successes[letter.event_id]):
                done.append(letter.pk)
    return _close(done, DeadLetter.Status.RESOLVED)


def _close(ids: Sequence[int], status: str) -> int:
    """The status is looked at again: somebody may have discarded the letter meanwhile."""
    changed = 0
    for begin in range(0, len(ids), _CHUNK):
        rows = DeadLetter.objects.filter(
            id__in=ids[begin : begin + _CHUNK], status=DeadLetter.Status.OPEN
        )
        changed += rows.update(status=status)
    return changed


def resolves(receipt: Receipt, letter: DeadLetter) -> bool:
    """Whether this success is of a copy appended after the letter, by the consumer concerned. Pure."""
    named = letter.consumer or letter.consumer_group
    same = letter.consumer and receipt.consumer == letter.consumer
    grouped = letter.consumer_group and receipt.consumer_group == letter.consumer_group
    if named and not (same or grouped):
        return False
    appended = int(entry_times([receipt.offset])[0])
    if appended != UNKNOWN_MS:
        return appended > letter.received_ms
    before, after = str(letter.offset), str(receipt.offset)
    here = (receipt.topic, receipt.partition) == (letter.topic, letter.partition)
    if here and _is_offset(before) and _is_offset(after):
        return int(after) > int(before)
    started = parse_ms(receipt.started_at)
    return started is not None and started > letter.received_ms


def _is_offset(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) < 20
