"""Edited events: whether a letter's event may be edited, what is to be said of an edit, and the job that sends it."""

from __future__ import annotations

import json
from typing import NamedTuple

from django.conf import settings

from dashboard.accounts import audit
from dashboard.accounts.rights import may_reveal, reveal_role
from dashboard.accounts.switches import EDITING, is_on
from dashboard.recovery.actions import Options, create_job
from dashboard.recovery.editing import Edited, edited_event, read_headers
from dashboard.recovery.gathering import bounds, busy_letters
from dashboard.recovery.identity import identity_of, value_at
from dashboard.recovery.judging import REASONS, refusal
from dashboard.recovery.models import Edition, Job
from dashboard.recovery.selection import Selection
from eventscope.stamps import new_event_id
from ingest.folds.foreign import without_failure
from ingest.folds.text import bounded
from ingest.models import DeadLetter
from ingest.queries.opening import NotAsItWas, open_letter, open_letter_headers, sealed_keys
from ingest.queries.schemas import schema_of
from ingest.schema import ENOUGH, Violation, check_payload

__all__ = [
    "OFF",
    "Origin",
    "Original",
    "create_edit",
    "edit_refusal",
    "event_of",
    "is_sealed",
    "letter_refusal",
    "make_edit",
    "open_original",
    "origin_of",
    "reveal_original",
    "violations_of",
]

OFF = "editing is off; an admin can allow it in the settings"
SEALED = "parts of it are encrypted at rest"
FOREIGN = "only native and CloudEvents envelopes can be edited: where others keep their id cannot surely be written"


class Original(NamedTuple):
    """A letter's event as it was, and the headers that go with it."""

    body: bytes
    headers: list[tuple[bytes, bytes]]


class Origin(NamedTuple):
    """Where an edited event comes from."""

    letter: int
    job: int


def edit_refusal(letter: DeadLetter, *, by: object) -> str:
    """Why ``by`` cannot edit the event of ``letter`` now, in words; "" if it can be."""
    if not is_on(EDITING):
        return OFF
    if is_sealed(letter) and not may_reveal(by):
        return f"{SEALED}, and opened from the role {reveal_role()} on"
    return _refusal(letter, busy=bool(busy_letters([letter.pk])))


def letter_refusal(letter: DeadLetter, *, busy: bool) -> str:
    """The same for one of many, where editing is allowed and it is known which a job has in hand."""
    return f"{SEALED}: edit it alone" if is_sealed(letter) else _refusal(letter, busy=busy)


def is_sealed(letter: DeadLetter) -> bool:
    return bool(sealed_keys(bytes(letter.event)) or sealed_keys(bytes(letter.headers)))


def _refusal(letter: DeadLetter, *, busy: bool) -> str:
    reason = refusal(letter, broker=letter.stream.broker, busy=busy, bounds=bounds())
    if reason:
        return REASONS[reason]
    try:
        body = open_letter(letter)
    except NotAsItWas as error:
        return str(error)
    return "" if identity_of(_decoded(body)) else FOREIGN


def open_original(letter: DeadLetter) -> Original:
    """Of a letter that `edit_refusal` has nothing against."""
    return Original(open_letter(letter), without_failure(open_letter_headers(letter)))


def reveal_original(letter: DeadLetter, *, by: object) -> Original:
    """The same to be shown to ``by``; where parts of it were encrypted that is audited first."""
    if is_sealed(letter):
        detail = {"event": letter.event_id}
        audit.record(
            actor=by, action="letter.revealed", subject=f"letter {letter.pk}", detail=detail
        )
    return open_original(letter)


def make_edit(letter: DeadLetter, original: Original, *, text: str, headers: str) -> Edited:
    """The event that was typed. Raises `SelectionError` naming the place."""
    edited = event_of(letter, original, text)
    changed = read_headers(headers, original.headers)
    return edited._replace(headers=changed, sealed=is_sealed(letter))


def event_of(letter: DeadLetter, original: Original, text: str) -> Edited:
    """The new event that ``text`` makes, without headers. Raises `SelectionError` naming the place."""
    return edited_event(
        original.body,
        text,
        letter=letter.pk,
        event_id=new_event_id(),
        correlation_id=letter.correlation_id or letter.event_id,
        most=settings.INGEST.limits.body_bytes,
    )


def violations_of(body: bytes) -> list[Violation] | None:
    """How an envelope's payload differs from what was learnt of its type; None if too little was."""
    envelope = _decoded(body)
    identity = identity_of(envelope)
    if identity is None:
        return None
    version = value_at(envelope, identity.version)
    kind = str(value_at(envelope, identity.type))
    schema = schema_of(kind, bounded(version if isinstance(version, str) else "", 64))
    if schema is None or schema["x-samples"] < ENOUGH:
        return None
    return check_payload(schema, value_at(envelope, identity.payload))


def create_edit(*, actor: object, edited: Edited, note: str) -> Job:
    """The job that sends ``edited``. Raises `SelectionError`."""
    return create_job(
        actor=actor,
        selection=Selection.of_ids([edited.letter]),
        options=Options(note=note),
        kind=Job.Kind.EDIT,
        editions=[edited],
    )


def origin_of(event_id: str) -> Origin | None:
    """The letter whose edited event this is; None if it is no edited one."""
    found = Edition.objects.filter(event_id=event_id).values_list("letter", "job").first()
    return None if found is None else Origin(*found)


def _decoded(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        return None
