"""Celery: every task as an event, every run of it as a receipt, what is given up as a dead letter.

Call `report_tasks` once in the module of the Celery application, so that publishers and workers do.
"""

from __future__ import annotations

import time
from contextlib import AbstractContextManager
from typing import Any, NamedTuple

import msgspec

from eventscope.contrib.missing import MissingLibrary
from eventscope.contrib.process import ProcessBus
from eventscope.envelope import Event, current_event, encode_event, handling, new_event
from eventscope.payloads import DeadLetteredEvent, ErrorInfo, Receipt, describe_error
from eventscope.stamps import format_ms, now_ms
from eventscope.sync import SyncEventBus

try:
    from celery import signals
except ImportError as error:
    raise MissingLibrary("celery", "celery") from error

__all__ = ["TaskReporter", "report_tasks"]

_CORRELATION = "eventscope_correlation_id"
_CAUSATION = "eventscope_causation_id"
_SENT = "eventscope_sent_at"
_OUTCOMES = {"SUCCESS": "success", "RETRY": "retry", "IGNORED": "skipped"}
_MOST_RUNS = 10_000
"""Runs that are remembered; a worker has a few at a time, and one that never ends must not pile up."""


class _Run(NamedTuple):
    event: Event
    started_ms: int
    clock: float
    scope: AbstractContextManager[None]
    errors: list[ErrorInfo]


def report_tasks(
    url: str,
    *,
    source: str,
    topic: str = "celery",
    dead_letter_topic: str | None = "failed-events",
    arguments: bool = False,
    **options: Any,
) -> TaskReporter:
    """Connect Celery's signals to a bus at ``url``, which starts in each process when it is first needed.

    Tasks are events on ``topic``, under their own names; with ``arguments`` their payload holds ``args``
    and ``kwargs`` (which must then be JSON), else nothing of them leaves the process. ``options`` are
    those of `eventscope.EventBus`.
    """
    reporter = TaskReporter(
        ProcessBus(lambda: SyncEventBus(url, source=source, **options)),
        topic=topic,
        dead_letter_topic=dead_letter_topic,
        arguments=arguments,
    )
    reporter.connect()
    return reporter


class TaskReporter:
    """Listens to Celery's signals. Reporting never fails a task: what cannot be told is counted by the bus."""

    def __init__(
        self, process: ProcessBus, *, topic: str, dead_letter_topic: str | None, arguments: bool
    ) -> None:
        self._process = process
        self._topic = topic
        self._dead_letter_topic = dead_letter_topic
        self._arguments = arguments
        self._runs: dict[str, _Run] = {}
        self._wired = (
            (signals.before_task_publish, self._before_publish),
            (signals.task_prerun, self._prerun),
            (signals.task_retry, self._retry),
            (signals.task_failure, self._failure),
            (signals.task_postrun, self._postrun),
            (signals.worker_process_shutdown, self._shutdown),
        )

    def connect(self) -> None:
        for signal, receiver in self._wired:
            signal.connect(receiver, weak=False)

    def disconnect(self) -> None:
        """Stop listening, and publish what is queued."""
        for signal, receiver in self._wired:
            signal.disconnect(receiver)
        self._process.stop()

    # -- where tasks are sent

    def _before_publish(
        self, sender: Any = None, headers: Any = None, body: Any = None, **_: Any
    ) -> None:
        """The ids travel in the task's headers. A retry sends the same task again, which is no new event."""
        if not headers or "id" not in headers:  # protocol 1 has no headers to carry anything
            return
        cause = current_event()
        headers.setdefault(_CORRELATION, cause.correlation_id if cause else headers.get("root_id"))
        headers.setdefault(_CAUSATION, cause.event_id if cause else headers.get("parent_id"))
        headers.setdefault(_SENT, format_ms(now_ms()))
        if not headers.get("retries"):
            payload = self._payload(*body[:2]) if body else None
            event = self._event(str(sender), headers["id"], headers.get, payload)
            self._process.get().report(event)

    # -- where tasks run

    def _prerun(self, task_id: str, task: Any, args: Any, kwargs: Any, **_: Any) -> None:
        told = vars(task.request)
        event = self._event(task.name, task_id, told.get, self._payload(args, kwargs))
        event = msgspec.structs.replace(event, attempt=task.request.retries + 1)
        scope = handling(event)
        scope.__enter__()
        while len(self._runs) >= _MOST_RUNS:
            self._runs.pop(next(iter(self._runs)), None)
        self._runs[task_id] = _Run(event, now_ms(), time.perf_counter(), scope, [])

    def _retry(self, request: Any, reason: Any, **_: Any) -> None:
        self._note(request.id, getattr(reason, "exc", None) or reason)

    def _failure(self, task_id: str, exception: BaseException, **_: Any) -> None:
        self._note(task_id, exception)

    def _note(self, task_id: str, error: Any) -> None:
        run = self._runs.get(task_id)
        if run is not None and isinstance(error, BaseException):
            run.errors.append(describe_error(error))

    def _postrun(self, task_id: str, task: Any, state: str | None = None, **_: Any) -> None:
        run = self._runs.pop(task_id, None)
        if run is None:
            return
        run.scope.__exit__(None, None, None)
        bus = self._process.get()
        outcome = _OUTCOMES.get(
            state or "", "dead_lettered" if self._dead_letter_topic else "failed"
        )
        receipt = _receipt(bus, run, task, outcome)
        bus.report_receipt(receipt)
        if outcome == "dead_lettered" and self._dead_letter_topic:
            bus.report(_letter(run.event, receipt, self._dead_letter_topic))

    def _shutdown(self, **_: Any) -> None:
        """A pool's process ends without running exit handlers."""
        self._process.stop()

    # -- made of both

    def _payload(self, args: Any, kwargs: Any) -> Any:
        return {"args": args, "kwargs": kwargs} if self._arguments else None

    def _event(self, name: str, task_id: str, told: Any, payload: Any) -> Event:
        metadata = {
            "source": self._process.get().source,
            "correlationId": told(_CORRELATION) or told("root_id") or task_id,
            "causationId": told(_CAUSATION) or told("parent_id"),
        }
        return Event(
            event_id=task_id,
            event_type=name,
            timestamp=told(_SENT) or format_ms(now_ms()),
            payload=payload,
            metadata={key: value for key, value in metadata.items() if value},
            topic=self._topic,
        )


def _receipt(bus: SyncEventBus, run: _Run, task: Any, outcome: str) -> Receipt:
    took = (time.perf_counter() - run.clock) * 1000
    receipt = Receipt(
        event_id=run.event.event_id,
        event_type=run.event.event_type,
        consumer=bus.source,
        consumer_group=(task.request.delivery_info or {}).get("routing_key") or "",
        instance=bus.instance,
        topic=run.event.topic,
        offset="",
        correlation_id=run.event.correlation_id,
        attempt=run.event.attempt,
        max_attempts=0 if task.max_retries is None else task.max_retries + 1,
        produced_at=run.event.timestamp,
        started_at=format_ms(run.started_ms),
        ended_at=format_ms(run.started_ms + round(took)),
        duration_ms=round(took, 3),
        outcome=outcome,
    )
    if run.errors and outcome not in ("success", "skipped"):
        receipt.error = run.errors[-1]
    return receipt


def _letter(event: Event, receipt: Receipt, topic: str) -> Event:
    """The task as a dead letter; with its arguments only if they are reported at all."""
    error = receipt.error if isinstance(receipt.error, ErrorInfo) else ErrorInfo("")
    letter = new_event(
        "DeadLettered",
        DeadLetteredEvent(
            event=msgspec.Raw(encode_event(event)),
            error=error,
            consumer=receipt.consumer,
            consumer_group=receipt.consumer_group,
            instance=receipt.instance,
            attempts=receipt.attempt,
            original_topic=event.topic,
            original_offset="",
            first_failed_at=receipt.ended_at,
            last_failed_at=receipt.ended_at,
        ),
        source=receipt.consumer,
        correlation_id=event.correlation_id,
        causation_id=event.event_id,
    )
    return msgspec.structs.replace(letter, topic=topic)
