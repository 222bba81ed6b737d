"""Why something could not be delivered."""

from __future__ import annotations

from eventscope.errors import EventscopeError

__all__ = ["DeliveryError"]


class DeliveryError(EventscopeError):
    """The receiver's side did not take it; ``for_good``: it never will, so it is not tried again."""

    def __init__(self, message: str, *, for_good: bool = False) -> None:
        super().__init__(message)
        self.for_good = for_good
