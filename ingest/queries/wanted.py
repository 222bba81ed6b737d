"""Which handlings a list looks for, and a quick look for them in a message of hundreds. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from operator import attrgetter

from ingest.records import Record
from ingest.store.marks import Told, end_of, told_by, told_of, took_ms
from ingest.system import Receipt, Receipts

__all__ = ["Wanted"]

_KIND = attrgetter("event_type", "consumer", "outcome", "attempt")

Kind = tuple[str, str, str, int]


class Wanted:
    """Handlings that ``named`` (event type, consumer) accepts, ended as one of ``ends`` or longer than
    ``over_ms``; where neither is asked, however they ended."""

    def __init__(
        self,
        named: Callable[[str, str], bool],
        ends: Collection[str] = (),
        over_ms: float | None = None,
    ) -> None:
        self._named = named
        self._ends = ends
        self._over_ms = over_ms
        self._any_end = not ends and over_ms is None
        self._kinds = _Kinds(self._may_be)

    def told_by(self, record: Record, *, dead_letter: bool) -> Iterator[Told]:
        """Those of the handlings that ``record`` tells of which are wanted."""
        if type(record.detail) is Receipts:
            for receipt in self._among(record.detail.receipts):
                yield told_of(receipt, record.appended_ms)
            return
        for told in told_by(record, dead_letter=dead_letter):
            if self._named(told.event_type, told.consumer) and (
                self._ends_so(told.end) or self._took_long(told.took_ms)
            ):
                yield told

    def _among(self, receipts: Sequence[Receipt]) -> Iterator[Receipt]:
        """In bulk: of the few kinds that there are each is looked at once."""
        kinds = self._kinds
        for receipt, kind in zip(receipts, map(_KIND, receipts), strict=True):
            if kinds[kind] and (
                self._ends_so(end_of(receipt.outcome, receipt.attempt))
                or self._took_long(took_ms(receipt))
            ):
                yield receipt

    def _may_be(self, kind: Kind) -> bool:
        event_type, consumer, outcome, attempt = kind
        ends_so = self._over_ms is not None or self._ends_so(end_of(outcome, attempt))
        return ends_so and self._named(event_type, consumer)

    def _ends_so(self, end: str) -> bool:
        return self._any_end or end in self._ends

    def _took_long(self, took: float) -> bool:
        return self._over_ms is not None and took > self._over_ms


class _Kinds(dict[Kind, bool]):
    """Whether a handling of a kind may be wanted, each asked once."""

    def __init__(self, may_be: Callable[[Kind], bool]) -> None:
        super().__init__()
        self._may_be = may_be

    def __missing__(self, kind: Kind) -> bool:
        verdict = self[kind] = self._may_be(kind)
        return verdict
