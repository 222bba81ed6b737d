"""Editing the event of one dead letter, or of many by one JSON Patch, and sending what was made."""

from __future__ import annotations

import json
from typing import Any

from django.db.models import Max
from django.http import HttpRequest
from ninja import Router, Schema, Status
from ninja.params.functions import Path
from pydantic import ConfigDict, Field
from pydantic.alias_generators import to_camel

from dashboard.accounts.models import Role
from dashboard.accounts.switches import EDITING, is_on
from dashboard.api.jobs import job_json
from dashboard.api.problems import Problem
from dashboard.api.security import caller, require
from dashboard.api.selecting import SelectionBody, read_selection
from dashboard.api.shapes.jobs import JobShape
from dashboard.api.shapes.recovery import EditShape, PatchShape
from dashboard.explore.filters import FilterError
from dashboard.recovery.actions import LONGEST_NOTE
from dashboard.recovery.bulk_editing import Patched, Sample, create_patch_job, look, patch_of
from dashboard.recovery.editing import Edited, headers_text
from dashboard.recovery.editions import (
    OFF,
    Original,
    create_edit,
    edit_refusal,
    make_edit,
    reveal_original,
    violations_of,
)
from dashboard.recovery.models import Job
from dashboard.recovery.selection import SelectionError
from ingest.models import DeadLetter
from ingest.queries.letters import get_dead_letter

__all__ = ["router"]

router = Router(tags=["recovery"], by_alias=True)
SIGNS = {"removed": "- ", "added": "+ "}


class EditBody(Schema):
    """The whole envelope, its id and ties as they were: the edited event gets its own."""

    model_config = ConfigDict(extra="forbid", alias_generator=to_camel, populate_by_name=True)
    event: dict[str, Any] | str = Field(
        description="as an object, or as text to keep numbers as they are written"
    )
    headers: dict[str, str] | None = Field(
        None, description="those that may be changed; left out: as they were"
    )
    note: str = Field("", max_length=LONGEST_NOTE, description="why; needed unless dryRun")
    dry_run: bool = Field(False, description="only look at what would be sent")


class PatchBody(SelectionBody):
    patch: list[Any] = Field(description="RFC 6902")


@router.post(
    "/dead-letters/{int:id}/edit",
    response={200: EditShape, 202: JobShape},
    operation_id="editDeadLetter",
    summary="Edit and redrive",
)
def edit(request: HttpRequest, body: EditBody, letter_id: int = Path(alias="id")) -> Any:
    """A job (202) that sends the edited event, which the old one caused; a dry run answers 200."""
    require(request, Role.OPERATOR)
    letter = _find(letter_id)
    if refusal := edit_refusal(letter, by=caller(request)):
        raise Problem(409, f"This letter cannot be edited: {refusal}.")
    try:
        edited = _edited(letter, reveal_original(letter, by=caller(request)), body)
        if body.dry_run:
            return Status(200, _edit_told(edited))
        job = create_edit(actor=caller(request), edited=edited, note=body.note)
    except SelectionError as error:
        raise FilterError(error.place, error.reason) from error
    return Status(202, job_json(job))


@router.post(
    "/dead-letters/patch",
    response={200: PatchShape, 202: JobShape},
    operation_id="patchDeadLetters",
    summary="Patch and redrive",
)
def patch(request: HttpRequest, body: PatchBody) -> Any:
    """A job (202) over those of up to 1,000 letters that the patch fits; a dry run answers 200."""
    require(request, Role.OPERATOR)
    if not is_on(EDITING):
        raise Problem(409, f"{OFF.capitalize()}.")
    newest = DeadLetter.objects.aggregate(newest=Max("pk"))["newest"] or 0
    try:
        operations = patch_of(json.dumps(body.patch))
        patched = look(read_selection(body, Job.Kind.EDIT), operations, until=newest)
        if body.dry_run:
            return Status(200, _patch_told(patched))
        if not patched.edited:
            raise SelectionError("patch", "it fits none of these letters; look with dryRun")
        job = create_patch_job(actor=caller(request), patched=patched, note=body.note)
    except SelectionError as error:
        raise FilterError(error.place, error.reason) from error
    return Status(202, job_json(job))


def _edited(letter: DeadLetter, original: Original, body: EditBody) -> Edited:
    text = body.event if isinstance(body.event, str) else json.dumps(body.event)
    return make_edit(letter, original, text=text, headers=_headers(original, body.headers))


def _headers(original: Original, given: dict[str, str] | None) -> str:
    """A header a line, as the editor has them. Raises `SelectionError`."""
    if given is None:
        return headers_text(original.headers)
    for name, value in given.items():
        if len(f"{name}{value}-".splitlines()) > 1:
            raise SelectionError("headers", f"{name[:60]!r} has more than one line")
    return "\n".join(f"{name}: {value}" for name, value in given.items())


def _edit_told(edited: Edited) -> dict[str, Any]:
    violations = violations_of(edited.body)
    return {
        "letter": edited.letter,
        "event": edited.body.decode(),
        "violations": None if violations is None else [one._asdict() for one in violations],
    }


def _patch_told(patched: Patched) -> dict[str, Any]:
    return {
        "fits": patched.fits,
        "leftOut": [{"reason": reason, "letters": n} for reason, n in patched.left_out],
        "samples": [_sample_told(sample) for sample in patched.samples],
    }


def _sample_told(sample: Sample) -> dict[str, Any]:
    changes = [SIGNS[line.kind] + line.text for line in sample.changes if line.kind in SIGNS]
    return {
        "letter": sample.letter,
        "eventId": sample.event_id,
        "reason": sample.reason,
        "changes": changes,
    }


def _find(letter_id: int) -> DeadLetter:
    letter = get_dead_letter(letter_id) if letter_id < 1 << 63 else None
    if letter is None:
        raise Problem(404, "There is no dead letter with this id.")
    return letter
