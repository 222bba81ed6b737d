"""Chosen dead letters as lines that another Eventscope can import."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Max, QuerySet

from dashboard.accounts import audit
from dashboard.recovery.interchange import FORMAT, Failure, Line, Origin, write_line
from ingest.folds.foreign import header_pairs
from ingest.models import DeadLetter
from ingest.queries.letters import LetterFilter, filter_dead_letters
from ingest.queries.opening import NotAsItWas, open_letter, sealed_keys
from ingest.records import Flag
from ingest.wire import without_wire

__all__ = ["MOST", "chosen_letters", "export_letters", "line_of", "write_letters"]

MOST = 100_000
AT_ONCE = 200


def chosen_letters(where: LetterFilter) -> QuerySet[DeadLetter]:
    """The letters that fit now, oldest first, `MOST` at the most; what arrives meanwhile is not among them."""
    newest = DeadLetter.objects.aggregate(newest=Max("pk"))["newest"] or 0
    rows = filter_dead_letters(where).filter(pk__lte=newest)
    return rows.select_related("stream").order_by("pk")[:MOST]


def export_letters(where: LetterFilter, *, by: object, asked: str, host: str) -> Iterator[bytes]:
    """The letters that fit now, as pieces of a file; audited with what was ``asked`` for."""
    detail = {"query": asked, "most": MOST}
    audit.record(actor=by, action="letters.exported", subject="dead letters", detail=detail)
    return write_letters(chosen_letters(where), host=host)


def write_letters(rows: QuerySet[DeadLetter], *, host: str) -> Iterator[bytes]:
    """Pieces of an NDJSON file, in bounded memory."""
    for letter in rows.iterator(chunk_size=AT_ONCE):
        yield write_line(line_of(letter, host=host))


def line_of(letter: DeadLetter, *, host: str) -> Line:
    event, withheld = _original(letter)
    return Line(
        format=FORMAT,
        origin=Origin(
            host=host[:255],
            broker=letter.stream.broker,
            topic=letter.stream.topic,
            position=f"{letter.major}-{letter.minor}",
        ),
        event=event,
        event_id=letter.event_id,
        event_type=letter.event_type,
        source=letter.source,
        correlation_id=letter.correlation_id,
        topic=letter.topic,
        partition=letter.partition,
        offset=letter.offset,
        consumer=letter.consumer,
        consumer_group=letter.consumer_group,
        error=Failure(letter.error_type, letter.error_message, letter.error_stack),
        attempts=letter.attempts,
        redrives=letter.redrives,
        size=letter.size,
        received_ms=letter.received_ms,
        first_failed_ms=letter.first_failed_ms,
        last_failed_ms=letter.last_failed_ms,
        headers=[] if withheld else [*without_wire(header_pairs(bytes(letter.headers)))],
        withheld=withheld,
    )


def _original(letter: DeadLetter) -> tuple[bytes | None, str]:
    """The event byte for byte, or why it is withheld."""
    if sealed_keys(bytes(letter.event)) or sealed_keys(bytes(letter.headers)):
        return None, "parts of it are encrypted at rest"
    if letter.flags & Flag.REDACTED:
        return None, "parts of it were redacted"
    try:
        return open_letter(letter), ""
    except NotAsItWas as error:
        return None, str(error)[:200]
