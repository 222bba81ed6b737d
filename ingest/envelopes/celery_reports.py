"""What Celery's workers report, in our words: receipts of tasks, starts and stops of workers.

A report names its task by id alone. The name is known only where the same array of events has the
``task-received`` too; elsewhere receipts stand under `UNNAMED`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

import msgspec

from ingest.system import ErrorInfo, Outcome, Receipt, Receipts, ServiceChange

__all__ = ["MANY", "UNNAMED", "detail_of"]

MANY = "task-events"
"""The type of an array of task events."""
UNNAMED = "celery-task"
_OUTCOMES: dict[str, Outcome] = {
    "task-succeeded": "success",
    "task-failed": "failed",
    "task-retried": "retry",
    "task-rejected": "failed",
    "task-revoked": "skipped",
}
_CHANGES = frozenset(("worker-online", "worker-offline", "worker-heartbeat"))
_REPR = re.compile(r"([A-Za-z_][\w.]*)\((.*)\)\s*", re.DOTALL)
_ODD = (msgspec.MsgspecError, UnicodeDecodeError, RecursionError)


class _Report(msgspec.Struct, gc=False):
    """The members that matter; https://docs.celeryq.dev/en/stable/userguide/monitoring.html."""

    type: str
    hostname: str = ""
    timestamp: float | None = None
    uuid: str = ""
    name: str | None = None
    root_id: str | None = None
    retries: int | None = None
    runtime: float | None = None
    exception: str | None = None
    traceback: str | None = None
    sw_ver: str = ""


_report = msgspec.json.Decoder(_Report)
_reports = msgspec.json.Decoder(list[_Report])


def detail_of(kind: str, body: bytes, topic: str) -> object | None:
    """The typed report that an event of type ``kind``, seen on ``topic``, makes; None if it makes none."""
    try:
        if kind == MANY:
            return _receipts(_reports.decode(body), topic)
        if kind in _OUTCOMES:
            return _receipts([_report.decode(body)], topic)
        return _change(_report.decode(body)) if kind in _CHANGES else None
    except _ODD:
        return None


def _receipts(reports: Sequence[_Report], topic: str) -> Receipts | None:
    received = {one.uuid: one for one in reports if one.type == "task-received"}
    made = [_receipt(one, received, topic) for one in reports if one.type in _OUTCOMES and one.uuid]
    return Receipts(made) if made else None


def _receipt(report: _Report, received: Mapping[str, _Report], topic: str) -> Receipt:
    told = received.get(report.uuid)
    ended = report.timestamp
    duration = report.runtime
    return Receipt(
        event_id=report.uuid,
        event_type=(told and told.name) or report.name or UNNAMED,
        consumer=report.hostname.partition("@")[0],
        instance=report.hostname,
        topic=topic,
        outcome=_OUTCOMES[report.type],
        correlation_id=(told and told.root_id) or report.root_id or "",
        attempt=((told and told.retries) or 0) + 1,
        started_at=None if ended is None or duration is None else ended - duration,
        ended_at=ended,
        duration_ms=None if duration is None else duration * 1000,
        error=_error(report),
    )


def _error(report: _Report) -> ErrorInfo | None:
    """``ValueError('no stock')`` as type and message."""
    if report.exception is None:
        return None
    match = _REPR.fullmatch(report.exception)
    kind, words = match.groups() if match else ("", report.exception)
    return ErrorInfo(kind, words.rstrip(",").strip("'\""), report.traceback or "")


def _change(report: _Report) -> ServiceChange:
    service, _, host = report.hostname.partition("@")
    return ServiceChange(service, report.hostname, report.sw_ver, host)
