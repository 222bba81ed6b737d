"""The edited events of a job, as they are kept with it."""

from __future__ import annotations

from collections.abc import Collection, Iterable

import msgspec

from dashboard.recovery.editing import Edited
from dashboard.recovery.models import Edition, Job

__all__ = ["keep_editions", "read_editions"]

_pairs = msgspec.msgpack.Decoder(list[tuple[bytes, bytes]])


def keep_editions(job: Job, editions: Iterable[Edited]) -> None:
    """In the transaction that makes the job."""
    Edition.objects.bulk_create(
        Edition(
            job=job,
            letter=edited.letter,
            event_id=edited.event_id,
            event_type=edited.event_type[:200],
            body=edited.body,
            headers=msgspec.msgpack.encode(edited.headers),
        )
        for edited in editions
    )


def read_editions(job: Job, letters: Collection[int]) -> dict[int, Edited]:
    """Letter → what is sent in its stead; {} for jobs that send events as they were."""
    if job.kind != Job.Kind.EDIT:
        return {}
    rows = Edition.objects.filter(job=job, letter__in=letters)
    return {
        row.letter: Edited(
            row.letter, row.event_id, row.event_type, bytes(row.body), _pairs.decode(row.headers)
        )
        for row in rows
    }
