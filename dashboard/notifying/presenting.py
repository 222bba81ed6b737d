"""Receivers and routes in words; no secret is in any of them. Pure but for what is configured."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from dashboard.notifying.messages import MOST_LABELS
from dashboard.notifying.queries import Standing
from dashboard.notifying.quiet import DAYS, is_quiet
from dashboard.notifying.receivers import ConfiguredReceiver
from dashboard.notifying.routing import Route, routes_of
from dashboard.notifying.senders import pagerduty
from dashboard.receiver_options import QuietOptions
from eventscope.durations import format_duration
from eventscope.errors import EventscopeError

__all__ = [
    "Chosen",
    "LabelsError",
    "ReceiverRow",
    "RouteRow",
    "choose_receivers",
    "place_of",
    "quiet_words",
    "read_labels",
    "receiver_rows",
    "route_rows",
]

LONGEST_LABELS = 2000
KINDS = {
    "alertmanager": "Alertmanager",
    "apprise": "Apprise",
    "email": "E-mail",
    "pagerduty": "PagerDuty",
    "slack": "Slack",
    "teams": "Teams",
    "webhook": "Webhook",
}


class LabelsError(EventscopeError, ValueError):
    """The labels cannot be read; the message says which."""


@dataclass(frozen=True)
class ReceiverRow:
    name: str
    kind: str
    place: str
    quiet: str
    quiet_now: bool
    standing: Standing

    @property
    def state(self) -> tuple[str, str]:
        """A word and its tone."""
        if self.standing.error:
            return "failing", "bad"
        if self.standing.given_up:
            return "gave up lately", "warn"
        if self.standing.sent_ms is not None:
            return "takes messages", "ok"
        return "nothing sent lately", "off"


@dataclass(frozen=True)
class RouteRow:
    route: Route
    timing: str
    escalation: str


@dataclass(frozen=True)
class Chosen:
    """One who would get it, and the labels of its group."""

    route: Route
    group: str
    escalation: str


def receiver_rows(
    receivers: Iterable[ConfiguredReceiver], standings: Mapping[str, Standing], now_ms: int
) -> list[ReceiverRow]:
    return [
        ReceiverRow(
            receiver.name,
            KINDS[receiver.kind],
            place_of(receiver),
            quiet_words(receiver.options.quiet),
            is_quiet(receiver.options.quiet, now_ms),
            standings.get(receiver.name, Standing()),
        )
        for receiver in receivers
    ]


def route_rows(routes: Sequence[Route]) -> list[RouteRow]:
    return [RouteRow(route, _timing(route), _escalation(route)) for route in routes]


def place_of(receiver: ConfiguredReceiver) -> str:
    """Where its messages go: addresses of mail, or a host; of a secret no more than that."""
    if receiver.kind == "email":
        return ", ".join(receiver.options.to)
    if receiver.kind == "apprise":
        return receiver.secret.partition(":")[0]
    url = receiver.options.url or receiver.secret
    if receiver.kind == "pagerduty":
        url = receiver.options.url or pagerduty.URL
    return urlsplit(url).hostname or ""


def quiet_words(quiet: QuietOptions | None) -> str:
    """``22:00 to 07:00 Europe/Berlin, sat sun; critical passes``."""
    if quiet is None:
        return ""
    days = "" if set(quiet.days) == set(DAYS) else ", " + " ".join(quiet.days)
    passes = "critical passes" if quiet.critical else "nothing passes"
    return f"{quiet.from_} to {quiet.until} {quiet.time_zone}{days}; {passes}"


def read_labels(text: str) -> dict[str, str]:
    """``severity = critical, consumer = payment`` or a line each. Raises `LabelsError`."""
    if len(text) > LONGEST_LABELS:
        raise LabelsError(
            f"Labels may have {LONGEST_LABELS:,} characters; these have {len(text):,}."
        )
    labels: dict[str, str] = {}
    for part in text.replace("\n", ",").split(","):
        name, equals, value = (piece.strip() for piece in part.partition("="))
        if not part.strip():
            continue
        if not equals or not name:
            raise LabelsError(f"{part.strip()[:60]!r} is no label; write name = value.")
        labels[name] = value.strip('"')
    if len(labels) > MOST_LABELS:
        raise LabelsError(f"At most {MOST_LABELS} labels; these are {len(labels)}.")
    return labels


def choose_receivers(routes: Sequence[Route], labels: Mapping[str, str]) -> list[Chosen]:
    """Who would be told of an alert with these labels, in order."""
    return [
        Chosen(
            route,
            ", ".join(f"{name} = {labels.get(name, '')}".rstrip() for name in route.group_by)
            or "all together",
            _escalation(route),
        )
        for route in routes_of(routes, labels)
    ]


def _timing(route: Route) -> str:
    wait, interval, repeat = (
        format_duration(ms / 1000) for ms in (route.wait_ms, route.interval_ms, route.repeat_ms)
    )
    return f"after {wait}, then every {interval}; again after {repeat}"


def _escalation(route: Route) -> str:
    if route.escalate_ms is None:
        return ""
    return f"{route.escalate_to} after {format_duration(route.escalate_ms / 1000)}"
