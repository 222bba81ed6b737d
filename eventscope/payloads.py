"""Payloads of the system events that the kit publishes, as the wire contract names them."""

from __future__ import annotations

import traceback
from typing import Any

import msgspec

__all__ = [
    "BreakerChange",
    "Check",
    "DeadLetteredEvent",
    "ErrorInfo",
    "ErrorReport",
    "HealthReport",
    "Receipt",
    "Receipts",
    "ServiceChange",
    "describe_error",
    "partition_and_offset",
]

_MAX_MESSAGE = 2_000
_MAX_STACK = 8_000


class ErrorInfo(msgspec.Struct, frozen=True):
    """``type`` is the error's ``code`` where it has one, else the name of its class."""

    type: str
    message: str = ""
    stack: str = ""


class Receipt(msgspec.Struct, rename="camel", kw_only=True, gc=False):
    """One handling of one event; ``outcome`` is success, retry, failed, dead_lettered or skipped."""

    event_id: str
    event_type: str
    consumer: str
    consumer_group: str
    instance: str
    topic: str
    offset: str
    correlation_id: str
    attempt: int
    max_attempts: int
    produced_at: str
    started_at: str
    ended_at: str
    duration_ms: float
    outcome: str
    partition: int = 0
    error: ErrorInfo | msgspec.UnsetType = msgspec.UNSET


class Receipts(msgspec.Struct):
    receipts: list[Receipt]


class Check(msgspec.Struct, rename="camel", frozen=True):
    """The result of one check of a component."""

    name: str
    status: str
    latency_ms: float = 0.0
    output: str = ""


class HealthReport(msgspec.Struct, rename="camel", frozen=True):
    component: str
    service: str
    instance: str
    status: str
    latency_ms: float
    checks: list[Check]


class BreakerChange(msgspec.Struct, rename="camel", frozen=True, kw_only=True):
    """One that goes ``from`` a state to the same only tells how the breaker stands.

    ``rejected_count`` is how many calls were refused since it last told of itself.
    """

    name: str
    service: str
    instance: str
    from_: str = msgspec.field(name="from")
    to: str
    failure_count: int
    failure_threshold: int
    reset_timeout_ms: int
    half_open_timeout_ms: int
    error_rate: float
    latency_ms: float
    throughput: float
    reason: str
    rejected_count: int = 0


class ServiceChange(msgspec.Struct, frozen=True):
    service: str
    instance: str
    version: str
    host: str


class ErrorReport(msgspec.Struct, frozen=True):
    service: str
    instance: str
    error: ErrorInfo
    context: Any = None


class DeadLetteredEvent(msgspec.Struct, rename="camel", kw_only=True):
    """``event`` is the original, byte for byte.

    A message that is not JSON, or is a JSON string, stands there as a string, and ``encoding`` says how it was made one:
    ``utf-8`` (the text itself) or ``base64``.
    """

    event: msgspec.Raw
    error: ErrorInfo
    consumer: str
    consumer_group: str
    instance: str
    attempts: int
    original_topic: str
    original_partition: int = 0
    original_offset: str
    first_failed_at: str
    last_failed_at: str
    encoding: str | msgspec.UnsetType = msgspec.UNSET


def partition_and_offset(entry: str) -> tuple[int, str]:
    """Of an entry id: Kafka's is ``partition:offset``; a Redis stream has one partition, 0."""
    partition, colon, offset = entry.partition(":")
    return (int(partition), offset) if colon else (0, entry)


def describe_error(error: BaseException) -> ErrorInfo:
    """What receipts and dead letters say of ``error``; long texts are cut."""
    code = getattr(error, "code", None)
    stack = "".join(traceback.format_exception(error))
    return ErrorInfo(
        type=code if isinstance(code, str) and code else type(error).__name__,
        message=_text(error)[:_MAX_MESSAGE],
        stack=stack[-_MAX_STACK:].encode("utf-8", "replace").decode(),
    )


def _text(error: BaseException) -> str:
    """The message; without lone surrogates, which JSON cannot carry."""
    try:
        return str(error).encode("utf-8", "replace").decode()
    except Exception as broken:  # noqa: BLE001 - an error's own __str__ may do anything
        return f"(its message cannot be read: {type(broken).__name__})"
