"""What an Alertmanager tells: its webhook, version 4."""

from __future__ import annotations

import time
from datetime import UTC, datetime
from typing import Any, Literal
from urllib.parse import urlsplit

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import ConfigDict, Field

from dashboard.accounts.models import Role
from dashboard.alerts.incoming import MOST_INCOMING, IncomingAlert, take_alerts
from dashboard.api.security import caller, require

__all__ = ["router"]

router = Router(tags=["alerts"], by_alias=True)

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LATEST_MS = 253_402_300_799_999
Texts = dict[str, str]


class ToldAlert(Schema):
    """One alert of a group; a field of Alertmanager's that is not here is passed over."""

    model_config = ConfigDict(extra="ignore")
    status: Literal["firing", "resolved"]
    fingerprint: str = Field(min_length=1, max_length=100)
    labels: Texts = Field(default_factory=dict)
    annotations: Texts = Field(default_factory=dict)
    startsAt: datetime
    endsAt: datetime | None = Field(None, description="the year 1 for one that goes on")
    generatorURL: str = ""


class Webhook(Schema):
    """A group as Alertmanager tells of it."""

    model_config = ConfigDict(extra="ignore")
    version: Literal["4"]
    groupKey: str = ""
    truncatedAlerts: int = 0
    alerts: list[ToldAlert] = Field(max_length=MOST_INCOMING)


class TakenShape(Schema):
    """How many alerts are new, are over, and are as they were."""

    opened: int
    resolved: int
    unchanged: int
    omitted: int = Field(description="that Alertmanager has left out itself (max_alerts)")


@router.post("/alertmanager", response=TakenShape, operation_id="takeAlertmanagerAlerts")
def take(request: HttpRequest, body: Webhook) -> Any:
    """Alertmanager's webhook: its alerts are shown beside ours. It may be repeated; needs the role operator."""
    require(request, Role.OPERATOR)
    now_ms = time.time_ns() // 1_000_000
    taken = take_alerts(
        [_read(alert, now_ms) for alert in body.alerts], by=caller(request), now_ms=now_ms
    )
    return {**vars(taken), "omitted": max(0, body.truncatedAlerts)}


def _read(alert: ToldAlert, now_ms: int) -> IncomingAlert:
    ends_ms = _ms(alert.endsAt) if alert.endsAt else 0
    told = alert.annotations
    return IncomingAlert(
        fingerprint=_plain(alert.fingerprint),
        firing=alert.status == "firing",
        starts_ms=min(max(0, _ms(alert.startsAt)), now_ms),
        ends_ms=min(ends_ms, LATEST_MS) if ends_ms > 0 else None,
        labels={_plain(name): _plain(value) for name, value in alert.labels.items()},
        summary=_plain(told.get("summary") or told.get("description") or told.get("message", "")),
        url=_plain(alert.generatorURL) if _is_address(alert.generatorURL) else "",
    )


def _ms(moment: datetime) -> int:
    """Without a zone it is UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return int((aware - EPOCH).total_seconds() * 1000)


def _plain(text: str) -> str:
    """PostgreSQL stores no NUL."""
    return text.replace("\x00", "")


def _is_address(url: str) -> bool:
    """Whether a page may link there."""
    try:
        return urlsplit(url).scheme in ("http", "https")
    except ValueError:
        return False
