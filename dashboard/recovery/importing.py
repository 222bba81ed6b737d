"""Letters that were exported elsewhere become letters here: all of a file, or none of it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from typing import NamedTuple

import msgspec
from django.conf import settings
from django.db import transaction

from dashboard.accounts import audit
from dashboard.recovery.interchange import Line, LineError, place_in, read_line
from dashboard.recovery.selection import SelectionError
from eventscope.errors import EventscopeError
from ingest.envelopes import stored_id
from ingest.folds.fingerprint import fingerprint
from ingest.folds.text import bounded
from ingest.models import DeadLetter, Stream
from ingest.records import Flag
from ingest.splitting import keep_apart
from ingest.wire import without_wire

__all__ = ["MOST_BYTES", "MOST_LINES", "BadFile", "Imported", "import_letters", "read_lines"]

MOST_LINES = 10_000
MOST_BYTES = 64 * 1024 * 1024
MOST_ERRORS = 20
IMPORTED = -1
"""Stands for the first part of a position: no letter of a broker has it."""


class BadFile(EventscopeError, ValueError):
    """The file cannot be imported; ``errors`` are the first of its lines that are wrong."""

    def __init__(self, errors: list[SelectionError]) -> None:
        super().__init__("; ".join(map(str, errors)))
        self.errors = errors


class Imported(NamedTuple):
    """Letters that are here now, those of them that had been before, and those without their event."""

    letters: int
    known: int
    withheld: int


def import_letters(
    raw: Iterable[bytes], *, broker: str, by: object, now_ms: int | None = None
) -> Imported:
    """Open letters of ``broker``, marked with where they come from. Raises `BadFile`; then nothing is stored.

    Importing a file again stores nothing twice.
    """
    if broker not in settings.INGEST.brokers:
        raise BadFile([SelectionError("broker", f"{broker[:60]!r} is not configured")])
    lines = read_lines(raw)
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    places = {place_in(line.origin): line for line in lines}
    with transaction.atomic(using="events"):
        stream = _stream(broker)
        known = set(
            DeadLetter.objects.filter(stream=stream, major=IMPORTED).values_list("minor", flat=True)
        )
        new = {place: line for place, line in places.items() if place not in known}
        letters = [_letter(stream, place, line, now) for place, line in new.items()]
        keep_apart(letters)
        DeadLetter.objects.bulk_create(letters, batch_size=200, ignore_conflicts=True)
    told = Imported(
        len(places), len(places) - len(new), sum(line.event is None for line in places.values())
    )
    hosts = sorted({line.origin.host for line in lines})
    audit.record(
        actor=by,
        action="letters.imported",
        subject=", ".join(hosts)[:300],
        detail={"broker": broker, **told._asdict()},
    )
    return told


def read_lines(raw: Iterable[bytes]) -> list[Line]:
    """Every line of a file. Raises `BadFile`."""
    lines: list[Line] = []
    errors: list[SelectionError] = []
    for number, text in _numbered(raw):
        try:
            lines.append(_sized(number, read_line(number, text)))
        except LineError as error:
            errors.append(error)
            if len(errors) == MOST_ERRORS:
                break
    if not lines and not errors:
        errors.append(SelectionError("file", "there is no line in it"))
    if errors:
        raise BadFile(errors)
    return lines


def _numbered(raw: Iterable[bytes]) -> Iterator[tuple[int, bytes]]:
    size = 0
    for number, text in enumerate(raw, 1):
        size += len(text)
        if number > MOST_LINES or size > MOST_BYTES:
            most = f"{MOST_LINES} lines and {MOST_BYTES // 1024 // 1024} MB at once"
            raise BadFile([SelectionError("file", f"it is too large: at most {most}; divide it")])
        if text.strip():
            yield number, text


def _sized(number: int, line: Line) -> Line:
    most = settings.INGEST.limits.body_bytes
    if line.event is not None and len(line.event) > most:
        raise LineError(number, f"the event has {len(line.event)} bytes, more than {most}")
    return line


def _stream(broker: str) -> Stream:
    """A dead-letter topic of ``broker``: by it a letter knows where it can be put back."""
    stream = Stream.objects.filter(broker=broker, dead_letters=True).order_by("pk").first()
    if stream is not None:
        return stream
    topic = settings.INGEST.brokers[broker].dead_letter_topics[0]
    return Stream.objects.get_or_create(
        broker=broker, topic=topic, partition=0, defaults={"dead_letters": True}
    )[0]


def _letter(stream: Stream, place: int, line: Line, now_ms: int) -> DeadLetter:
    told = line.error
    origin = line.origin
    return DeadLetter(
        stream=stream,
        major=IMPORTED,
        minor=place,
        received_ms=now_ms,
        origin=bounded(f"{origin.host} {origin.broker} {origin.topic} {origin.position}", 300),
        event_id=stored_id(line.event_id),
        event_type=bounded(line.event_type, 200),
        source=bounded(line.source, 200),
        correlation_id=stored_id(line.correlation_id),
        topic=bounded(line.topic, 255),
        partition=line.partition,
        offset=bounded(line.offset, 64),
        consumer=bounded(line.consumer, 200),
        consumer_group=bounded(line.consumer_group, 200),
        error_type=bounded(told.type, 200),
        error_message=bounded(told.message, 2_000),
        error_stack=bounded(told.stack, 16_000),
        fingerprint=fingerprint(told.type, told.message, told.stack),
        attempts=line.attempts,
        redrives=line.redrives,
        first_failed_ms=line.first_failed_ms,
        last_failed_ms=line.last_failed_ms,
        event=line.event or b"",
        headers=msgspec.msgpack.encode(without_wire(line.headers)),
        size=line.size if line.event is None else len(line.event),
        flags=int(Flag.TRUNCATED) if line.event is None else 0,
    )
