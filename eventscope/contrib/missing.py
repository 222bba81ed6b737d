"""What is said when an adapter's library is not there."""

from __future__ import annotations

from eventscope.errors import EventscopeError

__all__ = ["MissingLibrary"]


class MissingLibrary(EventscopeError, ImportError):
    """The library that this adapter is for is not installed."""

    def __init__(self, adapter: str, package: str) -> None:
        super().__init__(f"eventscope.contrib.{adapter} needs {package}: pip install {package}")
