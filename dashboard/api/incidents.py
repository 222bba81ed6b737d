"""Incidents: what fired together, with its likely first cause."""

from __future__ import annotations

import time
from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Schema
from pydantic import ConfigDict, Field

from dashboard.alerts.incident_reading import IncidentView, incidents_since
from dashboard.alerts.incidents import Happening
from dashboard.alerts.models import Episode
from dashboard.api.problems import Problem
from dashboard.api.serialise import iso
from dashboard.api.shapes.incidents import IncidentPage
from dashboard.explore.filters import parse_time

__all__ = ["router"]

router = Router(tags=["alerts"], by_alias=True)
FURTHEST_MS = 31 * 86_400_000


class IncidentParameters(Schema):
    model_config = ConfigDict(extra="forbid")
    since: str = Field("24h", description="RFC 3339, epoch ms or an age; at most 31 days ago")


@router.get("/incidents", response=IncidentPage, operation_id="listIncidents")
def incidents(request: HttpRequest, parameters: Query[IncidentParameters]) -> Any:
    """What fired together since then, the newest first: of the newest 500 alerts, and all at once."""
    now = time.time_ns() // 1_000_000
    since = parse_time("since", parameters.since, now)
    if since < now - FURTHEST_MS:
        raise Problem(400, "since: at most 31 days ago")
    return {"results": [_told(view) for view in incidents_since(since)], "next": None}


def _told(view: IncidentView) -> dict[str, Any]:
    incident = view.incident
    place = {id(one): number for number, (one, _) in enumerate(view.lines)}
    return {
        "id": incident.id,
        "startedAt": iso(incident.began_ms),
        "endedAt": iso(view.ended_ms),
        "firing": view.firing,
        "cause": place[id(incident.cause)],
        "why": list(incident.why),
        "happenings": [_happening(*line) for line in view.lines],
    }


def _happening(one: Happening, episode: Episode | None) -> dict[str, Any]:
    return {
        "at": iso(one.at_ms),
        "kind": "deploy" if one.alert is None else "alert",
        "words": one.words,
        "alert": one.alert,
        "state": episode.shown_state() if episode else None,
    }
