"""A process that forks lives of the notifier, lets them be killed, and looks at what they left.

Run as ``python -m tests.dashboard.notifying.host``; a JSON command a line on stdin, an answer a line on
stdout. A life plays a story (see `story`) from where the last one was killed, by a clock of its own.
"""

from __future__ import annotations

import os
import random
import signal
import sys
import time
from collections.abc import Callable
from typing import Any

import django

django.setup()

import msgspec  # noqa: E402
from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402
from django.urls import reverse  # noqa: E402

from dashboard.alerts.models import Episode, EpisodeEntry  # noqa: E402
from dashboard.monitor.telling import note_on_timelines, tell_alerts  # noqa: E402
from dashboard.notifying import delivering  # noqa: E402
from dashboard.notifying.models import GroupLog, Notification  # noqa: E402
from dashboard.options import AlertOptions  # noqa: E402
from ingest.options import decode_options  # noqa: E402
from tests.dashboard.notifying.makers import NOW_MS, make_notification  # noqa: E402
from tests.hosting import answer_commands  # noqa: E402
from tests.ingest.faults.killing import Countdown, KillPoint  # noqa: E402

BEGIN_MS = 1_800_000_000_000
STEPS = 4
EPISODES = 4
CLAIMS_END_MS = 61_000
"""What a killed life had claimed is free again after so long."""


def main() -> None:
    reverse(
        "alerts:alert", args=[1]
    )  # else each life imports all pages, for the links in its messages
    answer_commands(
        {
            "migrate": migrate,
            "live": live,
            "left": left,
            "lines": lines,
        }
    )


def migrate() -> None:
    call_command("migrate", database="default", verbosity=0)
    connections.close_all()


def story(seed: int) -> list[tuple[int, dict[int, str]]]:
    """Moments (ms) and the state of each episode then; in the end all are over and were told."""
    chance = random.Random(seed)
    now, told, states = BEGIN_MS, [], dict.fromkeys(range(1, EPISODES + 1), "none")
    for _ in range(STEPS):
        now += chance.choice((5_000, 40_000, 301_000, 4_000_000))
        for id, state in states.items():
            states[id] = chance.choice(NEXT[state])
        told.append((now, dict(states)))
    ended = {id: "none" if state == "none" else "resolved" for id, state in states.items()}
    return [*told, (now + 400_000, ended), (now + 800_000, ended)]


NEXT = {
    "none": ("none", "firing", "firing"),
    "firing": ("firing", "firing", "acknowledged", "resolved"),
    "acknowledged": ("acknowledged", "firing", "resolved"),
    "resolved": ("resolved", "resolved", "firing"),
}


def live(seed: int, url: str, begin: int = 0, kill: list[Any] | None = None) -> list[int]:
    """One life from step ``begin`` on: how it ended (-9: killed, 0: well), and the step it had reached."""
    if begin == 0:
        for model in (EpisodeEntry, Episode, Notification, GroupLog):
            model.objects.all().delete()
    connections.close_all()
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        code = 1
        try:
            code = _play(seed, url, begin, kill, writing)
        finally:
            sys.stderr.flush()
            os._exit(code)
    os.close(writing)
    with os.fdopen(reading, "rb") as progress:
        reached = begin + len(progress.read())
    _, status = os.waitpid(child, 0)
    return [os.waitstatus_to_exitcode(status), reached]


def _play(seed: int, url: str, begin: int, kill: list[Any] | None, progress: int) -> int:
    _configure(url)
    signal.alarm(300)
    if kill:
        _arm(KillPoint(*kill))
    for now, states in story(seed)[begin:]:
        clock = [now]
        delivering.now_ms = lambda clock=clock: clock[0]  # type: ignore[assignment,misc]
        for id, state in states.items():
            _set(id, state, now)
        tell_alerts(now_ms=now)
        for later in (0, CLAIMS_END_MS):
            clock[0] = now + later
            for receiver in ("hook", "boss"):
                while delivering.send_one(receiver, note_on_timelines):
                    pass
        os.write(progress, b".")
    return 0


def _configure(url: str) -> None:
    hook = {"type": "webhook", "url": f"{url}/hook", "private": True}
    boss = {"type": "webhook", "url": f"{url}/boss", "private": True}
    alerts = {
        "receivers": {"hook": hook, "boss": boss},
        "routes": [
            {"receiver": "hook", "escalate_after": "5m", "escalate_to": "boss", "group_wait": "10s"}
        ],
        "digest_over": 2,
    }
    options = decode_options(alerts, AlertOptions, file="test")
    settings.DASHBOARD = msgspec.structs.replace(settings.DASHBOARD, alerts=options)
    settings.RECEIVER_SECRETS = {"hook": "key", "boss": "key"}


def _set(id: int, state: str, now: int) -> None:
    """What rounds and people do to episodes, in short."""
    if state == "none":
        return
    values = {
        "rule": f"rule-{id % 3}",
        "subject": f"s{id}",
        "severity": "critical" if id % 2 else "warning",
        "summary": f"episode {id}",
        "threshold": 1,
        "evaluated_ms": now,
        "sampled_ms": now,
    }
    Episode.objects.get_or_create(
        pk=id, defaults={**values, "state": "firing", "started_ms": now, "fired_ms": now}
    )
    Episode.objects.filter(pk=id).update(
        state=state,
        acknowledged_by="anna" if state == "acknowledged" else "",
        resolved_ms=now if state == "resolved" else None,
    )


def _arm(point: KillPoint) -> None:
    """Wrap the step by name; nothing in the product knows of it."""
    counter = Countdown(point)
    connection = connections["default"]
    connection.ensure_connection()
    if point.step == "send":
        delivering.send = counter.wrap(delivering.send)
    elif point.step == "commit":
        connection._commit = counter.wrap(connection._commit)
    else:
        connection.execute_wrappers.append(lambda run, *args: counter.wrap(run)(*args))


def lines(url: str) -> list[list[Any]]:
    """A line for each of two receivers, the first of which is silent: how both stand once the second is told."""
    _configure(url)
    delivering.now_ms = lambda: NOW_MS
    sender = delivering.Sender()
    make_notification("hook", save=True, uid="slow")
    sender.step()
    _until(Notification.objects.filter(tries=1).exists)
    make_notification("boss", save=True, uid="other")
    sender.step()
    _until(Notification.objects.filter(state="sent").exists)
    rows = Notification.objects.order_by("pk").values_list("uid", "state", "tries")
    return [list(row) for row in rows]


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 120
    while not condition() and time.monotonic() < deadline:
        time.sleep(0.01)


def left() -> dict[str, Any]:
    """Everything that is stored, in the order in which it was written."""
    messages = Notification.objects.order_by("pk")
    return {
        "messages": list(messages.values("uid", "receiver", "reason", "thread", "state", "title")),
        "alerts": [
            [[alert["id"], alert["status"]] for alert in message.content["alerts"]]
            for message in messages
        ],
        "logs": GroupLog.objects.count(),
        "episodes": list(Episode.objects.order_by("pk").values("pk", "state", "acknowledged_by")),
        "notified": EpisodeEntry.objects.filter(kind="notified").count(),
    }


if __name__ == "__main__":
    main()
