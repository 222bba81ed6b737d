"""Alerts: list them, say who has them or that they are over, leave them in peace."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

from django.http import HttpRequest
from ninja import Query, Router, Schema
from ninja.params.functions import Path
from pydantic import ConfigDict, Field

from dashboard.accounts.models import Role
from dashboard.alerts.acting import MOST_AT_ONCE, Act, carry_out
from dashboard.alerts.actions import (
    LONGEST_NOTE,
    ActionError,
    AlertNotFound,
    AlertOutcome,
    acknowledge_alert,
    assign_alert,
    resolve_alert,
    snooze_alert,
    unacknowledge_alert,
)
from dashboard.alerts.filtering import AlertFilter
from dashboard.alerts.models import Episode, EpisodeEntry
from dashboard.alerts.queries import list_alerts, notes_of
from dashboard.api.paging import PageParameters, seal, unseal
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.serialise import iso
from dashboard.api.shapes.alerts import ActedShape, AlertPage, AlertShape
from dashboard.explore.filters import FilterError, parse_time
from dashboard.explore.values import check_text, read_many
from eventscope.stamps import now_ms

__all__ = ["alert_json", "router"]

router = Router(tags=["alerts"], by_alias=True)


STATES = ("pending", "firing", "acknowledged", "suppressed", "resolved")


class AlertParameters(PageParameters):
    """What narrows the list; all must fit."""

    state: str = Field(
        "", max_length=100, description=f"some of {', '.join(STATES)}, parted by commas"
    )
    severity: Literal["critical", "warning"] | None = None
    rule: str = Field("", max_length=64)
    subject: str = Field("", max_length=300, description="the whole subject")
    text: str = Field("", max_length=200, description="in subject, summary, rule or a note")
    by: str = Field("", max_length=200, description="who acknowledged, resolved, wrote or has it")
    since: str = Field("", max_length=40, description="open then or later: RFC 3339, ms, or an age")
    until: str = Field("", max_length=40, description="begun before: RFC 3339, ms, or an age")


class NoteBody(Schema):
    """What is told with a change."""

    model_config = ConfigDict(extra="forbid")
    note: str = Field("", max_length=LONGEST_NOTE)


NO_NOTE = NoteBody()


class SnoozeBody(NoteBody):
    until: str | int = Field(description="RFC 3339 or epoch ms; at most 30 days ahead")


class AssignBody(NoteBody):
    to: str = Field(max_length=150, description="a person's name; empty: nobody")


class ActBody(NoteBody):
    """One act for many alerts."""

    ids: list[int] = Field(min_length=1, max_length=MOST_AT_ONCE)
    act: Literal["acknowledge", "take_back", "assign", "snooze", "resolve"]
    until: str | None = Field(None, description="for snooze: RFC 3339 or epoch ms")
    to: str = Field("", max_length=150, description="for assign: a person's name; empty: nobody")


@router.get("/alerts", response=AlertPage, operation_id="listAlerts")
def alerts(request: HttpRequest, parameters: Query[AlertParameters]) -> Any:
    """Episodes, open and over, the newest start first."""
    told = parameters.dict(exclude={"cursor", "limit"})
    identity = f"alerts {sorted(told.items())}"
    page = list_alerts(
        _states(parameters.state),
        _asked(parameters),
        cursor=unseal(parameters.cursor, identity),
        limit=parameters.limit,
    )
    return {"results": _told(page.alerts), "next": seal(page.next, identity)}


@router.post("/alerts/{int:id}/acknowledge", response=AlertShape, operation_id="acknowledgeAlert")
def acknowledge(
    request: HttpRequest, body: NoteBody = NO_NOTE, alert_id: int = Path(alias="id")
) -> Any:
    """Say that you have it. The first is told as ``acknowledgedBy``; a second call changes nothing."""
    require(request, Role.OPERATOR)
    return _changed(lambda: acknowledge_alert(alert_id, by=caller(request), note=body.note))


@router.post(
    "/alerts/{int:id}/unacknowledge", response=AlertShape, operation_id="unacknowledgeAlert"
)
def unacknowledge(
    request: HttpRequest, body: NoteBody = NO_NOTE, alert_id: int = Path(alias="id")
) -> Any:
    """Take an acknowledgement back: it fires again."""
    require(request, Role.OPERATOR)
    return _changed(lambda: unacknowledge_alert(alert_id, by=caller(request), note=body.note))


@router.post("/alerts/{int:id}/snooze", response=AlertShape, operation_id="snoozeAlert")
def snooze(request: HttpRequest, body: SnoozeBody, alert_id: int = Path(alias="id")) -> Any:
    """Leave it in peace until then."""
    require(request, Role.OPERATOR)
    until = parse_time("until", str(body.until), now_ms())
    return _changed(
        lambda: snooze_alert(alert_id, by=caller(request), until_ms=until, note=body.note)
    )


@router.post("/alerts/{int:id}/assign", response=AlertShape, operation_id="assignAlert")
def assign(request: HttpRequest, body: AssignBody, alert_id: int = Path(alias="id")) -> Any:
    """Say who is to look after it."""
    require(request, Role.OPERATOR)
    return _changed(lambda: assign_alert(alert_id, by=caller(request), to=body.to, note=body.note))


@router.post("/alerts/{int:id}/resolve", response=AlertShape, operation_id="resolveAlert")
def resolve(
    request: HttpRequest, body: NoteBody = NO_NOTE, alert_id: int = Path(alias="id")
) -> Any:
    """Say that it is over. What still holds after five minutes comes back as the same alert."""
    require(request, Role.OPERATOR)
    return _changed(lambda: resolve_alert(alert_id, by=caller(request), note=body.note))


@router.post("/alerts/act", response=ActedShape, operation_id="actOnAlerts")
def act(request: HttpRequest, body: ActBody) -> Any:
    """One act for many. ``changed`` are those that are so by this call; ``others`` say why they are not."""
    require(request, Role.OPERATOR)
    until = None if body.until is None else parse_time("until", body.until, now_ms())
    asked = Act(name=body.act, note=body.note, until_ms=until, to=body.to)
    try:
        acted = carry_out(asked, body.ids, by=caller(request))
    except ActionError as error:
        raise Problem(409, str(error)) from error
    others = [{"id": id, "reason": reason} for id, reason in acted.others.items()]
    return {"changed": acted.changed, "others": others}


def alert_json(episode: Episode, notes: Iterable[EpisodeEntry]) -> dict[str, Any]:
    """One episode with what people did and wrote."""
    return {
        "id": episode.pk,
        "state": episode.shown_state(),
        "severity": episode.severity,
        "rule": episode.rule,
        "subject": episode.subject,
        "summary": episode.summary,
        "value": episode.value,
        "threshold": episode.threshold,
        "labels": episode.labels,
        "origin": episode.origin,
        "startedAt": iso(episode.started_ms),
        "firedAt": iso(episode.fired_ms),
        "acknowledgedBy": episode.acknowledged_by or None,
        "acknowledgedAt": iso(episode.acknowledged_ms),
        "assignedTo": episode.assigned_to or None,
        "resolvedAt": iso(episode.resolved_ms),
        "resolvedBy": episode.resolved_by or None,
        "reopened": episode.reopened,
        "flapping": episode.flapping,
        "suppressedBy": episode.suppressed_by or None,
        "snoozedUntil": iso(episode.snoozed_until_ms),
        "notes": [
            {"at": iso(entry.at_ms), "by": entry.by, "kind": entry.kind, "note": entry.note}
            for entry in notes
        ],
    }


def _states(given: str) -> tuple[str, ...]:
    states = read_many("state", [given])
    unknown = [name for name in states if name not in STATES]
    if unknown:
        raise FilterError("state", f"{unknown[0][:40]!r} is none of {', '.join(STATES)}")
    return states


def _asked(parameters: AlertParameters) -> AlertFilter:
    texts = {name: getattr(parameters, name) for name in ("rule", "subject", "text", "by")}
    for name, value in texts.items():
        check_text(name, value)
    now = now_ms()
    since, until = (
        parse_time(name, getattr(parameters, name), now) if getattr(parameters, name) else None
        for name in ("since", "until")
    )
    if since is not None and until is not None and since > until:
        raise FilterError("since", "must not be later than until")
    severity = parameters.severity or ""
    return AlertFilter(**texts, severity=severity, since_ms=since, until_ms=until)


def _told(episodes: list[Episode]) -> list[dict[str, Any]]:
    notes = notes_of([episode.pk for episode in episodes])
    return [alert_json(episode, notes[episode.pk]) for episode in episodes]


def _changed(act: Any) -> dict[str, Any]:
    try:
        outcome: AlertOutcome = act()
    except AlertNotFound as error:
        raise Problem(404, "There is no alert with this id.") from error
    except ActionError as error:
        raise Problem(409, str(error)) from error
    return _told([outcome.episode])[0]
