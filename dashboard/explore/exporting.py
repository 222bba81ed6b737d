"""Events as files: CSV whose cells no spreadsheet takes for formulas, and NDJSON. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice

from dashboard.explore.columns import Column, cells_of
from dashboard.explore.dumping import dump_json
from dashboard.explore.filters import FilterError
from dashboard.explore.native import event_json
from dashboard.explore.rows import Row
from dashboard.spreadsheets import defuse

__all__ = [
    "FORMATS",
    "MOST_ROWS",
    "USUAL_ROWS",
    "file_name",
    "parse_most",
    "write_rows",
]

USUAL_ROWS = 10_000
MOST_ROWS = 1_000_000
CHUNK = 500

Chunks = Iterable[Sequence[Row]]


def write_rows(rows: Iterable[Row], columns: Sequence[Column], kind: str) -> Iterator[bytes]:
    """The file in pieces of some hundred lines, each made when it is asked for."""
    yield from FORMATS[kind](_batches(rows), columns)


def parse_most(text: str) -> int:
    """How many rows ``most=`` allows. Raises `FilterError`."""
    if not text:
        return USUAL_ROWS
    if not (text.isascii() and text.isdigit() and len(text) < 9 and 0 < int(text) <= MOST_ROWS):
        raise FilterError("most", f"{text[:40]!r} is not a whole number from 1 to {MOST_ROWS}")
    return int(text)


def file_name(kind: str, now_ms: int) -> str:
    """``events-20261125T224210Z.csv``."""
    moment = datetime.fromtimestamp(now_ms / 1000, tz=UTC)
    return f"events-{moment:%Y%m%dT%H%M%SZ}.{kind}"


def _csv(chunks: Chunks, columns: Sequence[Column]) -> Iterator[bytes]:
    yield _lines([[column.name for column in columns]])
    for rows in chunks:
        told = (cells_of(row, columns) for row in rows)
        yield _lines([defuse(cell.value) for cell in cells] for cells in told)


def _ndjson(chunks: Chunks, columns: Sequence[Column]) -> Iterator[bytes]:
    for rows in chunks:
        yield b"".join(dump_json(event_json(row.event, row.outcome)) + b"\n" for row in rows)


def _lines(lines: Iterable[Iterable[object]]) -> bytes:
    """As RFC 4180 writes them; half of a surrogate pair, which UTF-8 cannot write, becomes "?"."""
    text = io.StringIO(newline="")
    csv.writer(text).writerows(lines)
    return text.getvalue().encode("utf-8", "replace")


def _batches(rows: Iterable[Row]) -> Chunks:
    left = iter(rows)
    while some := list(islice(left, CHUNK)):
        yield some


FORMATS: dict[str, Callable[[Chunks, Sequence[Column]], Iterator[bytes]]] = {
    "csv": _csv,
    "ndjson": _ndjson,
}
"""What a file may be, by its extension."""
