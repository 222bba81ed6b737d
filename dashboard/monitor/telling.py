"""The duty that tells people of alerts: read, decide (`dashboard.notifying.deciding`), write down, send."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping

from django.conf import settings
from django.db.models import Q

from dashboard.alerts.links import MOST_LINKED, action_link
from dashboard.alerts.models import Episode
from dashboard.alerts.timeline import note_notification
from dashboard.notifying.deciding import Log, Receiver, Tell, decide
from dashboard.notifying.delivering import Sender
from dashboard.notifying.messages import (
    MOST_FOR_PEOPLE,
    MOST_FOR_PROGRAMS,
    Facts,
    content_of,
    title_of,
)
from dashboard.notifying.models import Notification
from dashboard.notifying.outbox import Overtaken, forget_old, read_logs, sent_since, write_down
from dashboard.notifying.receivers import ConfiguredReceiver, configured_receivers
from dashboard.notifying.routing import Alert, group_alerts, read_routes, with_told

__all__ = ["Notifier", "forget_notifications", "note_on_timelines", "tell_alerts"]

State = Episode.State
LIVE = (State.FIRING, State.ACKNOWLEDGED)
MOST_NOTED = 500
REST = 3
"""So many times as long as a round took."""


class Notifier:
    """Make one a process: it keeps the lines of the receivers."""

    def __init__(self, stopping: Callable[[], bool]) -> None:
        self._sender = Sender(note_on_timelines, stopping)
        self._rests_until = 0.0

    def step(self) -> None:
        """Write down what is to be told now, and see that what waits is sent.

        After a long round (of very many alerts) it rests for longer, so that telling never takes more
        than a quarter of a core.
        """
        begun = time.monotonic()
        if begun >= self._rests_until:
            tell_alerts()
            took = time.monotonic() - begun
            self._rests_until = begun + took * (1 + REST)
        self._sender.step()


def tell_alerts(*, now_ms: int | None = None) -> int:
    """One round over every alert that is open or was told; how many messages were written down."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    receivers = configured_receivers()
    logs, versions = read_logs()
    if not receivers and not logs:
        return 0
    episodes = _episodes(logs.values())
    alerts = {episode.pk: _alert(episode, now) for episode in episodes}
    routes = read_routes(settings.DASHBOARD.alerts)
    is_open = [alert for alert in alerts.values() if alert.state != "resolved"]
    groups = with_told(group_alerts(routes, is_open), logs, routes, alerts)
    facts = {episode.pk: _facts(episode) for episode in episodes}
    options = settings.DASHBOARD.alerts
    intents = decide(
        groups,
        logs,
        _receivers(receivers, now - int(options.group_interval * 1000)),
        now,
        digest_over=options.digest_over,
    )
    try:
        return write_down(intents, versions, lambda tell: _compose(tell, facts, receivers), now)
    except Overtaken:
        return 0


def note_on_timelines(notification: Notification, at_ms: int) -> None:
    """That it was sent, on each alert that it is about (the first of very many)."""
    ids = [alert["id"] for alert in notification.content["alerts"][:MOST_NOTED]]
    kind = settings.DASHBOARD.alerts.receivers[notification.receiver].type
    note_notification(ids, f"{notification.receiver} by {kind}: {notification.title}", at_ms)


def forget_notifications(*, now_ms: int | None = None) -> int:
    """Delete what was sent or given up longer ago than it is kept, a bounded number."""
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    return forget_old(now - int(settings.DASHBOARD.alerts.keep_deliveries * 1000))


def _episodes(logs: Iterable[Log]) -> list[Episode]:
    """What Alertmanager told us it has told others: that is not told again."""
    told = [id for log in logs for id in log.told]
    ours = Q(origin=Episode.Origin.EVENTSCOPE, state__in=LIVE)
    found = list(Episode.objects.filter(ours).order_by("pk"))
    known = {episode.pk for episode in found}
    rest = [id for id in told if id not in known]
    for begin in range(0, len(rest), MOST_NOTED):
        found += Episode.objects.filter(pk__in=rest[begin : begin + MOST_NOTED]).order_by("pk")
    return found


def _alert(episode: Episode, now_ms: int) -> Alert:
    state = str(episode.state)
    if state == State.FIRING and (episode.suppressed_by or episode.is_snoozed(now_ms)):
        state = "hushed"
    labels = {
        **episode.labels,
        "rule": episode.rule,
        "severity": episode.severity,
        "subject": episode.subject,
    }
    since_ms = episode.reopened_ms or episode.fired_ms or episode.started_ms
    return Alert(episode.pk, state, episode.severity, labels, since_ms)  # type: ignore[arg-type]


def _facts(episode: Episode) -> Facts:
    return Facts(
        rule=episode.rule,
        subject=episode.subject,
        summary=episode.summary or f"{episode.rule}: {episode.subject}",
        url=f"{settings.PUBLIC_URL}/alerts/{episode.pk}/",
        started_ms=episode.started_ms,
        resolved_ms=episode.resolved_ms,
        acknowledged_by=episode.acknowledged_by,
        labels=episode.labels,
    )


def _receivers(configured: Mapping[str, ConfiguredReceiver], since_ms: int) -> dict[str, Receiver]:
    sent = sent_since(since_ms)
    return {
        name: Receiver(
            name,
            quiet=receiver.options.quiet,
            resolved=receiver.options.resolved,
            acknowledged=receiver.keeps_incidents,
            sent=sent.get(name, 0),
        )
        for name, receiver in configured.items()
    }


def _compose(
    tell: Tell, facts: Mapping[int, Facts], receivers: Mapping[str, ConfiguredReceiver]
) -> tuple[str, dict[str, object]]:
    programs = receivers[tell.receiver].kind == "alertmanager"
    content = content_of(
        tell,
        facts,
        most=MOST_FOR_PROGRAMS if programs else MOST_FOR_PEOPLE,
        url=f"{settings.PUBLIC_URL}/alerts/",
        acknowledge_url=_acknowledge_url(tell),
    )
    return title_of(tell, facts), content


def _acknowledge_url(tell: Tell) -> str:
    """By which whoever reads the message says that somebody has it; empty if nothing fires, or too much."""
    ids = [alert.id for alert in tell.firing]
    if not 0 < len(ids) <= MOST_LINKED:
        return ""
    return settings.PUBLIC_URL + action_link(ids, "acknowledge", tell.receiver)
