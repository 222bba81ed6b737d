"""Payloads of system events (CONTRACT §3), typed. Unknown fields are ignored, as newer kits may add."""

from __future__ import annotations

from typing import Any, Literal, get_args

import msgspec

__all__ = [
    "DETAILS",
    "OUTCOMES",
    "RECEIPT_TYPES",
    "SYSTEM_TYPES",
    "BreakerChange",
    "DeadLettered",
    "ErrorInfo",
    "ErrorOccurred",
    "HealthReport",
    "NamedCheck",
    "Outcome",
    "Receipt",
    "Receipts",
    "ServiceChange",
]


Outcome = Literal["success", "retry", "failed", "dead_lettered", "skipped"]
OUTCOMES: tuple[Outcome, ...] = get_args(Outcome)


class ErrorInfo(msgspec.Struct, frozen=True, gc=False):
    type: str = ""
    message: str = ""
    stack: str = ""


class Receipt(msgspec.Struct, rename="camel", gc=False):
    """One handling of one event by one consumer; times are RFC 3339 or epoch milliseconds.

    An outcome that nobody knows stays as it was written.
    """

    event_id: str
    consumer: str
    outcome: Outcome
    event_type: str = ""
    consumer_group: str = ""
    instance: str = ""
    topic: str = ""
    partition: int = 0
    offset: str | int = ""
    correlation_id: str = ""
    attempt: int = 1
    max_attempts: int = 0
    produced_at: str | int | float | None = None
    started_at: str | int | float | None = None
    ended_at: str | int | float | None = None
    duration_ms: float | None = None
    error: ErrorInfo | None = None


class Receipts(msgspec.Struct, gc=False):
    receipts: list[Receipt]


class NamedCheck(msgspec.Struct, rename="camel", frozen=True, gc=False):
    name: str
    status: str = "healthy"
    latency_ms: float | None = None
    output: str = ""


class HealthReport(msgspec.Struct, rename="camel", gc=False):
    component: str
    status: str
    service: str = ""
    instance: str = ""
    latency_ms: float | None = None
    checks: list[NamedCheck] = []


class BreakerChange(msgspec.Struct, rename="camel", gc=False):
    name: str
    to: str
    from_: str = msgspec.field(default="", name="from")
    service: str = ""
    instance: str = ""
    failure_count: int = 0
    failure_threshold: int = 0
    reset_timeout_ms: float = 0
    half_open_timeout_ms: float = 0
    error_rate: float | None = None
    latency_ms: float | None = None
    throughput: float | None = None
    reason: str = ""
    rejected_count: int = 0


class ServiceChange(msgspec.Struct, rename="camel", gc=False):
    service: str
    instance: str = ""
    version: str = ""
    host: str = ""


class ErrorOccurred(msgspec.Struct, rename="camel", gc=False):
    error: ErrorInfo
    service: str = ""
    instance: str = ""
    context: Any = None


class DeadLettered(msgspec.Struct, rename="camel", gc=False):
    """``event`` keeps the original envelope byte for byte.

    An original that is not JSON, or is a JSON string, is a string here; ``encoding`` is then ``utf-8`` or
    ``base64``. A string without one that holds an object is read as that
    (`ingest.envelopes.system.unquoted`).
    """

    event: msgspec.Raw
    error: ErrorInfo = ErrorInfo()
    consumer: str = ""
    consumer_group: str = ""
    attempts: int = 0
    original_topic: str = ""
    original_partition: int = 0
    original_offset: str | int = ""
    first_failed_at: str | int | float | None = None
    last_failed_at: str | int | float | None = None
    encoding: str = ""


DETAILS: dict[str, type[msgspec.Struct]] = {
    "ProcessingReceipts": Receipts,
    "HealthCheck": HealthReport,
    "CircuitBreakerStateChanged": BreakerChange,
    "ServiceStarted": ServiceChange,
    "ServiceStopped": ServiceChange,
    "ErrorOccurred": ErrorOccurred,
    "DeadLettered": DeadLettered,
}
"""Native system events and what their payloads are read as."""

RECEIPT_TYPES = (
    "ProcessingReceipts",
    "task-events",
    "task-succeeded",
    "task-failed",
    "task-retried",
    "task-rejected",
    "task-revoked",
)
"""Types of events that may carry receipts: our own and Celery's."""

SYSTEM_TYPES = frozenset(
    (
        *DETAILS,
        *RECEIPT_TYPES,
        "task-started",
        "worker-online",
        "worker-heartbeat",
        "worker-offline",
    )
)
"""Events that tell of other events or of services, and are not counted as published."""
