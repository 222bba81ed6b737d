"""When something that a record tells of happened."""

from __future__ import annotations

from ingest.records import Flag, Record

__all__ = ["moment_of"]

_LATE_MS = 3_600_000


def moment_of(record: Record) -> int:
    """The record's own time, if it was appended within an hour of it; else the time of append.

    The own time orders what a service told in another order than it happened; a clock that is far off
    must not.
    """
    occurred = record.occurred_ms
    if occurred is None or record.flags & Flag.TIME_GUESSED:
        return record.appended_ms
    late = record.appended_ms - occurred
    return occurred if 0 <= late <= _LATE_MS else record.appended_ms
