"""The shop's log: plain lines on standard output, the same line not twice within half a minute."""

from __future__ import annotations

import logging
import sys
import time
from collections.abc import Callable

__all__ = ["NotTwice", "log_to_standard_output"]

QUIET_FOR = 30.0
REMEMBERED = 200


class NotTwice(logging.Filter):
    """When the broker is away, every bus of the process says so."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        super().__init__()
        self._clock = clock
        self._said: dict[str, float] = {}

    def filter(self, record: logging.LogRecord) -> bool:
        now, line = self._clock(), record.getMessage()
        if now - self._said.get(line, -QUIET_FOR) < QUIET_FOR:
            return False
        self._said.pop(line, None)
        self._said[line] = now
        if len(self._said) > REMEMBERED:
            del self._said[next(iter(self._said))]
        return True


def log_to_standard_output() -> None:
    """Warnings of all libraries, and what the shop itself says."""
    handler = logging.StreamHandler(sys.stdout)
    handler.addFilter(NotTwice())
    logging.basicConfig(format="%(message)s", level=logging.WARNING, handlers=[handler])
    logging.getLogger("examples.orders").setLevel(logging.INFO)
