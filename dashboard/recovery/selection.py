"""Which letters somebody means: some by id, or all that a filter selects."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from django.db.models import QuerySet

from eventscope.errors import EventscopeError
from ingest.models import DeadLetter
from ingest.queries.letters import LetterFilter, filter_dead_letters

__all__ = ["MOST_IDS", "Selection", "SelectionError", "select_letters"]

MOST_IDS = 10_000


class SelectionError(EventscopeError, ValueError):
    """The selection is not one: ``place`` names the part that is wrong."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason


class Selection(msgspec.Struct, frozen=True, kw_only=True):
    """``ids`` alone, or the letters that ``where`` selects."""

    ids: tuple[int, ...] = ()
    where: LetterFilter | None = None

    @classmethod
    def of_ids(cls, ids: Any) -> Selection:
        """Raises `SelectionError` for none, too many, or what is no id."""
        if not isinstance(ids, list | tuple) or not ids:
            raise SelectionError("ids", "name at least one dead letter")
        if len(ids) > MOST_IDS:
            raise SelectionError("ids", f"more than {MOST_IDS}; choose them by a filter")
        for id in ids:
            if isinstance(id, bool) or not isinstance(id, int) or not 0 < id < 1 << 63:
                raise SelectionError("ids", f"{str(id)[:40]!r} is no id of a dead letter")
        return cls(ids=tuple(sorted(set(ids))))

    @classmethod
    def of_filter(
        cls, where: LetterFilter, *, taken: tuple[str, ...] = (DeadLetter.Status.OPEN,)
    ) -> Selection:
        """Of the statuses that ``where`` names only those ``taken``; all of these if it names none of them."""
        named = tuple(status for status in taken if status in where.statuses)
        return cls(where=msgspec.structs.replace(where, statuses=named or taken))

    @classmethod
    def read(cls, stored: Mapping[str, Any]) -> Selection:
        return msgspec.convert(stored, cls)

    def stored(self) -> dict[str, Any]:
        """As JSON keeps it."""
        return msgspec.to_builtins(self)  # type: ignore[no-any-return]


def select_letters(selection: Selection, *, until: int) -> QuerySet[DeadLetter]:
    """The chosen letters up to the id ``until``, without order."""
    if selection.where is not None:
        rows = filter_dead_letters(selection.where)
    else:
        rows = DeadLetter.objects.filter(pk__in=selection.ids)
    return rows.filter(pk__lte=until)
