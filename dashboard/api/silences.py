"""Silences: list them, hush alerts by their labels, end and extend it."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema, Status
from ninja.params.functions import Path
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.accounts.models import Role
from dashboard.alerts.models import Silence
from dashboard.alerts.silence_rows import (
    SilenceRow,
    current_rows,
    ended_rows,
    get_silence,
    silence_row,
)
from dashboard.alerts.silences import (
    LONGEST_COMMENT,
    SilenceError,
    SilenceNotFound,
    Wanted,
    add_silence,
    end_silence,
    extend_silence,
    hushed_now,
    read_matchers,
)
from dashboard.api.paging import PageParameters, seal, unseal
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.serialise import iso
from dashboard.api.shapes.silences import PreviewShape, SilencePage, SilenceShape
from dashboard.explore.filters import parse_time

__all__ = ["router"]

router = Router(tags=["alerts"], by_alias=True)


class SilenceParameters(PageParameters):
    state: Literal["current", "ended"] = Field("current", description="current: active and planned")


class MatchersBody(Schema):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)
    matchers: list[str] = Field(description='all must fit, such as "consumer = payment"')


class SilenceBody(MatchersBody):
    """From ``startsAt`` (now) until ``endsAt``; weekly ones by the clocks of ``zone``."""

    ends_at: str = Field(description="RFC 3339 or epoch ms; at most 90 days long")
    starts_at: str | None = None
    comment: str = Field(max_length=LONGEST_COMMENT)
    kind: Literal["silence", "maintenance"] = "silence"
    weekly: bool = False
    zone: str = Field("UTC", max_length=60)


class ExtendBody(Schema):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)
    ends_at: str = Field(description="RFC 3339 or epoch ms, within 90 days")


@router.get("/silences", response=SilencePage, operation_id="listSilences")
def silences(request: HttpRequest, parameters: Query[SilenceParameters]) -> Any:
    """What hushes now and what is planned, all of it; or what is over, the latest end first."""
    now = time.time_ns() // 1_000_000
    if parameters.state == "current":
        rows = current_rows(now)[: parameters.limit]
        return {"results": [_told(row) for row in rows], "next": None}
    identity = "silences ended"
    cursor = unseal(parameters.cursor, identity)
    page = ended_rows(now, cursor=cursor, limit=parameters.limit)
    return {"results": [_told(row) for row in page.rows], "next": seal(page.next, identity)}


@router.post("/silences", response={201: SilenceShape}, operation_id="addSilence")
def add(request: HttpRequest, body: SilenceBody) -> Any:
    """Hush what fits: it is evaluated as ever, and nobody is told."""
    require(request, Role.OPERATOR)
    now = time.time_ns() // 1_000_000
    starts = None if body.starts_at is None else parse_time("startsAt", body.starts_at, now)
    wanted = Wanted(
        matchers=body.matchers,
        ends_ms=parse_time("endsAt", body.ends_at, now),
        starts_ms=starts,
        comment=body.comment,
        kind=body.kind,
        weekly=body.weekly,
        zone=body.zone,
    )
    return Status(201, _after(lambda: add_silence(wanted, by=caller(request)).pk))


@router.post("/silences/preview", response=PreviewShape, operation_id="previewSilence")
def preview(request: HttpRequest, body: MatchersBody) -> Any:
    """How many open alerts these matchers fit now; nothing is changed."""
    try:
        count, shown = hushed_now(read_matchers(body.matchers))
    except SilenceError as error:
        raise Problem(400, f"matchers: {error}") from error
    return {"hushes": count, "alerts": [episode.pk for episode in shown]}


@router.post("/silences/{int:id}/end", response=SilenceShape, operation_id="endSilence")
def end(request: HttpRequest, silence_id: int = Path(alias="id")) -> Any:
    """End it before its time. A second call changes nothing."""
    require(request, Role.OPERATOR)
    return _after(lambda: end_silence(silence_id, by=caller(request)).pk)


@router.post("/silences/{int:id}/extend", response=SilenceShape, operation_id="extendSilence")
def extend(request: HttpRequest, body: ExtendBody, silence_id: int = Path(alias="id")) -> Any:
    """Let it last until then."""
    require(request, Role.OPERATOR)
    until = parse_time("endsAt", body.ends_at, time.time_ns() // 1_000_000)
    return _after(lambda: extend_silence(silence_id, by=caller(request), ends_ms=until).pk)


def _after(act: Callable[[], int]) -> dict[str, Any]:
    """The silence as it is after the act."""
    try:
        silence = get_silence(act())
    except SilenceNotFound as error:
        raise Problem(404, "There is no silence with this id.") from error
    except SilenceError as error:
        raise Problem(400, str(error)) from error
    assert silence is not None
    return _told(silence_row(silence, time.time_ns() // 1_000_000))


def _told(row: SilenceRow) -> dict[str, Any]:
    silence: Silence = row.silence
    return {
        "id": silence.pk,
        "name": silence.name,
        "kind": silence.kind,
        "state": row.state,
        "matchers": silence.matchers,
        "comment": silence.comment,
        "beginsAt": iso(row.begins_ms),
        "endsAt": iso(row.until_ms),
        "weekly": silence.weekly,
        "zone": silence.zone,
        "createdBy": silence.created_by,
        "createdAt": iso(silence.created_ms),
        "endedBy": silence.ended_by or None,
    }
