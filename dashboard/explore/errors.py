"""What is wrong with a request, and where."""

from __future__ import annotations

__all__ = ["FilterError"]


class FilterError(ValueError):
    """A part of the request that is not right: ``place`` is its name, the message says why."""

    def __init__(self, place: str, reason: str) -> None:
        super().__init__(f"{place}: {reason}")
        self.place = place
        self.reason = reason
