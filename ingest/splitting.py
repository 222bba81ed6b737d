"""One failure kept as two: letters that fit a matcher get a fingerprint of their own, now and later.

What is stored is moved with its counts in one transaction; what is counted later is counted where it is.
Letters that were dealt with take their hours along only where whole cells move (by type, by consumer);
of those told apart by their message only the open ones do, as it is not known when the others were closed.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from django.db import connections, transaction
from django.db.models import Max, QuerySet, Value
from django.db.models.functions import StrIndex

from eventscope.errors import EventscopeError
from ingest.letter_counts import take_turn
from ingest.letter_moves import add_counts, take_counts
from ingest.models import DeadLetter, FailurePart, LetterCell

__all__ = [
    "MOST_MOVED",
    "MOST_PARTS",
    "Divided",
    "NotDivided",
    "divide_failure",
    "join_failure",
    "keep_apart",
    "part_of",
]

MOST_PARTS = 200
MOST_MOVED = 100_000
Match = FailurePart.Match
_FIELDS = {Match.TYPE: "event_type", Match.CONSUMER: "consumer"}


class NotDivided(EventscopeError, ValueError):
    """The failure cannot be divided so; the message says why."""


class Divided(NamedTuple):
    part: FailurePart
    letters: int


def keep_apart(letters: Sequence[DeadLetter]) -> None:
    """Give ``letters``, not stored yet, the fingerprints of the parts that they belong to.

    In the transaction that stores them, so that none slips by a failure that is being divided.
    """
    if not letters:
        return
    take_turn(connections["events"])
    parts: dict[str, list[FailurePart]] = {}
    for part in FailurePart.objects.order_by("pk"):
        parts.setdefault(part.origin, []).append(part)
    for letter in letters if parts else ():
        letter.fingerprint = part_of(letter, parts)


def part_of(letter: DeadLetter, parts: Mapping[str, Iterable[FailurePart]]) -> str:
    """The fingerprint of ``letter`` when ``parts`` (by their origin) are kept apart. Pure.

    A part may be divided again; as each has a name that is a hash of its origin's, there is no round trip.
    """
    name = letter.fingerprint
    while (found := next((p for p in parts.get(name, ()) if _fits(p, letter)), None)) is not None:
        name = found.fingerprint
    return name


def divide_failure(origin: str, *, match: str, value: str) -> Divided:
    """Keep the letters of ``origin`` that fit apart from now on. Raises `NotDivided`."""
    if FailurePart.objects.count() >= MOST_PARTS:
        raise NotDivided(f"{MOST_PARTS} parts are kept apart already; put some back")
    part = FailurePart(
        origin=origin, match=match, value=value, fingerprint=_name(origin, match, value)
    )
    with transaction.atomic(using="events"):
        take_turn(connections["events"])
        moved = _stored(part).count()
        if not 0 < moved <= MOST_MOVED:
            raise NotDivided(_why_not(moved))
        if moved == DeadLetter.objects.filter(fingerprint=origin).count():
            raise NotDivided("all of its letters fit: nothing would be left")
        _, made = FailurePart.objects.get_or_create(
            fingerprint=part.fingerprint,
            defaults={"origin": origin, "match": match, "value": value},
        )
        if not made:
            raise NotDivided("that part is kept apart already")
        _move_counts(part)
        _stored(part).update(fingerprint=part.fingerprint)
        _point_at_own(origin)
    return Divided(part, moved)


def join_failure(fingerprint: str) -> Divided:
    """Put a part back to where it came from, with all that was counted of it. Raises `NotDivided`."""
    with transaction.atomic(using="events"):
        connection = connections["events"]
        take_turn(connection)
        part = FailurePart.objects.filter(fingerprint=fingerprint).first()
        if part is None:
            raise NotDivided("it is no part of another failure")
        if FailurePart.objects.filter(origin=fingerprint).exists():
            raise NotDivided("parts of it are kept apart themselves; put them back first")
        add_counts(connection, part.fingerprint, to=part.origin)
        LetterCell.objects.filter(fingerprint=part.fingerprint).delete()
        rows = DeadLetter.objects.filter(fingerprint=fingerprint)
        moved = rows.update(fingerprint=part.origin)
        FailurePart.objects.filter(pk=part.pk).delete()
    return Divided(part, moved)


def _fits(part: FailurePart, letter: DeadLetter) -> bool:
    if part.match == Match.MESSAGE:
        return part.value in letter.error_message
    return bool(getattr(letter, _FIELDS[Match(part.match)]) == part.value)


def _stored(part: FailurePart) -> QuerySet[DeadLetter]:
    """Letters of the origin that fit; a message is looked at letter by letter, as it is written."""
    rows = DeadLetter.objects.filter(fingerprint=part.origin)
    if part.match == Match.MESSAGE:
        return rows.annotate(at=StrIndex("error_message", Value(part.value))).filter(at__gt=0)
    return rows.filter(**{_FIELDS[Match(part.match)]: part.value})


def _name(origin: str, match: str, value: str) -> str:
    told = msgspec.json.encode([origin, match, value])
    return hashlib.blake2b(told, digest_size=16).hexdigest()


def _why_not(moved: int) -> str:
    if moved:
        return f"{moved} letters fit, more than the {MOST_MOVED} that can be moved at once"
    return "none of its letters fits"


def _move_counts(part: FailurePart) -> None:
    """Whole cells where they tell the letters apart; else the counts of the letters themselves."""
    if part.match == Match.MESSAGE:
        names = {"origin": part.origin, "to": part.fingerprint}
        take_counts(connections["events"], text=part.value, **names)
        return
    field = _FIELDS[Match(part.match)]
    cells = LetterCell.objects.filter(fingerprint=part.origin, **{field: part.value})
    cells.update(fingerprint=part.fingerprint)


def _point_at_own(fingerprint: str) -> None:
    """Let the newest letter of each of its cells be one that it still has; 0 where none is left."""
    names = ("error_type", "event_type", "consumer", "topic")
    rows = DeadLetter.objects.filter(fingerprint=fingerprint).values_list(*names)
    newest = {row[:-1]: row[-1] for row in rows.annotate(newest=Max("pk")).order_by()}
    cells = list(LetterCell.objects.filter(fingerprint=fingerprint))
    for cell in cells:
        cell.newest = newest.get(tuple(getattr(cell, name) for name in names), 0)
    LetterCell.objects.bulk_update(cells, ["newest"], batch_size=200)
