"""What became of a partition's entries, kept in the group's committed offset. No I/O.

Kafka knows one number for a group and partition: all below it is done. Handlers end out of order, and
how often an entry was handed out must outlive its consumer; both go into the text that Kafka keeps
beside that number (the scheme of https://github.com/confluentinc/parallel-consumer).
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

__all__ = ["MAX_OPEN", "Ledger", "Note"]

MAX_OPEN = 256
"""Entries that may be open at once: Kafka takes 4096 bytes of text (``offset.metadata.max.bytes``)."""

_VERSION = "es1"


class Note(NamedTuple):
    """All below ``offset`` is settled, and all below ``reach`` that ``open`` does not name.

    ``open`` says how often each entry was handed out: 0 for one that was given back.
    """

    offset: int
    reach: int
    open: dict[int, int]

    @classmethod
    def parsed(cls, offset: int, text: str | None) -> Note:
        """An offset that another tool has set carries no text of ours: all from it on is new."""
        words = (text or "").split()
        if not words or words[0] != _VERSION:
            return cls(offset, offset, {})
        try:
            reach, *pairs = words[1:]
            named = (pair.split(":") for pair in pairs)
            counts = {offset + int(ahead): int(count) for ahead, count in named}
            return cls(offset, offset + int(reach), counts)
        except ValueError:
            return cls(offset, offset, {})

    @property
    def text(self) -> str:
        pairs = (f"{one - self.offset}:{count}" for one, count in sorted(self.open.items()))
        return " ".join((_VERSION, str(self.reach - self.offset), *pairs))


class Ledger:
    """Entries are met in order, each once; handed out; then settled or given back."""

    def __init__(self, note: Note) -> None:
        self._reach = note.reach
        self._open = dict(note.open)
        self._unmet = set(note.open)

    def meet(self, offset: int) -> int | None:
        """How often the entry was handed out before; None: it is settled.

        What the group had open below and did not meet is no longer in the log, so it is let go.
        """
        if self._unmet:
            for gone in [one for one in self._unmet if one < offset]:
                self._unmet.discard(gone)
                del self._open[gone]
            self._unmet.discard(offset)
        return self._open.get(offset) if offset < self._reach else 0

    def is_new(self, offset: int) -> bool:
        """Nobody had it yet; such entries are handed out in their order."""
        return offset >= self._reach

    @property
    def room(self) -> int:
        """How many more may be handed out."""
        return max(0, MAX_OPEN - len(self._open))

    def count(self, offset: int) -> int:
        return self._open.get(offset, 0)

    def hand_out(self, offset: int) -> int:
        """How often the entry is handed out by now, this time among them."""
        self._open[offset] = self._open.get(offset, 0) + 1
        self._reach = max(self._reach, offset + 1)
        return self._open[offset]

    def give_back(self, offset: int) -> None:
        """Not begun: the last time that it was handed out does not count."""
        self._open[offset] -= 1

    def settle(self, offset: int) -> None:
        self._open.pop(offset, None)

    def pass_to(self, end: int) -> bool:
        """There is no entry from what was handed out to ``end``; False where that is no news."""
        news = end > self._reach
        self._reach = max(self._reach, end)
        return news

    def note(self, settled: Collection[int] = ()) -> Note:
        """As it would be with ``settled`` settled."""
        left = {one: count for one, count in self._open.items() if one not in settled}
        return Note(min(left, default=self._reach), self._reach, left)
