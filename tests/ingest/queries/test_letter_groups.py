"""Failures that are alike, from the counts: order, statuses, times, merging, fill and drain."""

from __future__ import annotations

from typing import Any

import pytest
from django.db.models import QuerySet
from pytest_django import DjangoAssertNumQueries

from ingest.models import DeadLetter, LetterHour, Stream
from ingest.queries import letter_cells, letter_flows, letters
from ingest.queries import letter_groups as groups
from ingest.queries.letter_ages import expiring_letters, oldest_open_ms
from ingest.queries.letters import LetterFilter, list_dead_letters, neighbours_of

pytestmark = pytest.mark.django_db(databases=["default", "events"])

HOUR = 3_600_000
START = 1_800_000_000_000 // HOUR * HOUR


@pytest.fixture
def stream() -> Stream:
    return Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)


def make_letter(stream: Stream, number: int, **given: Any) -> DeadLetter:
    values: dict[str, Any] = {
        "received_ms": START + number,
        "event_id": f"evt_{number}",
        "event_type": "ORDER_CREATED",
        "consumer": "payment",
        "error_type": "Refused",
        "error_message": f"no {number}",
        "topic": "orders-topic",
        "fingerprint": "few",
        "event": b"{}",
        **given,
    }
    return DeadLetter.objects.create(stream=stream, major=number, minor=0, **values)


def told(found: list[groups.LetterGroup]) -> list[tuple[str, int, int]]:
    return [(group.key, group.open, group.count) for group in found]


def test_groups_are_by_fingerprint_the_most_open_first(stream: Stream) -> None:
    for number in range(3):
        make_letter(stream, number)
    for number in range(3, 8):
        make_letter(stream, number, fingerprint="many", consumer=f"c{number % 2}")
    make_letter(stream, 8, status="resolved")

    many, few = groups.letter_groups(LetterFilter())

    assert told([many, few]) == [("many", 5, 5), ("few", 3, 4)]
    assert (few.first_ms, few.last_ms, few.counts["resolved"]) == (START, START + 8, 1)
    assert (many.consumers, many.newest and many.newest.error_message) == (2, "no 7")


@pytest.mark.parametrize(
    ("by", "keys"),
    [
        ("failure", ["many", "few"]),
        ("type", ["ORDER_CREATED", "B"]),
        ("consumer", ["payment", "shipping"]),
        ("topic", ["orders-topic"]),
        ("error", ["Refused", "Timeout"]),
    ],
)
def test_groupings(stream: Stream, by: str, keys: list[str]) -> None:
    make_letter(stream, 1)
    for number in (2, 3):
        make_letter(stream, number, fingerprint="many")
    make_letter(
        stream, 4, fingerprint="many", event_type="B", consumer="shipping", error_type="Timeout"
    )
    assert [group.key for group in groups.letter_groups(LetterFilter(), by=by)] == keys


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        (LetterFilter(statuses=("open",)), ["a"]),
        (LetterFilter(statuses=("resolved",)), ["b"]),
        (LetterFilter(types=("B",)), ["b"]),
        (LetterFilter(since_ms=START + 5), ["b"]),
        (LetterFilter(fingerprints=("a", "x")), ["a"]),
        (LetterFilter(consumers=("nobody",)), []),
    ],
)
def test_filters_of_groups(stream: Stream, where: LetterFilter, expected: list[str]) -> None:
    make_letter(stream, 1, fingerprint="a")
    make_letter(stream, 9, fingerprint="b", event_type="B", status="resolved")
    assert [group.key for group in groups.letter_groups(where)] == expected


def test_merged_failures_count_together(stream: Stream) -> None:
    for number, name in enumerate(("a", "b", "c", "c")):
        make_letter(stream, number, fingerprint=name)
    aliases = {"a": "b", "x": "b"}

    merged = groups.letter_groups(LetterFilter(), aliases=aliases)

    assert told(merged) == [("c", 2, 2), ("b", 2, 2)]
    assert letter_cells.members_of("b", aliases) == ("b", "a", "x")
    trends = letter_flows.letter_trends(["b"], aliases=aliases, until_ms=START, steps=2)
    assert trends == {"b": [0, 2]}


def test_only_what_was_first_seen_since_a_deploy(stream: Stream) -> None:
    make_letter(stream, 1, fingerprint="old")
    make_letter(stream, 100, fingerprint="old")
    make_letter(stream, 101, fingerprint="new")
    found = groups.letter_groups(LetterFilter(), first_since_ms=START + 50)
    assert [group.key for group in found] == ["new"]


def test_cells_beyond_the_bound_are_those_that_were_quiet_longest(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(letter_cells, "MOST_CELLS", 5)
    for number in range(9):
        make_letter(stream, number, fingerprint=f"f{number}")
    found = groups.letter_groups(LetterFilter())
    assert sorted(group.key for group in found) == ["f4", "f5", "f6", "f7", "f8"]


def test_facets_are_names_with_how_many_are_open(stream: Stream) -> None:
    make_letter(stream, 1)
    make_letter(stream, 2, status="discarded", event_type="B", consumer="", error_type="")
    facets = groups.letter_facets()
    assert facets.types == [("ORDER_CREATED", 1), ("B", 0)]
    assert (facets.consumers, facets.error_types) == ([("payment", 1)], [("Refused", 1)])


def test_fill_and_drain_reckon_back_to_what_was_open(stream: Stream) -> None:
    for number in range(4):
        make_letter(stream, number, received_ms=START - HOUR + number)
    make_letter(stream, 5, received_ms=START)
    DeadLetter.objects.filter(major__lt=2).update(status="resolved")
    LetterHour.objects.filter(resolved=2).delete()
    LetterHour.objects.filter(hour_ms=START).update(resolved=2)

    before, now = letter_flows.letter_flow(LetterFilter(), until_ms=START + 5, steps=2)

    assert (before.arrived, before.drained, before.open) == (4, 0, 4)
    assert (now.arrived, now.resolved, now.open) == (1, 2, 3)


def test_what_expires_is_counted_up_to_a_bound(
    stream: Stream, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(5):
        make_letter(stream, number, received_ms=START + number * HOUR)
    make_letter(stream, 9, received_ms=START, status="resolved")
    kept_s, now = 86_400.0, START + 86_400_000

    found = expiring_letters(LetterFilter(), (1, 2 * HOUR), kept_s=kept_s, now_ms=now)
    assert found == [(1, 1, True), (2 * HOUR, 2, True)]
    assert oldest_open_ms(LetterFilter()) == START

    monkeypatch.setattr("ingest.queries.letter_ages.MOST_COUNTED", 1)
    found = expiring_letters(LetterFilter(), (1, 9 * HOUR), kept_s=kept_s, now_ms=now)
    assert found == [(1, 1, True), (9 * HOUR, 1, False)]


@pytest.mark.parametrize("text", ["needle", "NEEDLE", "evt_3"])
def test_text_is_looked_for_a_bounded_number_of_letters_at_a_time(
    stream: Stream, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setattr(letters, "MOST_SCANNED", 5)
    for number in range(12):
        make_letter(stream, number, error_stack="a needle here" if number == 3 else "hay")
    where = LetterFilter(text=text)
    pages, cursor = [], None
    for _ in range(9):
        page = list_dead_letters(where, cursor=cursor, limit=10)
        pages.append(([one.major for one in page.letters], page.scanned, page.complete))
        cursor = page.next
        if cursor is None:
            break
    assert pages == [([], 5, False), ([3], 5, False), ([], 2, True)]


def test_a_full_page_of_found_letters_goes_on_behind_its_last(stream: Stream) -> None:
    for number in range(5):
        make_letter(stream, number, error_message="needle" if number % 2 else "needles")
    first = list_dead_letters(LetterFilter(text="needle"), limit=2)
    second = list_dead_letters(LetterFilter(text="needle"), cursor=first.next, limit=2)
    assert [one.major for one in (*first.letters, *second.letters)] == [4, 3, 2, 1]
    assert (first.scanned, first.complete) == (2, True)


def test_neighbours_are_of_the_same_failure_and_status(stream: Stream) -> None:
    old, middle, new = (make_letter(stream, number) for number in (1, 3, 5))
    make_letter(stream, 2, fingerprint="other")
    make_letter(stream, 4, status="resolved")
    assert neighbours_of(middle, ("few",)) == (new, old)
    assert neighbours_of(new, ("few",)) == (None, middle)


@pytest.mark.parametrize("rows", [1, 30])
def test_groups_take_the_same_few_queries(
    rows: int, stream: Stream, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(rows):
        make_letter(stream, number, fingerprint=str(number))
    with django_assert_num_queries(4, using="events"):
        found = groups.letter_groups(LetterFilter())
        letter_flows.letter_trends([group.key for group in found], until_ms=START)
    assert len(found) == rows


def test_lists_and_groups_are_answered_by_indexes(stream: Stream) -> None:
    """A plan that sorts or scans the letters takes seconds when there are a million."""
    rows: list[QuerySet[DeadLetter]] = [
        letters.filter_dead_letters(LetterFilter(statuses=("open",), **named))
        for named in ({}, {"types": ("A",)}, {"consumers": ("a",)}, {"fingerprints": ("a",)})
    ]
    for found in rows:
        plan = found.order_by("-received_ms", "-id")[:50].explain()
        assert "SCAN ingest_deadletter" not in plan
        assert "TEMP B-TREE" not in plan
