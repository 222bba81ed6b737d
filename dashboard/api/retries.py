"""Events that wait for a retry, and trying one at once."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from dashboard.accounts.models import Role
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.serialise import iso
from dashboard.api.shapes.recovery import RetryDoneShape, RetryPage
from dashboard.explore.filters import FilterError
from dashboard.recovery.retrying import Retry, read_retries, retry_at_once
from dashboard.recovery.selection import SelectionError
from ingest.queries.retries import NotThere

__all__ = ["router"]

router = Router(tags=["recovery"], by_alias=True)
NAME = Field(max_length=255)


class RetryParameters(Schema):
    limit: int = Field(100, ge=1, le=1000)


class RetryBody(Schema):
    """As the list tells it."""

    model_config = ConfigDict(extra="forbid")
    broker: str = NAME
    topic: str = NAME
    group: str = NAME
    entry: str = NAME


@router.get("/dead-letters/retries", response=RetryPage, operation_id="listRetries")
def retries(request: HttpRequest, parameters: Query[RetryParameters]) -> Any:
    """What waits for its next attempt where the kit is used, the next one due first."""
    page = read_retries(limit=parameters.limit, now_ms=time.time_ns() // 1_000_000)
    rows = [_told(row) for row in page.rows]
    return {"results": rows, "next": None, "total": page.total, "away": page.away}


@router.post("/dead-letters/retries/now", response=RetryDoneShape, operation_id="retryNow")
def retry_now(request: HttpRequest, body: RetryBody) -> Any:
    """End the delay of one that is ``movable``: its consumer takes it in its next round."""
    require(request, Role.OPERATOR)
    try:
        return {"due": retry_at_once(by=caller(request), **body.model_dump())}
    except SelectionError as error:
        raise FilterError(error.place, error.reason) from error
    except NotThere as error:
        raise Problem(409, str(error)) from error


def _told(row: Retry) -> dict[str, Any]:
    waiting = row.waiting
    return {
        "broker": waiting.broker,
        "topic": waiting.topic,
        "group": waiting.group,
        "entry": waiting.entry,
        "eventId": waiting.event_id,
        "eventType": waiting.event_type,
        "correlationId": waiting.correlation_id,
        "attempts": waiting.attempts,
        "dueAt": iso(row.due_ms),
        "overdue": row.overdue,
        "movable": waiting.movable,
    }
