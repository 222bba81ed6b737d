"""Which receivers an alert goes to, and with which others it is told: pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from dashboard.matchers import Matcher, all_match, read_matcher
from dashboard.options import AlertOptions
from dashboard.receiver_options import RouteOptions

if TYPE_CHECKING:
    from dashboard.notifying.deciding import Log

__all__ = [
    "DEFAULT_ROUTE",
    "Alert",
    "Group",
    "Route",
    "group_alerts",
    "read_routes",
    "routes_of",
    "with_told",
]

State = Literal["firing", "acknowledged", "hushed", "resolved"]
DEFAULT_ROUTE = "everything else"


@dataclass(frozen=True)
class Alert:
    """An alert as it is now. ``hushed`` it is while snoozed or silenced; ``since_ms`` is when it fired."""

    id: int
    state: State
    severity: str
    labels: Mapping[str, str]
    since_ms: int


@dataclass(frozen=True)
class Route:
    """Who gets what, with which others, and how often.

    ``told_first`` is set for the share of those to whom it escalates: who was told before.
    """

    name: str
    receiver: str
    matchers: tuple[Matcher, ...]
    group_by: tuple[str, ...]
    wait_ms: int
    interval_ms: int
    repeat_ms: int
    goes_on: bool = False
    escalate_ms: int | None = None
    escalate_to: str = ""
    told_first: str = ""

    def escalated(self) -> Route:
        """The share of the one who is told when nobody acknowledges."""
        return replace(self, receiver=self.escalate_to, wait_ms=0, told_first=self.receiver)


@dataclass(frozen=True)
class Group:
    """The alerts of one receiver that are told together; ``key`` is the same at any time.

    ``first_key`` of an escalation is the key of the group of those who were told first.
    """

    key: str
    route: Route
    labels: Mapping[str, str]
    alerts: tuple[Alert, ...]
    first_key: str = ""

    @property
    def receiver(self) -> str:
        return self.route.receiver


def read_routes(options: AlertOptions) -> tuple[Route, ...]:
    """The routes in order, the one for everything else last if there is a receiver for it."""
    routes = [
        _read_route(route, route.name or f"route {number}", options)
        for number, route in enumerate(options.routes, 1)
    ]
    if options.receiver:
        rest = RouteOptions(receiver=options.receiver)
        routes.append(_read_route(rest, DEFAULT_ROUTE, options))
    return tuple(routes)


def routes_of(routes: Iterable[Route], labels: Mapping[str, str]) -> list[Route]:
    """The first route that matches, and those after it as long as each says ``continue``."""
    found = []
    for route in routes:
        if all_match(route.matchers, labels):
            found.append(route)
            if not route.goes_on:
                break
    return found


def group_alerts(routes: Sequence[Route], alerts: Iterable[Alert]) -> list[Group]:
    """Every group of ``alerts``, those of escalations too."""
    members: dict[tuple[Route, tuple[tuple[str, str], ...]], list[Alert]] = {}
    for alert in alerts:
        for route in routes_of(routes, alert.labels):
            labels = tuple((name, alert.labels.get(name, "")) for name in route.group_by)
            members.setdefault((route, labels), []).append(alert)
    return [
        group
        for (route, labels), found in members.items()
        for group in _groups(route, dict(labels), tuple(found))
    ]


def with_told(
    groups: Iterable[Group],
    logs: Mapping[str, Log],
    routes: Sequence[Route],
    alerts: Mapping[int, Alert],
) -> list[Group]:
    """``groups`` with every alert that was told, wherever it would be routed by now.

    What is told and still open but goes elsewhere is in peace until its end; what ``alerts`` does not
    know is over.
    """
    found = {group.key: group for group in groups}
    for log in logs.values():
        group = found.get(log.key) or Group(log.key, _left(log, routes), {}, ())
        own = {alert.id for alert in group.alerts}
        told = tuple(_left_alert(alerts.get(id), id) for id in log.told if id not in own)
        found[log.key] = replace(group, alerts=group.alerts + told)
    return list(found.values())


def _left(log: Log, routes: Sequence[Route]) -> Route:
    """A route for a group of which nothing is open: its end is told when a message may be."""
    interval_ms = max((r.interval_ms for r in routes if r.receiver == log.receiver), default=0)
    return Route("", log.receiver, (), (), 0, interval_ms, 0)


def _left_alert(alert: Alert | None, id: int) -> Alert:
    if alert is None:
        return Alert(id, "resolved", "", {}, 0)
    return alert if alert.state != "firing" else replace(alert, state="hushed")


def _groups(route: Route, labels: Mapping[str, str], alerts: tuple[Alert, ...]) -> list[Group]:
    key = _key(route, labels)
    group = Group(key, route, labels, alerts)
    if not route.escalate_to:
        return [group]
    share = route.escalated()
    return [group, Group(_key(share, labels), share, labels, alerts, first_key=key)]


def _read_route(route: RouteOptions, name: str, options: AlertOptions) -> Route:
    """An Alertmanager forgets what it does not hear of again, so it is told every interval."""

    def ms(own: float | None, common: float) -> int:
        return int((common if own is None else own) * 1000)

    interval_ms = ms(route.group_interval, options.group_interval)
    again = options.receivers[route.receiver].type == "alertmanager"
    return Route(
        name=name,
        receiver=route.receiver,
        matchers=tuple(read_matcher(text) for text in route.matchers),
        group_by=options.group_by if route.group_by is None else route.group_by,
        wait_ms=ms(route.group_wait, options.group_wait),
        interval_ms=interval_ms,
        repeat_ms=interval_ms if again else ms(route.repeat_interval, options.repeat_interval),
        goes_on=route.goes_on,
        escalate_ms=None if route.escalate_after is None else int(route.escalate_after * 1000),
        escalate_to=route.escalate_to,
    )


def _key(route: Route, labels: Mapping[str, str]) -> str:
    told = [route.receiver, route.name, route.told_first, sorted(labels.items())]
    return hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
