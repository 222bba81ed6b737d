"""One JSON Patch over the events of many letters: what it makes of each, and the job that sends what fits."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

import msgspec

from dashboard.recovery.actions import Options, create_job
from dashboard.recovery.differences import Line, difference
from dashboard.recovery.editing import Edited, JsonError, parse_json, pretty
from dashboard.recovery.editions import event_of, letter_refusal, open_original
from dashboard.recovery.gathering import busy_letters
from dashboard.recovery.models import Job
from dashboard.recovery.patching import Operation, PatchError, apply_patch, read_patch
from dashboard.recovery.selection import Selection, SelectionError, select_letters
from ingest.models import DeadLetter

__all__ = ["MOST_PATCHED", "SAMPLES", "Patched", "Sample", "create_patch_job", "look", "patch_of"]

MOST_PATCHED = 1_000
SAMPLES = 10
LONGEST_PATCH = 64 * 1024

_encoder = msgspec.json.Encoder(decimal_format="number")


@dataclass(frozen=True)
class Sample:
    """One of the first letters: what changes, or why it is left out."""

    letter: int
    event_id: str
    changes: list[Line]
    reason: str


@dataclass(frozen=True)
class Patched:
    """``left_out`` counts by reason."""

    edited: list[Edited]
    samples: list[Sample]
    left_out: list[tuple[str, int]]

    @property
    def fits(self) -> int:
        return len(self.edited)


def patch_of(text: str) -> list[Operation]:
    """What was typed, as a patch. Raises `SelectionError`."""
    try:
        return read_patch(parse_json(text, most=LONGEST_PATCH))
    except JsonError as error:
        raise SelectionError("patch", error.reason) from error
    except PatchError as error:
        raise SelectionError("patch", str(error)) from error


def look(selection: Selection, patch: Sequence[Operation], *, until: int) -> Patched:
    """What the patch makes of the chosen letters up to the id ``until``. Changes nothing.

    Raises `SelectionError` for none, and for more than `MOST_PATCHED`.
    """
    rows = select_letters(selection, until=until).select_related("stream").order_by("pk")
    letters = list(rows[: MOST_PATCHED + 1])
    if not letters:
        raise SelectionError("filter", "no open dead letter fits it")
    if len(letters) > MOST_PATCHED:
        raise SelectionError("filter", f"more than {MOST_PATCHED} letters; narrow it")
    busy = busy_letters(letter.pk for letter in letters)
    edited: list[Edited] = []
    samples: list[Sample] = []
    reasons: Counter[str] = Counter()
    for letter in letters:
        text = reason = ""
        try:
            text, made = _patched(letter, patch, busy=letter.pk in busy)
            edited.append(made)
        except SelectionError as error:
            reason = _words(error)
            reasons[reason] += 1
        if len(samples) < SAMPLES:
            samples.append(_sample(letter, text, reason))
    return Patched(edited, samples, reasons.most_common())


def create_patch_job(*, actor: object, patched: Patched, note: str) -> Job:
    """The job that sends what fits. Raises `SelectionError`."""
    return create_job(
        actor=actor,
        selection=Selection.of_ids([edited.letter for edited in patched.edited]),
        options=Options(note=note),
        kind=Job.Kind.EDIT,
        editions=patched.edited,
    )


def _patched(letter: DeadLetter, patch: Sequence[Operation], *, busy: bool) -> tuple[str, Edited]:
    """The patched text, which still has the old id, and the event that it makes."""
    if reason := letter_refusal(letter, busy=busy):
        raise SelectionError("", reason)
    original = open_original(letter)
    try:
        value = apply_patch(json.loads(original.body, parse_float=Decimal), patch)
        text = _encoder.encode(value).decode()
    except (PatchError, msgspec.EncodeError, OverflowError, RecursionError) as error:
        raise SelectionError("", str(error)) from error
    return text, event_of(letter, original, text)._replace(headers=original.headers)


def _sample(letter: DeadLetter, text: str, reason: str) -> Sample:
    if reason:
        return Sample(letter.pk, letter.event_id, [], reason)
    before = pretty(open_original(letter).body)
    return Sample(letter.pk, letter.event_id, difference(before, pretty(text.encode())), "")


def _words(error: SelectionError) -> str:
    return f"{error.place}: {error.reason}" if error.place else error.reason
