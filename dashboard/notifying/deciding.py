"""What is told now, and to whom: pure, and by level, like Alertmanager's notification log.

It is never asked what has changed, only how what is true now differs from what was told (`Log`): so a
round that was missed, or that was killed half way, costs nothing but its time.
https://github.com/prometheus/alertmanager/blob/main/notify/notify.go
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Literal

from dashboard.notifying.quiet import is_quiet
from dashboard.notifying.routing import Alert, Group, Route
from dashboard.receiver_options import QuietOptions

__all__ = [
    "STORM",
    "Forget",
    "Intent",
    "Keep",
    "Log",
    "Reason",
    "Receiver",
    "Tell",
    "Told",
    "decide",
]

Reason = Literal["firing", "more", "repeated", "escalated", "acknowledged", "resolved", "storm"]
STORM = "storm"
"""The reason for telling many groups as one, and the thread in which they are told from then on."""


@dataclass(frozen=True)
class Told:
    """What was last told of an alert, and when it was told first."""

    state: Literal["firing", "acknowledged"]
    at_ms: int


@dataclass(frozen=True)
class Log:
    """What was told of a group. ``told_ms`` None: nothing yet, it waits since ``since_ms``."""

    key: str
    receiver: str
    since_ms: int
    told_ms: int | None = None
    told: Mapping[int, Told] = field(default_factory=dict)
    thread: str = ""


@dataclass(frozen=True)
class Receiver:
    """What deciding asks of a receiver. ``sent`` is how many messages it got within the last interval.

    ``resolved`` and ``acknowledged``: whether it wants to be told of these.
    """

    name: str
    quiet: QuietOptions | None = None
    resolved: bool = True
    acknowledged: bool = False
    sent: int = 0


@dataclass(frozen=True)
class Keep:
    """The log is written without a message: a group begins to wait, or what is over is not wanted."""

    log: Log


@dataclass(frozen=True)
class Forget:
    """Nothing of the group is left that anybody would have to be told."""

    key: str


@dataclass(frozen=True)
class Tell:
    """One message, with the logs of its groups as they are once it is written down.

    ``closes`` are the threads of groups that are told in the storm's from now on.
    """

    receiver: str
    reason: Reason
    thread: str
    route: str
    labels: Mapping[str, str]
    firing: tuple[Alert, ...]
    acknowledged: tuple[Alert, ...]
    resolved: tuple[Alert, ...]
    logs: tuple[Log, ...]
    closes: tuple[str, ...] = ()


Intent = Keep | Forget | Tell


@dataclass(frozen=True)
class _Verdict:
    """A group beside its log: what is firing, had and over of it, and why it is to be told now, if it is.

    ``fresh``: something fires that was not told.
    """

    group: Group
    log: Log
    firing: tuple[Alert, ...]
    acknowledged: tuple[Alert, ...]
    over: tuple[Alert, ...]
    fresh: bool
    reason: Reason | None = None

    @property
    def stormy(self) -> bool:
        return self.log.thread == STORM

    @property
    def ended(self) -> bool:
        return not self.firing and len(self.over) == len(self.log.told)


def decide(
    groups: Iterable[Group],
    logs: Mapping[str, Log],
    receivers: Mapping[str, Receiver],
    now_ms: int,
    *,
    digest_over: int,
) -> list[Intent]:
    """What is to be done now. ``groups`` hold every alert that is open and every one that was told."""
    intents: list[Intent] = []
    verdicts: dict[str, list[_Verdict]] = {}
    for group in groups:
        receiver = receivers.get(group.receiver)
        known = logs.get(group.key)
        if receiver is None:
            intents.extend([Forget(group.key)] if known else [])
            continue
        log = known or Log(group.key, group.receiver, now_ms)
        verdict = _judge(group, log, receiver, logs.get(group.first_key), now_ms)
        if not log.told and not verdict.firing:
            intents.extend([Forget(group.key)] if known else [])
            continue
        if known is None:
            intents.append(Keep(log))
        verdicts.setdefault(receiver.name, []).append(verdict)
    for name, of_receiver in verdicts.items():
        intents.extend(_tell(receivers[name], of_receiver, now_ms, digest_over))
    return intents


def _judge(group: Group, log: Log, receiver: Receiver, first: Log | None, now_ms: int) -> _Verdict:
    heard = _heard(group.alerts, receiver, now_ms)
    verdict = _Verdict(
        group,
        log,
        firing=tuple(
            alert
            for alert in heard
            if alert.state == "firing"
            and (alert.id in log.told or _is_due(group.route, alert, first, now_ms))
        ),
        acknowledged=tuple(
            alert
            for alert in group.alerts
            if alert.state == "acknowledged" and alert.id in log.told
        ),
        over=tuple(alert for alert in heard if alert.state == "resolved" and alert.id in log.told),
        fresh=False,
    )
    fresh = any(_is_news(log, alert, receiver) for alert in verdict.firing)
    verdict = replace(verdict, fresh=fresh)
    return replace(verdict, reason=_reason(verdict, receiver, now_ms))


def _heard(alerts: Iterable[Alert], receiver: Receiver, now_ms: int) -> list[Alert]:
    """In quiet hours only what is critical, where that may pass. The rest is told when they end."""
    quiet = receiver.quiet
    if quiet is None or not is_quiet(quiet, now_ms):
        return list(alerts)
    return [alert for alert in alerts if quiet.critical and alert.severity == "critical"]


def _is_due(route: Route, alert: Alert, first: Log | None, now_ms: int) -> bool:
    """An escalation begins when those who were told first have not acknowledged for long enough."""
    if not route.told_first:
        return True
    told = first.told.get(alert.id) if first else None
    return told is not None and now_ms - told.at_ms >= (route.escalate_ms or 0)


def _is_news(log: Log, alert: Alert, receiver: Receiver) -> bool:
    told = log.told.get(alert.id)
    return told is None or (receiver.acknowledged and told.state != "firing")


def _reason(verdict: _Verdict, receiver: Receiver, now_ms: int) -> Reason | None:
    """Why a message is due now, None if none is."""
    route, log = verdict.group.route, verdict.log
    if log.told_ms is None:
        if not verdict.fresh or now_ms - log.since_ms < route.wait_ms:
            return None
        return "escalated" if route.told_first else "firing"
    if receiver.acknowledged and _all_had(verdict):
        return "acknowledged"
    since_ms = now_ms - log.told_ms
    if since_ms < route.interval_ms:
        return None
    if verdict.fresh:
        return "more"
    if verdict.over:
        return "resolved"
    return "repeated" if verdict.firing and since_ms >= route.repeat_ms else None


def _all_had(verdict: _Verdict) -> bool:
    """Whether by now somebody has every alert, and that was not told yet."""
    if any(alert.state == "firing" for alert in verdict.group.alerts):
        return False
    return any(verdict.log.told[alert.id].state == "firing" for alert in verdict.acknowledged)


def _tell(
    receiver: Receiver, verdicts: Sequence[_Verdict], now_ms: int, digest_over: int
) -> Iterator[Intent]:
    """A message for each group that is due; if those were too many, or a storm goes on, one for all."""
    stormy = [verdict for verdict in verdicts if verdict.stormy]
    due = [verdict for verdict in verdicts if verdict.reason and not verdict.stormy]
    had = [verdict for verdict in due if verdict.reason == "acknowledged"]
    due = [verdict for verdict in due if verdict.reason != "acknowledged"]
    if receiver.sent + len(due) > digest_over or _goes_on(stormy, now_ms):
        stormy, due = stormy + due, []
    for verdict in had + due:
        yield from _message(receiver, [verdict], verdict.reason or "firing", now_ms)
    if stormy and (reason := _storm_reason(stormy, now_ms)):
        yield from _message(receiver, stormy, reason, now_ms)


def _goes_on(stormy: Sequence[_Verdict], now_ms: int) -> bool:
    """Whether a storm was told lately, so that what is due meanwhile joins it."""
    return any(
        now_ms - (verdict.log.told_ms or 0) < 2 * verdict.group.route.interval_ms
        for verdict in stormy
    )


def _storm_reason(verdicts: Sequence[_Verdict], now_ms: int) -> Reason | None:
    """A storm is told at most once an interval, of whatever groups it is made."""
    told_ms = max(
        (verdict.log.told_ms or 0 for verdict in verdicts if verdict.stormy), default=None
    )
    routes = [verdict.group.route for verdict in verdicts]
    if told_ms is None:
        return STORM
    since_ms = now_ms - told_ms
    if since_ms < max(route.interval_ms for route in routes):
        return None
    if all(verdict.ended for verdict in verdicts):
        return "resolved"
    if any(verdict.fresh or verdict.over for verdict in verdicts):
        return STORM
    firing = any(verdict.firing for verdict in verdicts)
    return STORM if firing and since_ms >= min(route.repeat_ms for route in routes) else None


def _message(
    receiver: Receiver, verdicts: Sequence[_Verdict], reason: Reason, now_ms: int
) -> Iterator[Intent]:
    """The message, or only its logs where all that there is to tell is not wanted."""
    storm = reason == STORM or any(verdict.stormy for verdict in verdicts)
    logs = tuple(_after(verdict, STORM if storm else "", now_ms) for verdict in verdicts)
    if reason == "resolved" and not receiver.resolved:
        yield from (Keep(log) if log.told else Forget(log.key) for log in logs)
        return
    one = verdicts[0].group if len(verdicts) == 1 else None
    yield Tell(
        receiver=receiver.name,
        reason=reason,
        thread=STORM if storm else verdicts[0].log.key,
        route=one.route.name if one else "",
        labels=one.labels if one else {},
        firing=tuple(alert for verdict in verdicts for alert in verdict.firing),
        acknowledged=tuple(alert for verdict in verdicts for alert in verdict.acknowledged),
        resolved=tuple(a for v in verdicts for a in v.over) if receiver.resolved else (),
        logs=logs,
        closes=tuple(
            verdict.log.key
            for verdict in verdicts
            if storm and not verdict.stormy and verdict.log.told_ms is not None
        ),
    )


def _after(verdict: _Verdict, thread: str, now_ms: int) -> Log:
    """The log once the message is written: without what is over, with what is new."""
    told = dict(verdict.log.told)
    for alert in verdict.over:
        del told[alert.id]
    for alert in verdict.firing:
        told[alert.id] = Told("firing", told[alert.id].at_ms if alert.id in told else now_ms)
    for alert in verdict.acknowledged:
        told[alert.id] = replace(told[alert.id], state="acknowledged")
    return replace(verdict.log, told=told, told_ms=now_ms, thread=thread)
