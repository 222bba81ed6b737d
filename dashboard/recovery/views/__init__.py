"""Dead letters and the jobs over them: fetch, call, render."""

from dashboard.recovery.views.jobs import (
    archive_page,
    cancel,
    discard_page,
    job_page,
    jobs_page,
    pause,
    redrive_page,
    report,
    restore_page,
    resume,
)
from dashboard.recovery.views.letters import dead_letter_page, dead_letters_page

__all__ = [
    "archive_page",
    "cancel",
    "dead_letter_page",
    "dead_letters_page",
    "discard_page",
    "job_page",
    "jobs_page",
    "pause",
    "redrive_page",
    "report",
    "restore_page",
    "resume",
]
