"""How often and when to try again."""

from __future__ import annotations

import random
from typing import NamedTuple

from eventscope.durations import parse_duration

__all__ = ["Backoff", "RetryPolicy"]


class RetryPolicy:
    """The guide's numbers: ``max_retries`` tries beyond the first, ``retry_delay`` apart.

    ``claim_after`` is the silence after which a consumer is taken for dead and what it had in hand
    goes to another one; that delivery counts as a try, so an event that ends its consumers becomes a
    dead letter too, after ``max_deliveries``.
    """

    __slots__ = ("claim_after", "max_retries", "retry_delay")

    def __init__(
        self,
        max_retries: int = 3,
        retry_delay: str | float = "5m",
        *,
        claim_after: str | float = "30s",
    ) -> None:
        if max_retries < 0:
            raise ValueError("max_retries must not be negative")
        self.max_retries = max_retries
        self.retry_delay = parse_duration(retry_delay)
        self.claim_after = parse_duration(claim_after)
        if self.claim_after <= 0:
            raise ValueError("claim_after must be longer than 0")

    @property
    def max_attempts(self) -> int:
        return self.max_retries + 1

    @property
    def max_deliveries(self) -> int:
        """Two more than the tries: so often an event may be beside one that ends its consumer."""
        return self.max_attempts + 2


class Backoff(NamedTuple):
    """Exponential with full jitter, capped, in seconds.

    Formula: https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/
    """

    base: float = 0.05
    cap: float = 5.0

    def delay(self, failures: int) -> float:
        """How long to wait after ``failures`` failures in a row (1 for the first)."""
        ceiling = min(self.cap, self.base * 2 ** min(failures, 30))
        return random.uniform(self.base / 2, ceiling)
