"""Why something could not be delivered."""

from __future__ import annotations

from eventscope.errors import EventscopeError

__all__ = ["DeliveryError"]


class DeliveryError(EventscopeError):
    """The receiver's side did not take it; ``for_good``: it never will, so it is not tried again.

    ``pause_s`` is how long it asked to be left in peace, None if it did not.
    """

    def __init__(
        self, message: str, *, for_good: bool = False, pause_s: float | None = None
    ) -> None:
        super().__init__(message)
        self.for_good = for_good
        self.pause_s = pause_s
