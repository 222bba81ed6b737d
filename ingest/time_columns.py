"""Columns of times, parsed at once: a receipt has four of them, and half of all events are receipts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ingest.timestamps import EARLIEST_MS, LATEST_MS, parse_ms

__all__ = ["UNKNOWN_MS", "entry_times", "parse_times"]

I64 = npt.NDArray[np.int64]

UNKNOWN_MS = -1
"""Stands where no time could be believed; no believable time is negative."""

_DAY_MS = 86_400_000
_FIRST_YEAR, _LAST_YEAR = 1970, 2199
_MONTHS = np.arange("1970-01", "2200-02", dtype="datetime64[M]").astype("datetime64[D]")
_MONTH_DAYS = _MONTHS.astype(np.int64)

_STAMP = 24
_MARKS = np.frombuffer(b"--T::.Z", np.uint8)
_MARK_PLACES = np.array([4, 7, 10, 13, 16, 19, 23])
_DIGIT_PLACES = np.array([0, 1, 2, 3, 5, 6, 8, 9, 11, 12, 14, 15, 17, 18, 20, 21, 22])
_FIELDS = (slice(0, 4), *(slice(first, first + 2) for first in range(4, 14, 2)), slice(14, 17))
_ROWS_A_SECOND = 16

_ENTRY = 14


def parse_times(values: Sequence[object]) -> I64:
    """`parse_ms` of each value, `UNKNOWN_MS` for None. Fast where all are ``2026-11-24T10:00:00.123Z``."""
    table = _table(values, _STAMP)
    if table is not None:
        times = _stamps_by_second(table)
        if times is None:
            times = _stamps(table)
        if times is not None:
            return times
    return np.fromiter(map(_parse_one, values), np.int64, len(values))


def entry_times(offsets: Sequence[object]) -> I64:
    """The append time in each Redis entry id (``ms-seq``), `UNKNOWN_MS` for any other offset."""
    heads = [offset[:_ENTRY] if type(offset) is str else "" for offset in offsets]
    table = _table(heads, _ENTRY)
    if table is not None and (table[:, 13] == ord("-")).all():
        digits = table.T[:13] - np.uint8(48)
        if (digits <= 9).all():
            times = _number(digits)
            return np.where((times >= EARLIEST_MS) & (times < LATEST_MS), times, UNKNOWN_MS)
    return np.fromiter(map(_entry_time, offsets), np.int64, len(offsets))


def _table(values: Sequence[object], width: int) -> npt.NDArray[np.uint8] | None:
    """Strings of ``width`` ASCII characters as rows of bytes, None if there is any other value."""
    try:
        text = "".join(values)  # type: ignore[arg-type]
    except TypeError:
        return None
    if not values or len(text) != width * len(values) or not text.isascii():
        return None
    return np.frombuffer(text.encode(), np.uint8).reshape(len(values), width)


def _stamps_by_second(table: npt.NDArray[np.uint8]) -> I64 | None:
    """Rows of ``…:SS.mmmZ`` of which many, one after another, lie in one second; None of others.

    The bounds of what is believable are whole seconds, so what is true of one row is of all of its.
    """
    millis = table[:, 20:23] - np.uint8(48)
    if (table[:, 19] != ord(".")).any() or (table[:, 23] != ord("Z")).any() or (millis > 9).any():
        return None
    changes = np.flatnonzero((table[1:, :19] != table[:-1, :19]).any(axis=1)) + 1
    if changes.size * _ROWS_A_SECOND > len(table):
        return None
    firsts = [0, *changes.tolist()]
    parsed = [parse_ms(table[first].tobytes().decode()) for first in firsts]
    if None in parsed:
        return None
    seconds = np.array(parsed, np.int64)
    seconds -= seconds % 1000
    return np.repeat(seconds, np.diff([*firsts, len(table)])) + _number(millis.T)


def _stamps(table: npt.NDArray[np.uint8]) -> I64 | None:
    """Rows of ``2026-11-24T10:00:00.123Z`` as times; None unless every row is a valid one."""
    digits = table.T[_DIGIT_PLACES] - np.uint8(48)
    if (table[:, _MARK_PLACES] != _MARKS).any() or (digits > 9).any():
        return None
    fields = [_number(digits[places]) for places in _FIELDS]
    year, month, day, hour, minute, second, millis = fields
    low, high = [int(field.min()) for field in fields], [int(field.max()) for field in fields]
    if low[0] < _FIRST_YEAR or high[0] > _LAST_YEAR or low[1] < 1 or high[1] > 12:
        return None
    if low[2] < 1 or high[3] > 23 or high[4] > 59 or high[5] > 59:
        return None
    months = (year - _FIRST_YEAR) * 12 + month - 1
    days = _MONTH_DAYS[months] + day - 1
    if (days >= _MONTH_DAYS[months + 1]).any() or int(days.min()) < 1:
        return None
    times: I64 = days * _DAY_MS + ((hour * 60 + minute) * 60 + second) * 1000 + millis
    return times


def _number(digits: npt.NDArray[np.uint8]) -> I64:
    """The number whose decimal digits, first to last, are the rows.

    No matrix product: that would wake the threads of BLAS, who spin for work and take the other core.
    """
    number: I64 = digits[0].astype(np.int64)
    for row in digits[1:]:
        number *= 10
        number += row
    return number


def _parse_one(value: object) -> int:
    time = parse_ms(value)
    return UNKNOWN_MS if time is None else time


def _entry_time(offset: object) -> int:
    if type(offset) is not str:
        return UNKNOWN_MS
    head, dash, _ = offset.partition("-")
    if not dash or not head.isascii() or not head.isdigit() or len(head) > 16:
        return UNKNOWN_MS
    time = int(head)
    return time if EARLIEST_MS <= time < LATEST_MS else UNKNOWN_MS
