"""Redriving and discarding dead letters: what answers a job, and the job."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router, Status
from ninja.params.functions import Path
from pydantic import Field

from dashboard.accounts.models import Role
from dashboard.api.paging import PageParameters, seal, unseal
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.selecting import SelectionBody, read_selection
from dashboard.api.serialise import iso
from dashboard.api.shapes.jobs import JobPage, JobShape
from dashboard.explore.filters import FilterError, parse_time
from dashboard.recovery.actions import (
    JobError,
    Options,
    cancel_job,
    create_job,
    pause_job,
    resume_job,
)
from dashboard.recovery.models import Job
from dashboard.recovery.progress import list_jobs, read_progress
from dashboard.recovery.selection import SelectionError
from dashboard.recovery.topics import topic_refusal
from eventscope.stamps import now_ms

__all__ = ["job_json", "router"]

router = Router(tags=["recovery"], by_alias=True)


class RedriveBody(SelectionBody):
    rate_per_second: float | None = None
    canary: int = Field(0, description="letters to send first, and to wait for")
    canary_share: float = Field(0.0, description="the share of canaries that may fail")
    canary_wait: float = Field(300.0, description="seconds to wait for them")
    in_order: bool = Field(False, description="one at a time for each entity")
    heed: bool = Field(True, description="wait for open breakers, unhealthy consumers, growing lag")
    start_at: str = Field("", description="RFC 3339 or epoch ms, at most 30 days ahead")


class RedirectBody(RedriveBody):
    topic: str = Field(min_length=1, max_length=255, pattern=r"^[^\x00]+$")
    unwatched: bool = Field(False, description="send there although the topic is not watched")


@router.post(
    "/dead-letters/redrive",
    response={200: JobShape, 202: JobShape},
    operation_id="redriveDeadLetters",
    summary="Put dead letters back",
)
def redrive(request: HttpRequest, body: RedriveBody) -> Any:
    """A job (202) that sends each event to its original topic; a dry run answers 200."""
    require(request, Role.OPERATOR)
    return _made(request, body, _options(body), Job.Kind.REDRIVE)


@router.post(
    "/dead-letters/redirect",
    response={200: JobShape, 202: JobShape},
    operation_id="redirectDeadLetters",
    summary="Redirect dead letters",
)
def redirect(request: HttpRequest, body: RedirectBody) -> Any:
    """A job (202) that sends each event to another topic; a dry run answers 200. For admins."""
    require(request, Role.ADMIN)
    if refusal := topic_refusal(body.topic, unwatched=body.unwatched):
        raise FilterError("topic", refusal)
    return _made(request, body, _options(body), Job.Kind.REDIRECT, topic=body.topic)


@router.post(
    "/dead-letters/discard",
    response={200: JobShape, 202: JobShape},
    operation_id="discardDeadLetters",
    summary="Discard dead letters",
)
def discard(request: HttpRequest, body: SelectionBody) -> Any:
    """A job (202) that discards open letters; ``note`` says why."""
    return _closed(request, body, Job.Kind.DISCARD)


@router.post(
    "/dead-letters/archive",
    response={200: JobShape, 202: JobShape},
    operation_id="archiveDeadLetters",
    summary="Archive dead letters",
)
def archive(request: HttpRequest, body: SelectionBody) -> Any:
    """A job (202) that archives open letters: they are deleted after a while, unless restored. ``note`` says why."""
    return _closed(request, body, Job.Kind.ARCHIVE)


@router.post(
    "/dead-letters/restore",
    response={200: JobShape, 202: JobShape},
    operation_id="restoreDeadLetters",
    summary="Restore dead letters",
)
def restore(request: HttpRequest, body: SelectionBody) -> Any:
    """A job (202) that opens archived and discarded letters again."""
    return _closed(request, body, Job.Kind.RESTORE)


@router.get("/jobs", response=JobPage, operation_id="listJobs")
def jobs(request: HttpRequest, page: Query[PageParameters]) -> Any:
    """The newest first."""
    found, following = list_jobs(before=unseal(page.cursor, "jobs"), limit=page.limit)
    return {"results": [job_json(job) for job in found], "next": seal(following, "jobs")}


@router.get("/jobs/{int:id}", response=JobShape, operation_id="getJob", summary="One job")
def one_job(request: HttpRequest, job_id: int = Path(alias="id")) -> Any:
    """How far it is: what was sent, what became of it, what was left out and why."""
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise Problem(404, "There is no job with this id.")
    return job_json(job)


@router.post("/jobs/{int:id}/pause", response=JobShape, operation_id="pauseJob")
def pause(request: HttpRequest, job_id: int = Path(alias="id")) -> Any:
    """Send nothing more until it is resumed."""
    return _changed(request, job_id, pause_job)


@router.post("/jobs/{int:id}/resume", response=JobShape, operation_id="resumeJob")
def resume(request: HttpRequest, job_id: int = Path(alias="id")) -> Any:
    """Go on with a paused job."""
    return _changed(request, job_id, resume_job)


@router.post("/jobs/{int:id}/cancel", response=JobShape, operation_id="cancelJob")
def cancel(request: HttpRequest, job_id: int = Path(alias="id")) -> Any:
    """Give up what is not sent yet."""
    return _changed(request, job_id, cancel_job)


def job_json(job: Job) -> dict[str, Any]:
    """A job with its counts; `docs/api.md` tells the words."""
    progress = read_progress(job)
    return {
        "id": job.pk,
        "kind": job.kind,
        "state": job.state,
        "dryRun": job.state == Job.State.PLANNED,
        "createdAt": iso(job.created_ms),
        "createdBy": job.created_by,
        "note": job.note,
        "expected": job.expected,
        "counts": {**progress.counts._asdict(), "sent": progress.counts.sent},
        "leftOut": [{"reason": reason, "letters": n} for reason, n in progress.left_out],
        "arrivedSince": progress.arrived,
        "plan": job.plan or None,
        "ratePerSecond": job.rate_per_second,
        "canary": job.canary,
        "canaryShare": job.canary_share,
        "inOrder": job.in_order,
        "heed": job.heed,
        "startAt": iso(job.start_ms),
        "startedAt": iso(job.began_ms),
        "endedAt": iso(job.ended_ms),
        "waitsFor": job.waits_for or None,
        "why": job.why or None,
    }


def _options(body: RedriveBody) -> Options:
    start = parse_time("startAt", body.start_at, now_ms()) if body.start_at else None
    return Options(
        rate_per_second=body.rate_per_second,
        canary=body.canary,
        canary_share=body.canary_share,
        canary_wait_ms=round(body.canary_wait * 1000),
        in_order=body.in_order,
        heed=body.heed,
        start_ms=start,
        note=body.note,
        dry_run=body.dry_run,
    )


def _closed(request: HttpRequest, body: SelectionBody, kind: str) -> Any:
    """A job that changes what letters stand for and sends nothing."""
    require(request, Role.OPERATOR)
    return _made(request, body, Options(note=body.note, dry_run=body.dry_run), kind)


def _made(
    request: HttpRequest, body: SelectionBody, options: Options, kind: str, topic: str = ""
) -> Any:
    try:
        job = create_job(
            actor=caller(request),
            selection=read_selection(body, kind),
            options=options,
            kind=kind,
            topic=topic,
        )
    except SelectionError as error:
        raise FilterError(error.place, error.reason) from error
    return Status(200 if options.dry_run else 202, job_json(job))


def _changed(request: HttpRequest, job_id: int, change: Any) -> dict[str, Any]:
    require(request, Role.OPERATOR)
    if not Job.objects.filter(pk=job_id).exists():
        raise Problem(404, "There is no job with this id.")
    try:
        return job_json(change(job_id, by=caller(request)))
    except JobError as error:
        raise Problem(409, str(error)) from error
