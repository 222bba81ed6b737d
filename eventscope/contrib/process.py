"""One started bus a process, for libraries that fork their workers when they like."""

from __future__ import annotations

import atexit
import os
import threading
from collections.abc import Callable

from eventscope.sync import SyncEventBus

__all__ = ["ProcessBus"]


class ProcessBus:
    """Makes and starts the bus of this process when it is first asked for, and stops it at the end.

    Threads do not survive a fork, so a child never uses its parent's bus: it makes its own.
    """

    def __init__(self, make: Callable[[], SyncEventBus]) -> None:
        self._make = make
        self._lock = threading.Lock()
        self._bus: SyncEventBus | None = None
        os.register_at_fork(after_in_child=self._forget)
        atexit.register(self.stop)

    def get(self) -> SyncEventBus:
        with self._lock:
            if self._bus is None:
                bus = self._make()
                bus.start()
                self._bus = bus
            return self._bus

    def stop(self) -> None:
        """Publish what is queued and end; the next `get` makes a new one."""
        with self._lock:
            bus, self._bus = self._bus, None
        if bus is not None:
            bus.stop()

    def _forget(self) -> None:
        """The lock too: a thread that is not here any more may have held it."""
        self._lock, self._bus = threading.Lock(), None
