"""What can be done to letters: which each kind of job takes, and what they are afterwards. Pure."""

from __future__ import annotations

from typing import NamedTuple

from dashboard.recovery.models import Job
from ingest.models import DeadLetter

__all__ = ["DEEDS", "REASONED", "Deed", "taken_by"]

Status = DeadLetter.Status


class Deed(NamedTuple):
    """From which statuses a letter is taken, and which it has afterwards; nothing is sent."""

    takes: tuple[str, ...]
    becomes: str


DEEDS: dict[str, Deed] = {
    Job.Kind.DISCARD: Deed((Status.OPEN,), Status.DISCARDED),
    Job.Kind.ARCHIVE: Deed((Status.OPEN,), Status.ARCHIVED),
    Job.Kind.RESTORE: Deed((Status.ARCHIVED, Status.DISCARDED), Status.OPEN),
}
REASONED = (Job.Kind.DISCARD, Job.Kind.ARCHIVE, Job.Kind.EDIT)
"""Kinds that are never done without a reason."""


def taken_by(kind: str) -> tuple[str, ...]:
    """The statuses of letters that a job of ``kind`` is for."""
    return DEEDS[kind].takes if kind in DEEDS else (Status.OPEN,)
