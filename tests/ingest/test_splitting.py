"""A failure is kept as two and put together again: letters, counts and hours are those of a recount."""

from __future__ import annotations

import random
from typing import Any

import pytest

from ingest.letter_counts import STATUSES
from ingest.models import DeadLetter, FailurePart, LetterCell, LetterHour, Stream
from ingest.splitting import NotDivided, divide_failure, join_failure, keep_apart, part_of
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)
from tests.ingest.test_letter_counts import START, counted, recounted, unsaved

pytestmark = pytest.mark.usefixtures("database")

ORIGIN, LETTERS = "a" * 32, 60
KINDS = ("arrived", *STATUSES[1:], "reopened", "expired")
WAYS = [("type", "ORDER_CREATED"), ("consumer", "inventory"), ("message", "100%_'s stock")]


@pytest.fixture
def stream() -> Stream:
    """With letters of one failure, in every status, half of which tell of the stock."""
    chance = random.Random(11)
    made = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    letters = [unsaved(made, number, chance) for number in range(LETTERS)]
    for number, letter in enumerate(letters):
        letter.fingerprint, letter.status = ORIGIN, "open"
        letter.origin = "shop" if number % 7 == 0 else ""
        letter.error_message = f"no 100%_'s stock of {number}" if number % 2 else f"late {number}"
    DeadLetter.objects.bulk_create(letters)
    for number, status in enumerate(STATUSES[1:], 3):
        DeadLetter.objects.filter(minor__in=range(0, LETTERS, number * 2)).update(status=status)
    return made


def right(fingerprint: str) -> int:
    """How many are open by the hours of one failure."""
    hours = LetterHour.objects.filter(cell__fingerprint=fingerprint)
    left = (*STATUSES[1:], "expired")
    return sum(
        hour.arrived + hour.reopened - sum(getattr(hour, kind) for kind in left) for hour in hours
    )


def hours_of(fingerprint: str) -> dict[tuple[Any, ...], list[int]]:
    rows = LetterHour.objects.filter(cell__fingerprint=fingerprint).select_related("cell")
    told = {
        (row.cell.event_type, row.cell.consumer, row.hour_ms): [getattr(row, k) for k in KINDS]
        for row in rows
    }
    return {key: sums for key, sums in told.items() if any(sums)}


def check() -> None:
    assert {key: counts for key, counts in counted().items() if counts} == recounted()
    for fingerprint in set(LetterCell.objects.values_list("fingerprint", flat=True)):
        opened = DeadLetter.objects.filter(fingerprint=fingerprint, status="open").count()
        assert right(fingerprint) == opened


def matching(match: str, value: str) -> set[int]:
    field = {"type": "event_type", "consumer": "consumer", "message": "error_message"}[match]
    fits = (lambda text: value in text) if match == "message" else (lambda text: value == text)
    return {letter.pk for letter in DeadLetter.objects.all() if fits(getattr(letter, field))}


@pytest.mark.parametrize(("match", "value"), WAYS)
def test_a_part_is_kept_apart_with_its_counts_and_put_back(
    stream: Stream, match: str, value: str
) -> None:
    before, hours, wanted = counted(), hours_of(ORIGIN), matching(match, value)
    assert 0 < len(wanted) < LETTERS

    part, moved = divide_failure(ORIGIN, match=match, value=value)

    found = DeadLetter.objects.filter(fingerprint=part.fingerprint)
    assert set(found.values_list("pk", flat=True)) == wanted
    assert moved == len(wanted)
    check()
    join_failure(part.fingerprint)
    assert counted() == before
    assert hours_of(ORIGIN) == hours
    assert not FailurePart.objects.exists()


def test_what_happens_to_a_part_meanwhile_is_kept_when_it_is_put_back(stream: Stream) -> None:
    part, _ = divide_failure(ORIGIN, match="message", value="stock")
    DeadLetter.objects.filter(fingerprint=part.fingerprint, status="open").update(status="resolved")
    late = unsaved(stream, 999, random.Random(1))
    late.fingerprint, late.error_message, late.received_ms = ORIGIN, "no stock", START
    keep_apart([late])
    late.save()

    assert late.fingerprint == part.fingerprint
    check()
    join_failure(part.fingerprint)
    check()
    assert set(DeadLetter.objects.values_list("fingerprint", flat=True)) == {ORIGIN}


def test_a_part_is_divided_again_and_put_back_in_turn(stream: Stream) -> None:
    part, _ = divide_failure(ORIGIN, match="message", value="stock")
    inner, _ = divide_failure(part.fingerprint, match="type", value="ORDER_CREATED")
    check()
    letter = DeadLetter(
        fingerprint=ORIGIN, error_message="no stock", event_type="ORDER_CREATED", consumer="x"
    )

    assert part_of(letter, {ORIGIN: [part], part.fingerprint: [inner]}) == inner.fingerprint
    with pytest.raises(NotDivided, match="parts of it"):
        join_failure(part.fingerprint)
    join_failure(inner.fingerprint)
    join_failure(part.fingerprint)
    check()


@pytest.mark.parametrize(("match", "value"), WAYS)
def test_the_newest_letter_of_each_cell_is_one_of_its_own(
    stream: Stream, match: str, value: str
) -> None:
    divide_failure(ORIGIN, match=match, value=value)

    for cell in LetterCell.objects.all():
        own = DeadLetter.objects.filter(
            fingerprint=cell.fingerprint, event_type=cell.event_type, consumer=cell.consumer
        )
        assert cell.newest == max(own.values_list("pk", flat=True), default=0)


@pytest.mark.parametrize(
    ("match", "value", "why"),
    [
        ("message", "nowhere", "none of its letters"),
        ("type", "", "none of its letters"),
        ("message", "1", "kept apart already"),
        ("message", "", "all of its letters"),
    ],
)
def test_what_divides_nothing_is_refused_and_changes_nothing(
    stream: Stream, match: str, value: str, why: str
) -> None:
    divide_failure(ORIGIN, match="message", value="1")
    before = counted()
    if why == "kept apart already":
        late = unsaved(stream, 998, random.Random(1))
        late.fingerprint, late.error_message = ORIGIN, "1"
        late.save()
        before = counted()

    with pytest.raises(NotDivided, match=why):
        divide_failure(ORIGIN, match=match, value=value)

    assert counted() == before


def test_what_is_no_part_cannot_be_put_back(stream: Stream) -> None:
    with pytest.raises(NotDivided, match="no part"):
        join_failure(ORIGIN)
