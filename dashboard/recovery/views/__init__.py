"""Dead letters and the jobs over them: fetch, call, render."""

from dashboard.recovery.views.editing import check_edit, edit_page
from dashboard.recovery.views.groups import (
    describe_failure,
    divide_failure,
    failure_page,
    fix_failure,
    join_failure,
    merge_failure,
    mute_failure,
    split_failure,
)
from dashboard.recovery.views.interchange import export_letters, import_page
from dashboard.recovery.views.jobs import (
    approve,
    archive_page,
    cancel,
    discard_page,
    job_page,
    jobs_page,
    pause,
    redirect_page,
    redrive_page,
    report,
    restore_page,
    resume,
)
from dashboard.recovery.views.letters import dead_letter_page, dead_letters_page
from dashboard.recovery.views.patching import patch_page
from dashboard.recovery.views.retries import retries_page, retry_now
from dashboard.recovery.views.rules import add, remove, rules_page, turn

__all__ = [
    "add",
    "approve",
    "archive_page",
    "cancel",
    "check_edit",
    "dead_letter_page",
    "dead_letters_page",
    "describe_failure",
    "discard_page",
    "divide_failure",
    "edit_page",
    "export_letters",
    "failure_page",
    "fix_failure",
    "import_page",
    "job_page",
    "jobs_page",
    "join_failure",
    "merge_failure",
    "mute_failure",
    "patch_page",
    "pause",
    "redirect_page",
    "redrive_page",
    "remove",
    "report",
    "restore_page",
    "resume",
    "retries_page",
    "retry_now",
    "rules_page",
    "split_failure",
    "turn",
]
