"""The one exception base of the kit."""

from __future__ import annotations

__all__ = ["EventscopeError"]


class EventscopeError(Exception):
    """Something in Eventscope went wrong."""

    def __str__(self) -> str:
        return super().__str__() or (type(self).__doc__ or "").strip()
