"""Lists and groups of letters answer the same on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import pytest

from ingest.models import DeadLetter, ServiceEvent, Stream
from ingest.queries import letter_flows
from ingest.queries import letter_groups as groups
from ingest.queries.deploys import Deploy, list_deploys
from ingest.queries.letter_ages import expiring_letters, oldest_open_ms
from ingest.queries.letters import LetterFilter, list_dead_letters
from ingest.queries.moments import breakers_at, health_at, letters_beside
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)

pytestmark = pytest.mark.usefixtures("database")

HOUR = 3_600_000
START = 500_000 * HOUR


@pytest.fixture
def letters() -> list[DeadLetter]:
    """Of failures a (four, one of them resolved), b (two) and c (one), an hour apart."""
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    names = "aabcaba"
    DeadLetter.objects.bulk_create(
        DeadLetter(
            stream=stream,
            major=number,
            minor=0,
            received_ms=START + number * HOUR,
            event_id=f"evt_{number}",
            event_type="ORDER_CREATED",
            consumer="payment" if name == "a" else "shipping",
            error_type=f"Error {name}",
            error_message="no stock" if name == "c" else "late",
            fingerprint=name,
            status="resolved" if number == 4 else "open",
            event=b"{}",
        )
        for number, name in enumerate(names)
    )
    return list(DeadLetter.objects.order_by("pk"))


def test_groups_totals_facets_and_trends(letters: list[DeadLetter]) -> None:
    aliases = {"c": "b"}
    told = groups.letter_groups(LetterFilter(), aliases=aliases)
    assert [(one.key, one.open, one.count, one.consumers) for one in told] == [
        ("a", 3, 4, 1),
        ("b", 3, 3, 1),
    ]
    by_consumer = groups.letter_groups(LetterFilter(statuses=("resolved",)), by="consumer")
    assert [one.key for one in by_consumer] == ["payment"]
    until = START + 6 * HOUR
    trends = letter_flows.letter_trends(["a", "b"], aliases=aliases, until_ms=until, steps=3)
    assert trends == {"a": [1, 0, 1], "b": [0, 1, 0]}
    last = letter_flows.last_arrivals(["a", "b"], aliases=aliases, before_ms=START + 5 * HOUR)
    assert last == {"a": START + 4 * HOUR, "b": START + 3 * HOUR}
    assert groups.letter_totals(LetterFilter())["open"] == 6
    assert groups.letter_facets().consumers == [("payment", 3), ("shipping", 3)]


def test_fill_ages_and_pages(letters: list[DeadLetter]) -> None:
    flow = letter_flows.letter_flow(LetterFilter(), until_ms=START + 6 * HOUR, steps=2)
    assert [(one.arrived, one.open) for one in flow] == [(1, 5), (1, 6)]
    assert oldest_open_ms(LetterFilter()) == START
    (soon,) = expiring_letters(LetterFilter(), (HOUR,), kept_s=3600, now_ms=START + HOUR + 1)
    assert (soon.letters, soon.whole) == (2, True)
    first = list_dead_letters(LetterFilter(), limit=4)
    rest = list_dead_letters(LetterFilter(), limit=4, cursor=first.next)
    assert [one.major for one in (*first.letters, *rest.letters)] == [6, 5, 4, 3, 2, 1, 0]
    found = list_dead_letters(LetterFilter(text="NO STOCK"))
    assert [one.major for one in found.letters] == [3]


def test_moments_and_deploys(letters: list[DeadLetter]) -> None:
    beside = letters_beside(letters[3], within_ms=HOUR)
    assert sorted((one.fingerprint, one.letters) for one in beside.groups) == [("a", 1), ("b", 1)]
    assert (breakers_at(START), health_at(START, within_ms=HOUR)) == ([], [])
    for at in (START + 5, START):
        ServiceEvent.objects.create(kind="started", service="payment", version="2", at_ms=at)
    assert list_deploys() == [Deploy("payment", "2", START)]
