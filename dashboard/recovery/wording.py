"""What the kinds of jobs are called on the pages. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.recovery.models import Job

__all__ = ["WORDS", "Words"]


class Words(NamedTuple):
    """``verb`` stands on buttons, ``done`` in counts; ``lead`` says what it means."""

    verb: str
    done: str
    noun: str
    icon: str
    lead: str
    button: str = "btn-primary"
    sends: bool = False


WORDS: dict[str, Words] = {
    Job.Kind.REDRIVE: Words(
        "Redrive",
        "Processed",
        "event",
        "send",
        "Each goes back to the topic that it came from, with the same id, key and headers.",
        sends=True,
    ),
    Job.Kind.EDIT: Words(
        "Edit",
        "Processed",
        "event",
        "note",
        "A new event goes to the topic of the old one, which caused it.",
        sends=True,
    ),
    Job.Kind.REDIRECT: Words(
        "Redirect",
        "Processed",
        "event",
        "send",
        "Each goes to another topic, with the same id, key and headers. Whoever handles it there answers "
        "for it.",
        sends=True,
    ),
    Job.Kind.DISCARD: Words(
        "Discard",
        "Discarded",
        "letter",
        "trash",
        "They count as dealt with, and nothing is sent. They stay stored as long as others, and can be "
        "restored.",
        "btn-danger",
    ),
    Job.Kind.ARCHIVE: Words(
        "Archive",
        "Archived",
        "letter",
        "archive",
        "They are put out of sight and deleted after a while; until then they can be restored. Letters "
        "that arrive from now on stay open.",
    ),
    Job.Kind.RESTORE: Words(
        "Restore",
        "Restored",
        "letter",
        "arrow-back-up",
        "They are open again. What was answered or given up anew meanwhile is closed at once.",
    ),
}
