"""The edited events of a job, as they are kept with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from dashboard.recovery.editing import Edited
from dashboard.recovery.models import Edition, Job
from ingest.sealing import SEALED, configured_keyring

__all__ = ["keep_editions", "read_editions"]

_pairs = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])


def keep_editions(job: Job, editions: Iterable[Edited]) -> None:
    """In the transaction that makes the job; encrypted at rest where their letters are."""
    Edition.objects.bulk_create(_row(job, edited) for edited in editions)


def read_editions(job: Job, letters: Collection[int]) -> dict[int, Edited]:
    """Letter → what is sent in its stead; {} for jobs that send events as they were.

    One that is sealed with a key that is not configured any more is left out.
    """
    if job.kind != Job.Kind.EDIT:
        return {}
    rows = Edition.objects.filter(job=job, letter__in=letters)
    read = ((row, _opened(job, row, row.body), _opened(job, row, row.headers)) for row in rows)
    return {
        row.letter: Edited(row.letter, row.event_id, row.event_type, body, _pairs.decode(headers))
        for row, body, headers in read
        if body is not None and headers is not None
    }


def _row(job: Job, edited: Edited) -> Edition:
    parts = (edited.body, msgspec.msgpack.encode(edited.headers))
    place, keyring = _place(job, edited.letter), configured_keyring()
    body, headers = (keyring.seal(part, place) if edited.sealed else part for part in parts)
    return Edition(
        job=job,
        letter=edited.letter,
        event_id=edited.event_id,
        event_type=edited.event_type[:200],
        body=body,
        headers=headers,
    )


def _opened(job: Job, row: Edition, kept: bytes) -> bytes | None:
    """Neither JSON nor MessagePack reads as a token, so what does was sealed here."""
    match = SEALED.fullmatch(bytes(kept))
    if match is None:
        return bytes(kept)
    place = _place(job, row.letter)
    return configured_keyring().open(match.group(1).decode(), match.group(2), place)


def _place(job: Job, letter: int) -> bytes:
    return f"edition\0{job.token}\0{letter}".encode()
