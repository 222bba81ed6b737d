"""What people say of a failure: who has it, that it is fixed, muted, merged with another."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from ninja.params.functions import Path
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.accounts.models import Role
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.serialise import iso
from dashboard.api.shapes.recovery import FailureShape
from dashboard.explore.filters import FilterError, parse_time
from dashboard.recovery import group_actions
from dashboard.recovery.asking import NO_FAILURE
from dashboard.recovery.group_actions import LONGEST_NOTE, GroupError
from dashboard.recovery.models import FailureGroup, GroupEntry
from ingest.queries.letter_cells import known_fingerprints

__all__ = ["router"]

router = Router(tags=["recovery"], by_alias=True)
HISTORY = 50
FAILURE = Path(alias="id", max_length=32)


class _Body(Schema):
    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)


class DescribeBody(_Body):
    """What is not given stays as it is."""

    owner: str | None = Field(None, max_length=200)
    note: str | None = Field(None, max_length=LONGEST_NOTE)
    ticket: str | None = Field(None, max_length=500, description="an http(s) link")


class FixedBody(_Body):
    how: str = Field(max_length=LONGEST_NOTE)


class MuteBody(_Body):
    until: str | None = Field(description="RFC 3339 or epoch ms, within 90 days; null ends it")


class MergeBody(_Body):
    into: str = Field(max_length=32, description="the failure that it is to count with")


class DivideBody(_Body):
    match: str = Field(description="message (contains), type or consumer")
    value: str = Field(max_length=300)


@router.get("/dead-letters/groups/{str:id}", response=FailureShape, operation_id="getFailure")
def failure(request: HttpRequest, fingerprint: str = FAILURE) -> Any:
    """What was said of one failure, with its history; `none` is the one of letters without an error."""
    return _told(_known(fingerprint))


@router.post(
    "/dead-letters/groups/{str:id}/describe",
    response=FailureShape,
    operation_id="describeFailure",
)
def describe(request: HttpRequest, body: DescribeBody, fingerprint: str = FAILURE) -> Any:
    """Say who has it, what is known, and where it is worked on."""

    def deed(known: str) -> None:
        kept = _kept(known)
        names = ("owner", "note", "ticket")
        given = body.model_dump(exclude_none=True)
        told = {name: given.get(name, getattr(kept, name)) for name in names}
        group_actions.describe_group(known, by=caller(request), **told)

    return _done(request, fingerprint, deed)


@router.post(
    "/dead-letters/groups/{str:id}/fixed", response=FailureShape, operation_id="fixFailure"
)
def fixed(request: HttpRequest, body: FixedBody, fingerprint: str = FAILURE) -> Any:
    """Say that it is fixed, and how; a letter that comes later makes it regressed."""
    return _done(
        request,
        fingerprint,
        lambda known: group_actions.mark_fixed(known, by=caller(request), how=body.how),
    )


@router.post(
    "/dead-letters/groups/{str:id}/mute", response=FailureShape, operation_id="muteFailure"
)
def mute(request: HttpRequest, body: MuteBody, fingerprint: str = FAILURE) -> Any:
    """Show it apart until then; it is counted all the same."""
    now = time.time_ns() // 1_000_000
    until = None if body.until is None else parse_time("until", body.until, now)
    return _done(
        request,
        fingerprint,
        lambda known: group_actions.mute_group(known, by=caller(request), until_ms=until),
    )


@router.post(
    "/dead-letters/groups/{str:id}/merge", response=FailureShape, operation_id="mergeFailure"
)
def merge(request: HttpRequest, body: MergeBody, fingerprint: str = FAILURE) -> Any:
    """Count it with another."""
    into = _fingerprint(body.into)
    return _done(
        request,
        fingerprint,
        lambda known: group_actions.merge_group(known, into=into, by=caller(request)),
    )


@router.post(
    "/dead-letters/groups/{str:id}/split", response=FailureShape, operation_id="splitFailure"
)
def split(request: HttpRequest, fingerprint: str = FAILURE) -> Any:
    """Let a merged one stand for itself again."""
    return _done(
        request, fingerprint, lambda known: group_actions.split_group(known, by=caller(request))
    )


@router.post(
    "/dead-letters/groups/{str:id}/divide", response=FailureShape, operation_id="divideFailure"
)
def divide(request: HttpRequest, body: DivideBody, fingerprint: str = FAILURE) -> Any:
    """Keep the letters that fit apart, now and later; answers the new failure."""
    require(request, Role.OPERATOR)
    known = _known(fingerprint)
    try:
        return _told(group_actions.divide_group(known, by=caller(request), **body.model_dump()))
    except GroupError as error:
        raise FilterError(error.place, error.reason) from error


@router.post(
    "/dead-letters/groups/{str:id}/join", response=FailureShape, operation_id="joinFailure"
)
def join(request: HttpRequest, fingerprint: str = FAILURE) -> Any:
    """Put back what was kept apart; answers the failure that it is of again."""
    require(request, Role.OPERATOR)
    known = _known(fingerprint)
    try:
        return _told(group_actions.join_group(known, by=caller(request)))
    except GroupError as error:
        raise FilterError(error.place, error.reason) from error


def _done(request: HttpRequest, fingerprint: str, deed: Callable[[str], object]) -> dict[str, Any]:
    require(request, Role.OPERATOR)
    known = _known(fingerprint)
    try:
        deed(known)
    except GroupError as error:
        raise FilterError(error.place, error.reason) from error
    return _told(known)


def _known(fingerprint: str) -> str:
    known = _fingerprint(fingerprint)
    if not known_fingerprints([known]):
        raise Problem(404, "No dead letter has this fingerprint.")
    return known


def _fingerprint(text: str) -> str:
    return "" if text == NO_FAILURE else text.replace("\x00", "")


def _kept(fingerprint: str) -> FailureGroup:
    """What is stored of it; nothing was said of one without a row."""
    found = FailureGroup.objects.filter(fingerprint=fingerprint).first()
    return found or FailureGroup(fingerprint=fingerprint)


def _told(fingerprint: str) -> dict[str, Any]:
    kept = _kept(fingerprint)
    entries = GroupEntry.objects.filter(group__fingerprint=fingerprint).order_by("-at_ms", "-pk")
    return {
        "id": fingerprint or NO_FAILURE,
        "owner": kept.owner,
        "note": kept.note,
        "ticket": kept.ticket,
        "fixedAt": iso(kept.fixed_ms),
        "mutedUntil": iso(kept.muted_until_ms),
        "mergedInto": kept.merged_into or None,
        "history": [
            {"at": iso(entry.at_ms), "by": entry.by, "kind": entry.kind, "text": entry.text}
            for entry in entries[:HISTORY]
        ],
    }
