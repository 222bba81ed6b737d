"""Letters are counted by the database: whoever changes them, the counts are those of a recount."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from typing import Any

import pytest
from django.db import connections, transaction
from django.db.models import Model

from ingest.letter_counts import (
    CLOSED,
    STATUSES,
    after_migrating,
    count_all,
    counts_are_right,
    drop_triggers,
)
from ingest.models import DeadLetter, LetterCell, LetterHour, Stream
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)

pytestmark = pytest.mark.usefixtures("database")

START = 1_800_000_000_000
NAMES = ("fingerprint", "error_type", "event_type", "consumer", "topic")


def unsaved(stream: Stream, number: int, chance: random.Random) -> DeadLetter:
    return DeadLetter(
        stream=stream,
        major=START,
        minor=number,
        received_ms=START + chance.randrange(10 * 3_600_000),
        event_id=f"evt_{number}",
        fingerprint=chance.choice(("a" * 32, "b" * 32, "")),
        event_type=chance.choice(("ORDER_CREATED", "O'Brien")),
        consumer=chance.choice(("inventory", "")),
        error_type="Refused",
        topic="orders-topic",
        status=chance.choice(("open", "open", "superseded")),
        event=b"{}",
    )


def counted() -> dict[tuple[str, ...], dict[str, int]]:
    return {
        tuple(getattr(cell, name) for name in NAMES): {
            status: getattr(cell, status) for status in STATUSES if getattr(cell, status)
        }
        for cell in LetterCell.objects.all()
    }


def recounted() -> dict[tuple[str, ...], dict[str, int]]:
    found: dict[tuple[str, ...], Counter[str]] = {}
    for letter in DeadLetter.objects.all():
        key = tuple(getattr(letter, name) for name in NAMES)
        found.setdefault(key, Counter())[letter.status] += 1
    return {key: dict(counts) for key, counts in found.items()}


def open_by_hours() -> int:
    """What the hours say is open: all that came, less all that left."""
    left = (*CLOSED, "expired")
    return sum(
        hour.arrived + hour.reopened - sum(getattr(hour, kind) for kind in left)
        for hour in LetterHour.objects.all()
    )


def change_something(stream: Stream, number: int, chance: random.Random) -> None:
    ids = list(DeadLetter.objects.values_list("pk", flat=True))
    some = chance.sample(ids, min(len(ids), 5))
    deed = chance.choice(("store", "store", "change", "change", "delete", "repeat", "undo"))
    if deed == "store":
        DeadLetter.objects.bulk_create(
            [unsaved(stream, number * 100 + one, chance) for one in range(chance.randrange(1, 8))]
        )
    elif deed == "change":
        DeadLetter.objects.filter(pk__in=some).update(status=chance.choice(STATUSES))
    elif deed == "delete":
        DeadLetter.objects.filter(pk__in=some[:2]).delete()
    elif deed == "repeat":
        DeadLetter.objects.filter(pk__in=some).update(attempts=7)
    else:
        with transaction.atomic(using="events"):
            DeadLetter.objects.all().update(status="archived")
            transaction.set_rollback(True, using="events")


@pytest.mark.parametrize("seed", range(3))
def test_counts_are_those_of_a_recount_whatever_happens(seed: int) -> None:
    chance = random.Random(seed)
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    for number in range(60):
        change_something(stream, number, chance)

    assert {key: counts for key, counts in counted().items() if counts} == recounted()
    assert open_by_hours() == DeadLetter.objects.filter(status="open").count()
    arrived = sum(hour.arrived for hour in LetterHour.objects.all())
    assert arrived >= DeadLetter.objects.count()


def test_a_cell_knows_when_its_first_and_last_letter_came() -> None:
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    chance = random.Random(1)
    letters = [unsaved(stream, number, chance) for number in range(3)]
    for letter, at in zip(letters, (START + 5, START, START + 9), strict=True):
        letter.received_ms, letter.fingerprint = at, "c" * 32
        letter.event_type, letter.consumer = "ORDER_CREATED", "inventory"
    DeadLetter.objects.bulk_create(letters)
    newest = DeadLetter.objects.latest("pk").pk
    DeadLetter.objects.filter(received_ms=START).delete()

    cell = LetterCell.objects.get()

    assert (cell.first_ms, cell.last_ms, cell.newest) == (START, START + 9, newest)


def test_letters_from_before_are_counted_once() -> None:
    chance = random.Random(2)
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    DeadLetter.objects.bulk_create([unsaved(stream, number, chance) for number in range(40)])
    kept = counted()
    LetterHour.objects.all().delete()
    LetterCell.objects.all().delete()

    count_all(connections["events"])

    assert counted() == kept
    assert open_by_hours() == DeadLetter.objects.filter(status="open").count()


def test_a_letter_leaves_the_open_ones_in_the_hour_of_the_change() -> None:
    chance = random.Random(3)
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    letter: Any = unsaved(stream, 1, chance)
    letter.status = "open"
    letter.save()

    DeadLetter.objects.update(status="resolved")

    arrival, change = LetterHour.objects.order_by("-hour_ms")
    assert (arrival.hour_ms, arrival.arrived, arrival.resolved) == (
        letter.received_ms // 3_600_000 * 3_600_000,
        1,
        0,
    )
    assert (change.arrived, change.resolved) == (0, 1)


def test_what_was_changed_past_the_triggers_is_counted_again_after_a_migration() -> None:
    chance = random.Random(4)
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    connection = connections["events"]
    DeadLetter.objects.bulk_create([unsaved(stream, number, chance) for number in range(30)])
    assert counts_are_right(connection)
    drop_triggers(connection)
    DeadLetter.objects.filter(minor__lt=15).update(status="resolved")
    DeadLetter.objects.bulk_create([unsaved(stream, 99, chance)])
    assert not counts_are_right(connection)

    after_migrating(using="events")

    assert {key: counts for key, counts in counted().items() if counts} == recounted()
    DeadLetter.objects.all().delete()
    assert counts_are_right(connection)


@pytest.mark.parametrize(
    "order", list(itertools.permutations((DeadLetter, LetterCell, LetterHour)))
)
def test_a_flush_leaves_no_counts_in_whatever_order_it_empties_the_tables(
    order: tuple[type[Model], ...],
) -> None:
    """Django's flush takes the tables from a set: their order is another in each process."""
    connection = connections["events"]
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    chance = random.Random(5)
    DeadLetter.objects.bulk_create([unsaved(stream, number, chance) for number in range(10)])
    if connection.vendor == "postgresql":
        pytest.skip("PostgreSQL truncates all tables at once, and fires no trigger")

    with transaction.atomic(using="events"), connection.cursor() as cursor:
        for model in order:
            cursor.execute(f"DELETE FROM {model._meta.db_table}")

    assert [model.objects.count() for model in order] == [0, 0, 0]
