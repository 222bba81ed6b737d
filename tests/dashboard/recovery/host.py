"""A process that forks workers of jobs, lets them die, and tells what they left behind.

Run as ``python -m tests.dashboard.recovery.host``; as `tests.ingest.faults.host` it takes a JSON
command a line.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

import django

django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402
from django.db import connections  # noqa: E402

from dashboard.accounts.models import AuditEntry  # noqa: E402
from dashboard.recovery import firing, gathering, items, sending, working  # noqa: E402
from dashboard.recovery.actions import Options, create_job  # noqa: E402
from dashboard.recovery.models import Firing, Job, JobItem  # noqa: E402
from dashboard.recovery.publishing import Publisher  # noqa: E402
from dashboard.recovery.ruling import add_rule, change_mode  # noqa: E402
from dashboard.recovery.selection import Selection  # noqa: E402
from ingest.models import DeadLetter, Stream  # noqa: E402
from ingest.options import IngestOptions, decode_options  # noqa: E402
from ingest.queries.letters import LetterFilter  # noqa: E402
from tests.copies import store_copies, utf8  # noqa: E402
from tests.hosting import answer_commands  # noqa: E402
from tests.ingest.faults.killing import Countdown, KillPoint  # noqa: E402

LIFE = 60.0
RULED = ["notify-admin", "log", "redrive after 1m up to 1"]
SMALL = 1
"""What letters say of the size of their events: none of them is cut short."""
PLACES: dict[str, tuple[Any, str]] = {
    "gather": (working, "gather_chunk"),
    "publish": (Publisher, "publish"),
    "append": (sending.RedisSender, "send"),
    "note": (items, "note_published"),
    "count": (working, "count_items"),
    "arrived": (firing, "_arrived"),
    "fire": (firing, "_fire"),
    "act": (firing, "_act"),
    "tell": (firing, "_note"),
    "place": (firing, "_keep_place"),
}


def main() -> None:
    commands = {
        "migrate": migrate,
        "fill": fill,
        "live": live,
        "rule": rule,
        "rules": rules,
        "fired": fired,
        "state": state,
        "states": states,
    }
    answer_commands(commands)


def migrate() -> None:
    for alias in ("default", "events"):
        call_command("migrate", database=alias, verbosity=0)
    connections.close_all()


def fill(topic: str, letters: int, spared: int = 0, rate: float | None = None) -> int:
    """Letters of ``topic``, ``spared`` discarded ones behind them, and a job over the open; the job's id."""
    stream, _ = Stream.objects.get_or_create(broker="main", topic="failed", dead_letters=True)
    names = {"event_id": f"'{topic}-' || n", "minor": "n", "received_ms": "1800000000000 + n"}
    body = f"""'{{"eventId":"{topic}-' || n || '","eventType":"T","payload":1,"metadata":{{}}}}'"""
    status = f"CASE WHEN n < {letters} THEN 'open' ELSE 'discarded' END"
    template = _letter(stream, topic)
    store_copies(template, letters + spared, event=utf8(body), status=status, **names)
    selection = Selection.of_filter(LetterFilter(topics=(topic,)))
    options = Options(heed=False, rate_per_second=rate)
    job = create_job(actor="ada", selection=selection, options=options)
    connections.close_all()
    return int(job.pk)


def rule(topic: str, letters: int) -> int:
    """A rule that is on, and letters of which every third is for it; its id."""
    made = add_rule(by="ada", match="error", value=topic, actions=RULED)
    for mode in ("tried", "on"):
        change_mode(made.pk, mode, by="ada")
    stream, _ = Stream.objects.get_or_create(broker="main", topic="failed", dead_letters=True)
    whose = f"CASE WHEN n % 3 = 0 THEN '{topic}' ELSE 'another' END"
    names = {"event_id": f"'{topic}-' || n", "minor": "n", "received_ms": "1700000000000 + n"}
    store_copies(_letter(stream, topic), letters, error_type=whose, **names)
    connections.close_all()
    return int(made.pk)


def rules(rounds: int, kill: list[Any] | None = None) -> int:
    """Some rounds of the duty: killed (9), or over (0)."""
    connections.close_all()
    return _forked(lambda: _carry_out_rules(rounds, kill))


def fired(topic: str, rule: int) -> dict[str, Any]:
    """How often each step is noted, by how many letters; which letters are in jobs, and how many missed."""
    wanted = set(DeadLetter.objects.filter(error_type=topic).values_list("pk", flat=True))
    noted = Counter(Firing.objects.filter(rule=rule).values_list("step", "letter"))
    steps = Counter(step for step, letter in noted if letter in wanted)
    jobs = Job.objects.filter(created_by=f"rule {rule}").values_list("selection", flat=True)
    sent = Counter(letter for selection in jobs for letter in selection["ids"])
    audits = AuditEntry.objects.filter(actor=f"rule {rule}", action="rule.fired")
    told: Counter[str] = Counter()
    for detail in map(json.loads, audits.values_list("detail", flat=True)):
        told[detail["step"].split()[0]] += detail["letters"]
    connections.close_all()
    once = set(sent) == wanted and set(sent.values()) == {1}
    return {"steps": steps, "audited": told, "sent once": once, "wanted": len(wanted)}


def live(url: str, job: int, chunk: int, kill: list[Any] | None = None) -> int:
    """One worker's life: killed (9), everything sent (0), or too long (1)."""
    connections.close_all()
    return _forked(lambda: _work(url, job, chunk, kill))


def state(job: int) -> str:
    stands = Job.objects.get(pk=job).state
    connections.close_all()
    return str(stands)


def states(job: int) -> dict[str, int]:
    """Items by state; the job is left behind as over, so that others are not slowed by it."""
    counted = Counter(JobItem.objects.filter(job=job).values_list("state", flat=True))
    Job.objects.filter(pk=job).update(state=Job.State.COMPLETED)
    connections.close_all()
    return dict(counted)


def _forked(life: Callable[[], int]) -> int:
    """How a child ended that lived so."""
    child = os.fork()
    if not child:
        code = 1
        try:
            code = life()
        finally:
            sys.stderr.flush()
            os._exit(code)
    _, status = os.waitpid(child, 0)
    return os.waitstatus_to_exitcode(status)


def _carry_out_rules(rounds: int, kill: list[Any] | None) -> int:
    firing.AT_ONCE, firing.OVERLAP = 40, 5
    if kill:
        _arm(KillPoint(*kill))
    for _ in range(rounds):
        firing.carry_out_rules()
    return 0


def _arm(point: KillPoint) -> None:
    owner, name = PLACES[point.step]
    setattr(owner, name, Countdown(point).wrap(getattr(owner, name)))


def _work(url: str, job: int, chunk: int, kill: list[Any] | None) -> int:
    settings.INGEST = decode_options(
        {"brokers": {"main": {"url": url}}}, IngestOptions, file="test"
    )
    working.CHUNK = gathering.CHUNK = chunk
    if kill:
        _arm(KillPoint(*kill))
    worker = working.Worker()
    deadline = time.monotonic() + LIFE
    while time.monotonic() < deadline:
        worker.step()
        if Job.objects.get(pk=job).state == Job.State.SETTLING:
            return 0
        time.sleep(0.02)
    return 1


def _letter(stream: Stream, topic: str) -> DeadLetter:
    major = time.time_ns() // 1000
    return DeadLetter(stream=stream, major=major, event_type="T", topic=topic, size=SMALL)


if __name__ == "__main__":
    main()
