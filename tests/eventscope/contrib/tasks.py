"""A Celery application as a service has one; run as a worker by its tests."""

from __future__ import annotations

import os

from celery import Celery

from eventscope import current_event
from eventscope.contrib.celery import report_tasks

__all__ = ["app", "charge", "follow", "reporter"]

URL = os.environ.get("EVENTSCOPE_TEST_URL", "redis://127.0.0.1:1/0")

app = Celery("shop", broker=URL, backend=URL)
app.conf.update(
    task_default_queue="shop",
    broker_connection_retry_on_startup=True,
    worker_hijack_root_logger=False,
)
reporter = report_tasks(URL, source="shop-worker", topic="tasks", arguments=True)


@app.task(name="shop.charge", bind=True, max_retries=1)
def charge(self, mode: str) -> str:  # type: ignore[no-untyped-def]
    if mode == "fail":
        raise ValueError("no such card")
    if mode == "retry" and self.request.retries == 0:
        raise self.retry(exc=ConnectionError("provider is down"), countdown=0)
    if mode == "follow":
        follow.delay()
    return mode


@app.task(name="shop.follow")
def follow() -> str:
    event = current_event()
    return event.correlation_id if event else ""
