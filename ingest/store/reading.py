"""Reading blocks and frames, within a `snapshot`."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from ingest.models import Block, Frame, Series, Stream
from ingest.records import Position
from ingest.store.base import Cursor, StoredEvent
from ingest.store.blocks import NEVER, PackedRows, Row, Rows, cut_frame
from ingest.store.kept import Kept
from ingest.store.packing import unpack
from ingest.store.series import NAMES, SeriesNames
from ingest.store.snapshot import read_by_id, read_rows

__all__ = ["BlockReader", "LoadedBlock", "NameCache"]

_PARAMETERS = 400
_KEPT_COLUMNS = 32 * 1024 * 1024
_KEPT_FRAMES = 16 * 1024 * 1024


_Frame = tuple[int, int]
"""A block's id and the number of the frame in it."""
_Place = tuple[int, int]
"""A block's id and a row in it."""


class LoadedBlock(NamedTuple):
    """A block's columns: a few rows are read from them as they are packed, ``rows`` are all."""

    id: int
    packed: PackedRows

    @property
    def rows(self) -> Rows:
        """All rows, unpacked."""
        return self.packed.whole

    @property
    def frames(self) -> list[int]:
        """The first row of each frame."""
        return self.packed.frames

    def cursor(self, row: int) -> Cursor:
        """The place of ``row`` in the order of all events."""
        rows = self.rows
        return Cursor(
            int(rows.appended[row]),
            int(rows.streams[row]),
            int(rows.major[row]),
            int(rows.minor[row]),
        )


class NameCache:
    """Names of series and topics of streams. Both are only added to, so what is known stays right.

    Shared by threads: dictionaries are replaced, never changed.
    """

    def __init__(self) -> None:
        self._series: dict[int, SeriesNames] = {}
        self._topics: dict[int, str] = {}

    def series(self, id: int) -> SeriesNames:
        if id not in self._series:
            self._load_series()
        return self._series[id]

    def all_series(self) -> dict[int, SeriesNames]:
        """Every series there is now. Ids may become visible out of order, so they are counted."""
        if Series.objects.count() != len(self._series):
            self._load_series()
        return self._series

    def topic(self, stream_id: int) -> str:
        if stream_id not in self._topics:
            self._topics = dict(Stream.objects.values_list("id", "topic"))
        return self._topics.get(stream_id, "")

    def _load_series(self) -> None:
        rows = Series.objects.values_list("id", *NAMES)
        self._series = {id: SeriesNames(*names) for id, *names in rows}


class BlockReader:
    """Loads the columns of blocks and the events of rows.

    With ``keep`` blocks and frames stay for the next call, up to a bound: for several steps of one reading.
    """

    def __init__(self, names: NameCache, *, keep: bool = False) -> None:
        self.names = names
        self.frames_read = 0
        self._blocks: Kept[int, LoadedBlock] = Kept(_KEPT_COLUMNS if keep else 0)
        self._frames: Kept[_Frame, bytes] = Kept(_KEPT_FRAMES if keep else 0)

    def load(self, ids: Iterable[int]) -> dict[int, LoadedBlock]:
        """The blocks of ``ids`` that still exist."""
        wanted = dict.fromkeys(ids)
        kept = {id: block for id in wanted if (block := self._blocks.get(id)) is not None}
        found = read_by_id(Block, "columns", [id for id in wanted if id not in kept])
        for id, blob in found.items():
            block = kept[id] = LoadedBlock(id, PackedRows(bytes(blob)))
            self._blocks.put(id, block, block.packed.nbytes)
        return kept

    def events(self, places: Sequence[tuple[LoadedBlock, int]]) -> list[StoredEvent]:
        """The events at (block, row), in the order asked; each frame is read once."""
        frames: dict[_Frame, list[int]] = defaultdict(list)
        asked: dict[int, list[int]] = defaultdict(list)
        blocks = {block.id: block for block, _ in places}
        for block, row in places:
            frames[block.id, bisect_right(block.frames, row) - 1].append(row)
            asked[block.id].append(row)
        told: dict[_Place, Row] = {}
        for id, rows in asked.items():
            told.update(zip(((id, row) for row in rows), blocks[id].packed.at(rows), strict=True))
        texts: dict[_Place, tuple[bytes, bytes]] = {}
        for (block_id, number), text in self._opened(list(frames)):
            rows = frames[block_id, number]
            found = _cut(blocks[block_id], number, text, rows)
            texts.update(zip(((block_id, row) for row in rows), found, strict=True))
        return [self._event(told[block.id, row], *texts[block.id, row]) for block, row in places]

    def _opened(self, wanted: Sequence[_Frame]) -> Iterator[tuple[_Frame, bytes]]:
        """Each frame that there is, unpacked; one at a time, as they are large."""
        missing = []
        for frame in wanted:
            text = self._frames.get(frame)
            if text is None:
                missing.append(frame)
            else:
                yield frame, text
        for frame, data in self._read(missing).items():
            text = unpack(data)
            self._frames.put(frame, text, len(text))
            yield frame, text

    def _read(self, wanted: Sequence[_Frame]) -> dict[_Frame, bytes]:
        found: dict[_Frame, bytes] = {}
        for start in range(0, len(wanted), _PARAMETERS):
            some = wanted[start : start + _PARAMETERS]
            values = ", ".join(["(CAST(%s AS bigint), CAST(%s AS integer))"] * len(some))
            rows = read_rows(
                f"SELECT f.block_id, f.number, f.data FROM (VALUES {values}) AS wanted "
                f"JOIN {Frame._meta.db_table} f "
                "ON f.block_id = wanted.column1 AND f.number = wanted.column2",
                [part for pair in some for part in pair],
            )
            found.update({(block, number): bytes(data) for block, number, data in rows})
        self.frames_read += len(found)
        return found

    def _event(self, row: Row, headers: bytes, body: bytes) -> StoredEvent:
        names = self.names.series(row.series)
        return StoredEvent(
            stream_id=row.stream,
            topic=self.names.topic(row.stream) or names.topic,
            position=Position(row.major, row.minor),
            appended_ms=row.appended,
            occurred_ms=None if row.occurred == NEVER else row.occurred,
            event_type=names.type,
            source=names.source,
            body=body,
            headers=headers,
            flags=row.flags,
            size=row.size,
        )


def _cut(
    block: LoadedBlock, number: int, text: bytes, rows: Sequence[int]
) -> list[tuple[bytes, bytes]]:
    first = block.frames[number]
    end = block.frames[number + 1] if number + 1 < len(block.frames) else block.packed.height
    headers, lengths = block.packed.lengths_between(first, end)
    return cut_frame(text, lengths, headers, [row - first for row in rows])
