"""What can be changed while the shop runs: faults and the rate, kept in one Redis hash.

Whoever runs the shop reads the hash once a second; the command line writes it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from redis.exceptions import RedisError

from eventscope.errors import EventscopeError

__all__ = [
    "CONTROL_KEY",
    "FAULTS",
    "Control",
    "UnknownFault",
    "follow_control",
    "read_control",
    "refresh_control",
]

CONTROL_KEY = "demo:control"
POLL_EVERY = 1.0
FAULTS: dict[str, str] = {
    "slow-consumer": "notification-service takes 4 s an event: its backlog grows",
    "failing-handler": "analytics-service fails every tenth order for good: dead letters",
    "provider-down": "the payment provider does not answer: the breaker opens",
    "poison-message": "every five seconds something that is no order lands on orders-topic",
    "dead-instance": "one instance of payment-service is killed: its work is taken over",
}


class UnknownFault(EventscopeError, ValueError):
    """There is no fault of this name."""


@dataclass
class Control:
    """The switches as they stood when last read; ``rate`` is None where nobody has set one."""

    faults: frozenset[str] = field(default_factory=frozenset)
    rate: float | None = None

    def on(self, fault: str) -> bool:
        return fault in self.faults

    def take(self, other: Control) -> None:
        """Become like ``other``, in place: all services share one `Control`."""
        self.faults, self.rate = other.faults, other.rate


def read_control(stored: Mapping[bytes, bytes]) -> Control:
    """What the hash says; names and numbers that are not known are ignored."""
    texts = {key.decode(): value.decode() for key, value in stored.items()}
    faults = frozenset(name for name in FAULTS if texts.get(f"fault:{name}") == "on")
    try:
        rate = float(texts["rate"])
    except (KeyError, ValueError):
        return Control(faults)
    return Control(faults, rate if 0 <= rate < float("inf") else None)


async def refresh_control(redis: Any, control: Control) -> None:
    """Make ``control`` as the hash is. Raises redis' error."""
    control.take(read_control(await redis.hgetall(CONTROL_KEY)))


async def follow_control(redis: Any, control: Control) -> None:
    """Keep ``control`` as the hash is, until cancelled. A broker that is away changes nothing."""
    while True:
        await asyncio.sleep(POLL_EVERY)
        with suppress(RedisError):  # the buses say that the broker is away
            await refresh_control(redis, control)
