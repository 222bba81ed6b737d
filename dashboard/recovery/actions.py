"""What a person does with jobs. Each is audited, and changes only the job's own row."""

from __future__ import annotations

import secrets
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Max

from dashboard.accounts import audit
from dashboard.recovery.deeds import REASONED
from dashboard.recovery.editing import Edited
from dashboard.recovery.edition_rows import keep_editions
from dashboard.recovery.models import Job
from dashboard.recovery.planning import plan_redrive
from dashboard.recovery.selection import Selection, SelectionError, select_letters
from eventscope.errors import EventscopeError
from ingest.models import DeadLetter

__all__ = [
    "JobError",
    "Options",
    "approve_job",
    "cancel_job",
    "create_job",
    "pause_job",
    "resume_job",
]

LONGEST_NOTE = 2000
MOST_CANARIES = 100
LONGEST_DELAY_MS = 30 * 86_400_000
FASTEST = 100_000

State = Job.State


class JobError(EventscopeError, ValueError):
    """The job is not in a state in which this can be done; the message says which it is in."""


@dataclass(frozen=True, kw_only=True)
class Options:
    """How a job is carried out. ``canary_share`` of the first ``canary`` letters may fail."""

    rate_per_second: float | None = None
    canary: int = 0
    canary_share: float = 0.0
    canary_wait_ms: int = 300_000
    in_order: bool = False
    heed: bool = True
    start_ms: int | None = None
    note: str = ""
    dry_run: bool = False

    def checked(self, now_ms: int) -> Options:
        """Itself. Raises `SelectionError` naming what is out of bounds."""
        rate = self.rate_per_second
        _check("ratePerSecond", rate is None or 0 < rate <= FASTEST, f"from above 0 to {FASTEST}")
        _check("canary", 0 <= self.canary <= MOST_CANARIES, f"from 0 to {MOST_CANARIES}")
        _check("canaryShare", 0 <= self.canary_share < 1, "a share from 0 to below 1")
        _check("canaryWait", 1_000 <= self.canary_wait_ms <= 86_400_000, "from 1 s to a day")
        soon = self.start_ms is None or self.start_ms <= now_ms + LONGEST_DELAY_MS
        _check("startAt", soon, "within the next 30 days")
        _check("note", len(self.note) <= LONGEST_NOTE, f"at most {LONGEST_NOTE} characters")
        return self


def create_job(
    *,
    actor: object,
    selection: Selection,
    options: Options | None = None,
    kind: str = Job.Kind.REDRIVE,
    topic: str = "",
    editions: Sequence[Edited] = (),
    now_ms: int | None = None,
) -> Job:
    """Freeze the selection and leave the rest to monitor; a dry run is only looked at and kept.

    ``topic``: where all go instead of where they came from. ``editions`` are the events of an edit.
    Raises `SelectionError` for an empty selection, an unknown id, too many letters, a wrong option.
    """
    now = _now(now_ms)
    chosen = (options or Options()).checked(now)
    _check(
        "note", chosen.dry_run or kind not in REASONED or bool(chosen.note.strip()), "told: why?"
    )
    newest = DeadLetter.objects.aggregate(newest=Max("pk"))["newest"] or 0
    expected = _expected(selection, newest)
    plan = (
        plan_redrive(selection, newest=newest, kind=kind, topic=topic).told()
        if chosen.dry_run
        else {}
    )
    with transaction.atomic():
        job = Job.objects.create(
            kind=kind,
            token=secrets.token_hex(6),
            state=_first_state(chosen, now, expected),
            created_ms=now,
            created_by=audit.name_of(actor),
            note=chosen.note.replace("\x00", "").strip(),
            selection=selection.stored(),
            newest_letter=newest,
            expected=expected,
            plan=plan,
            start_ms=chosen.start_ms,
            rate_per_second=chosen.rate_per_second,
            topic=topic,
            canary=chosen.canary if kind in Job.SENDING else 0,
            canary_share=chosen.canary_share,
            canary_wait_ms=chosen.canary_wait_ms,
            in_order=chosen.in_order,
            heed=chosen.heed,
        )
        keep_editions(job, editions)
        if not chosen.dry_run:
            told = _told(chosen, selection) | ({"topic": topic} if topic else {})
            _record(actor, f"job.{kind}", job, letters=expected, **told)
    return job


def pause_job(job_id: int, *, by: object) -> Job:
    """Send nothing more until it is resumed; what is sent is still listened for."""
    sending = (State.SCHEDULED, State.RUNNING, State.WAITING)
    return _change(job_id, by, "job.paused", sending, state=State.PAUSED, waits_for="")


def resume_job(job_id: int, *, by: object) -> Job:
    return _change(job_id, by, "job.resumed", (State.PAUSED,), state=State.RUNNING)


def approve_job(job_id: int, *, by: object) -> Job:
    """Let a large job begin; whoever made it cannot. Raises `JobError`."""
    with transaction.atomic():
        rows = Job.objects.filter(pk=job_id, state=State.AWAITING)
        own = rows.filter(created_by=audit.name_of(by)).exists()
        if own:
            raise JobError("Whoever made a job cannot confirm it; ask another operator.")
        rows.update(approved_by=audit.name_of(by))
        return _change(job_id, by, "job.approved", (State.AWAITING,), state=State.RUNNING)


def cancel_job(job_id: int, *, by: object) -> Job:
    """Give up what is not sent yet; what is sent stays sent and is still listened for."""
    stoppable = (State.AWAITING, State.SCHEDULED, State.RUNNING, State.WAITING, State.PAUSED)
    return _change(job_id, by, "job.cancelled", stoppable, state=State.CANCELLING, waits_for="")


def _expected(selection: Selection, newest: int) -> int:
    rows = select_letters(selection, until=newest)
    if selection.ids:
        known = set(rows.values_list("pk", flat=True))
        unknown = next((id for id in selection.ids if id not in known), None)
        if unknown is not None:
            raise SelectionError("ids", f"there is no dead letter {unknown}")
        return len(known)
    expected = rows.count()
    most = settings.DASHBOARD.dead_letters.max_job
    if not expected:
        raise SelectionError("filter", f"no {_words(selection)} dead letter fits it")
    if expected > most:
        raise SelectionError(
            "filter", f"{expected} letters, more than dead_letters.max_job, {most}"
        )
    return expected


def _words(selection: Selection) -> str:
    return " or ".join(selection.where.statuses) if selection.where else ""


def _first_state(options: Options, now_ms: int, letters: int) -> str:
    most_alone = settings.DASHBOARD.dead_letters.approval_over
    if options.dry_run:
        return State.PLANNED
    if most_alone and letters > most_alone:
        return State.AWAITING
    later = options.start_ms is not None and options.start_ms > now_ms
    return State.SCHEDULED if later else State.RUNNING


def _change(job_id: int, by: object, action: str, before: tuple[str, ...], **changes: Any) -> Job:
    with transaction.atomic():
        changed = Job.objects.filter(pk=job_id, state__in=before).update(**changes)
        job = Job.objects.filter(pk=job_id).first()
        if job is None:
            raise JobError("There is no job with this number.")
        if not changed:
            raise JobError(f"Job {job_id} is {job.state}; this cannot be done to it now.")
        _record(by, action, job)
    return job


def _told(options: Options, selection: Selection) -> dict[str, Any]:
    told = {"note": options.note, "rate": options.rate_per_second, "canary": options.canary}
    chosen = {"ids": list(selection.ids[:100])} if selection.ids else selection.stored()
    return {**{name: value for name, value in told.items() if value}, "selection": chosen}


def _record(actor: object, action: str, job: Job, **detail: Any) -> None:
    audit.record(
        actor=actor, action=action, subject=f"job {job.pk}", detail={"id": job.pk, **detail}
    )


def _check(place: str, right: bool, expected: str) -> None:
    if not right:
        raise SelectionError(place, f"must be {expected}")


def _now(now_ms: int | None) -> int:
    return time.time_ns() // 1_000_000 if now_ms is None else now_ms
