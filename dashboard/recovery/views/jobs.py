"""Putting letters back and discarding them: look first, then a job, then its page."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable, Iterator
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.recovery import actions
from dashboard.recovery.actions import JobError, create_job
from dashboard.recovery.deeds import taken_by
from dashboard.recovery.forms import DiscardForm, RedirectForm, RedriveForm, RestoreForm
from dashboard.recovery.judging import REASONS
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.planning import plan_redrive
from dashboard.recovery.progress import job_rows, list_jobs, read_progress
from dashboard.recovery.selection import Selection, SelectionError, select_letters
from dashboard.recovery.views.choosing import read_selection
from dashboard.recovery.wording import WORDS
from dashboard.spreadsheets import defuse
from eventscope.stamps import format_ms, now_ms
from ingest.models import DeadLetter

__all__ = [
    "approve",
    "archive_page",
    "cancel",
    "discard_page",
    "job_page",
    "jobs_page",
    "pause",
    "redirect_page",
    "redrive_page",
    "report",
    "restore_page",
    "resume",
]

NEWEST = (1 << 63) - 1
LISTED = 50
SAMPLE = 5
COLUMNS = (
    "letter",
    "eventId",
    "eventType",
    "consumer",
    "topic",
    "state",
    "reason",
    "attempt",
    "position",
    "repeated",
    "sentAt",
    "endedAt",
)


def _asking(
    kind: str, form_class: type[forms.Form], role: Role = Role.OPERATOR
) -> Callable[[HttpRequest], HttpResponse]:
    """The page that tells what a job of ``kind`` over the chosen letters would do, and with a POST makes it."""

    @require_http_methods(["GET", "POST"])
    @never_cache
    @role_required(role)
    def page(request: HttpRequest) -> HttpResponse:
        return _ask_first(request, kind, form_class)

    return page


redrive_page = _asking(Job.Kind.REDRIVE, RedriveForm)
discard_page = _asking(Job.Kind.DISCARD, DiscardForm)
archive_page = _asking(Job.Kind.ARCHIVE, DiscardForm)
restore_page = _asking(Job.Kind.RESTORE, RestoreForm)
redirect_page = _asking(Job.Kind.REDIRECT, RedirectForm, Role.ADMIN)


@require_GET
@never_cache
def jobs_page(request: HttpRequest) -> HttpResponse:
    """Jobs, the newest first."""
    before = request.GET.get("before", "")
    known = before.isascii() and before.isdigit() and len(before) < 19
    found, following = list_jobs(before=int(before) if known else None, limit=LISTED)
    context = {
        "rows": [read_progress(job) for job in found[:LISTED]],
        "next": following,
        "paged": known,
    }
    template = "recovery/_jobs.html" if _wants_fragment(request) else "recovery/jobs.html"
    return render(request, template, context)


@require_GET
@never_cache
def job_page(request: HttpRequest, job_id: int) -> HttpResponse:
    """One job, live while it is at work."""
    template = "recovery/_job.html" if _wants_fragment(request) else "recovery/job.html"
    return render(request, template, _job_context(_find(job_id)))


@require_POST
@role_required(Role.OPERATOR)
def approve(request: HttpRequest, job_id: int) -> HttpResponse:
    """By a person of the house: a program's token is no second person."""
    return _change(request, job_id, actions.approve_job)


@require_POST
@role_required(Role.OPERATOR)
def pause(request: HttpRequest, job_id: int) -> HttpResponse:
    return _change(request, job_id, actions.pause_job)


@require_POST
@role_required(Role.OPERATOR)
def resume(request: HttpRequest, job_id: int) -> HttpResponse:
    return _change(request, job_id, actions.resume_job)


@require_POST
@role_required(Role.OPERATOR)
def cancel(request: HttpRequest, job_id: int) -> HttpResponse:
    return _change(request, job_id, actions.cancel_job)


@require_GET
def report(request: HttpRequest, job_id: int) -> StreamingHttpResponse:
    """Every letter of the job and what became of it, as CSV."""
    job = _find(job_id)
    writer = csv.writer(_Echo())
    lines: Iterable[list[str | int | float]] = (_cells(item) for item in job_rows(job))
    rows: Iterator[str] = (writer.writerow(cells) for cells in (list(COLUMNS), *lines))
    response = StreamingHttpResponse(rows, content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="job-{job.pk}.csv"'
    return response


class _Echo:
    """A file that hands on what is written to it."""

    def write(self, text: str) -> str:
        return text


def _ask_first(request: HttpRequest, kind: str, form_class: type[forms.Form]) -> HttpResponse:
    form: Any = form_class(request.POST or None)
    try:
        selection = read_selection(request, kind)
        if request.method == "POST" and form.is_valid():
            job = create_job(
                actor=request.user,
                selection=selection,
                options=form.options(),
                kind=kind,
                topic=form.cleaned_data.get("topic", ""),
            )
            return redirect("recovery:job", job.pk)
    except SelectionError as error:
        return render(request, "recovery/refused.html", {"error": error}, status=400)
    context = {
        "kind": kind,
        "words": WORDS[kind],
        "form": form,
        "plan": plan_redrive(selection, newest=NEWEST, kind=kind).told(),
        "sample": _sample(selection, kind),
        "back": request.GET.urlencode(),
    }
    return render(request, "recovery/ask.html", context)


def _sample(selection: Selection, kind: str) -> list[DeadLetter]:
    rows = select_letters(selection, until=NEWEST).filter(status__in=taken_by(kind))
    return list(rows.defer("event", "headers", "error_stack").order_by("-pk")[:SAMPLE])


def _job_context(job: Job) -> dict[str, Any]:
    progress = read_progress(job)
    bad = JobItem.objects.filter(job=job, state=JobItem.State.FAILED).order_by("-ended_ms", "-pk")
    return {
        "job": job,
        "words": WORDS[job.kind],
        "progress": progress,
        "parts": _parts(progress),
        "failed": list(bad[:SAMPLE]),
        "silent": progress.is_silent(now_ms()),
    }


def _parts(progress: Any) -> list[dict[str, Any]]:
    """The bar: what is known first, each with where it begins in percent."""
    kinds = ("processed", "failed", "unknown", "published", "skipped", "cancelled")
    parts, at = [], 0.0
    for kind in kinds:
        count = getattr(progress.counts, kind)
        width = progress.percent(count)
        if count:
            parts.append({"kind": kind, "count": count, "x": round(at, 2), "width": width})
        at += width
    return parts


def _change(request: HttpRequest, job_id: int, change: Callable[..., Job]) -> HttpResponse:
    job, told = _find(job_id), ""
    try:
        job = change(job_id, by=request.user)
    except JobError as error:
        told = str(error)
    if not request.htmx:  # type: ignore[attr-defined]
        if told:
            messages.warning(request, told)
        return redirect(reverse("recovery:job", args=[job_id]))
    return render(request, "recovery/_job.html", {**_job_context(job), "told": told})


def _cells(item: JobItem) -> list[str | int | float]:
    values = (
        item.letter,
        item.event_id,
        item.event_type,
        item.consumer,
        item.topic,
        item.state,
        REASONS.get(item.reason, item.reason),
        item.attempt,
        item.position,
        item.repeated,
        format_ms(item.sent_ms) if item.sent_ms else "",
        format_ms(item.ended_ms) if item.ended_ms else "",
    )
    return [defuse(value) for value in values]


def _find(job_id: int) -> Job:
    job = Job.objects.filter(pk=job_id).first()
    if job is None:
        raise Http404("There is no job with this number.")
    return job


def _wants_fragment(request: HttpRequest) -> bool:
    return bool(request.htmx) and not request.htmx.boosted  # type: ignore[attr-defined]
