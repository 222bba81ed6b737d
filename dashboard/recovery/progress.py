"""What is told of a job: counts, how far it is, what it left out and why, whom it went to."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.db.models import Count

from dashboard.recovery.items import count_items
from dashboard.recovery.judging import REASONS
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.selection import Selection, select_letters
from dashboard.recovery.steps import Counts
from ingest.models import DeadLetter

__all__ = ["Progress", "arrived_since", "job_rows", "list_jobs", "read_progress"]

SILENT_MS = 15_000
ROWS_AT_ONCE = 2_000


@dataclass(frozen=True)
class Progress:
    """``left_out`` counts by words; ``ways`` by (topic, consumer) and state."""

    job: Job
    counts: Counts
    left_out: list[tuple[str, int]]
    ways: list[dict[str, Any]]
    arrived: int

    @property
    def known(self) -> int:
        """Items of which nothing more is to be expected."""
        return self.counts.total - self.counts.requested - self.counts.published

    @property
    def went(self) -> int:
        """Letters of the selection that were not open any more when they were gathered."""
        return max(0, self.job.expected - self.counts.total) if self.job.gathered else 0

    def percent(self, part: int) -> float:
        whole = max(self.counts.total, self.job.expected, 1)
        return round(100 * part / whole, 2)

    def is_silent(self, now_ms: int) -> bool:
        """Whether nobody works on a job that should be worked on: no monitor runs."""
        due = self.job.start_ms is None or self.job.start_ms < now_ms
        last = max(self.job.touched_ms, self.job.created_ms, self.job.start_ms or 0)
        return self.job.is_active() and due and now_ms - last > SILENT_MS


def read_progress(job: Job) -> Progress:
    """A fixed number of queries whatever the job's size."""
    rows = JobItem.objects.filter(job=job)
    left_out = rows.filter(state=JobItem.State.SKIPPED).values_list("reason")
    ways: dict[tuple[str, str], dict[str, Any]] = {}
    told = rows.exclude(state=JobItem.State.SKIPPED).values_list("topic", "consumer", "state")
    for topic, consumer, state, n in told.annotate(n=Count("pk")).order_by():
        way = ways.setdefault((topic, consumer), {"topic": topic, "consumer": consumer})
        way[state] = n
    return Progress(
        job=job,
        counts=count_items(job),
        left_out=[
            (REASONS.get(code, code), n)
            for code, n in left_out.annotate(n=Count("pk")).order_by("-n", "reason")
        ],
        ways=[ways[names] for names in sorted(ways)],
        arrived=arrived_since(job) if _is_ahead(job) else 0,
    )


def _is_ahead(job: Job) -> bool:
    return job.is_active() or job.state == Job.State.AWAITING


def arrived_since(job: Job) -> int:
    """Open letters that the selection would take too, but that came after the job was made."""
    selection = Selection.read(job.selection)
    if selection.where is None:
        return 0
    rows = select_letters(selection, until=(1 << 63) - 1)
    return rows.filter(pk__gt=job.newest_letter, status=DeadLetter.Status.OPEN).count()


def list_jobs(*, before: int | None = None, limit: int = 50) -> tuple[list[Job], int | None]:
    """The newest first, without dry runs; and what to ask on with."""
    rows = Job.objects.exclude(state=Job.State.PLANNED).order_by("-pk")
    if before is not None:
        rows = rows.filter(pk__lt=before)
    found = list(rows[: limit + 1])
    more = len(found) > limit
    return found[:limit], found[limit - 1].pk if more else None


def job_rows(job: Job) -> Iterator[JobItem]:
    """Every item in order, in bounded memory: the report."""
    rows = JobItem.objects.filter(job=job).order_by("pk")
    yield from rows.iterator(chunk_size=ROWS_AT_ONCE)
