"""Walking by marks, on every store."""

from __future__ import annotations

import json
import random
from itertools import pairwise

import pytest

from ingest.records import Position, Record
from ingest.store import open_store
from ingest.store.base import Window
from ingest.store.marks import SECONDS, by_consumer, by_end
from ingest.system import Receipt, Receipts
from tests.ingest.store.factories import START, Filler, make_stream

pytestmark = pytest.mark.usefixtures("stores")

DAY_S = 86_400


def message(number: int, at_ms: int, seconds: list[int], outcome: str = "failed") -> Record:
    """Receipts, stored at ``at_ms``, of events that were appended at ``seconds`` after START."""
    told = [
        Receipt(f"e{second}", "mail", outcome, offset=f"{START + second * 1000}-0", duration_ms=1)
        for second in seconds
    ]
    body = {"eventId": f"m{number}", "eventType": "ProcessingReceipts", "seconds": seconds}
    return Record(
        Position(at_ms, number),
        at_ms,
        f"m{number}",
        "ProcessingReceipts",
        "kit",
        json.dumps(body).encode(),
        100,
        detail=Receipts(told),
    )


def walk(names: list[str], seconds: range, *, newest_first: bool, few: int) -> list[Window]:
    return list(
        open_store().walk(
            names,
            since_ms=START + seconds.start * 1000,
            until_ms=START + seconds.stop * 1000,
            newest_first=newest_first,
            few=few,
        )
    )


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("few", [1, 5, 500])
def test_windows_cover_the_range_in_order_and_hold_all_that_is_told(
    newest_first: bool, few: int
) -> None:
    chance, filler, stream = random.Random(few), Filler(), make_stream()
    dense = [chance.randrange(30) for _ in range(40)]
    seconds = dense + [chance.randrange(DAY_S) for _ in range(20)]
    for number, second in enumerate(seconds):
        late = chance.choice([0, DAY_S * 3000])
        filler.append((stream, [message(number, START + second * 1000 + late, [second])]))

    windows = walk([by_end("failed")], range(DAY_S), newest_first=newest_first, few=few)

    found = []
    for window in windows:
        for event in filler.store.read(window.places):
            found += json.loads(event.body)["seconds"]
            at_ms = START + found[-1] * 1000
            assert window.from_ms <= at_ms < window.until_ms
    assert sorted(found) == sorted(seconds)
    ordered = windows[::-1] if newest_first else windows
    assert all(a.until_ms == b.from_ms for a, b in pairwise(ordered))
    assert (ordered[0].from_ms, ordered[-1].until_ms) == (START, START + DAY_S * 1000)


def test_message_that_tells_of_two_times_is_in_both_windows_and_once_in_each() -> None:
    filler, stream = Filler(), make_stream()
    filler.append((stream, [message(1, START, [0, 0, 50_000])]))

    windows = walk([by_end("failed"), by_consumer("mail")], range(DAY_S), newest_first=True, few=1)

    assert [len(window.places) for window in windows if window.places] == [1, 1]


def test_places_of_a_time_where_the_count_of_seconds_begins_again_are_in_order() -> None:
    filler, stream = Filler(), make_stream()
    again_s = START // 1000 // SECONDS * SECONDS + SECONDS - START // 1000
    near = [again_s - 1, again_s, again_s + 1]
    for number, second in enumerate(near):
        filler.append((stream, [message(number, START + second * 1000, [second])]))

    windows = walk([by_end("failed")], range(near[0], near[-1] + 1), newest_first=True, few=1)

    assert [
        json.loads(event.body)["seconds"]
        for window in windows
        for event in filler.store.read(window.places)
    ] == [[near[2]], [near[1]], [near[0]]]


def test_second_with_more_marks_than_a_page_of_keys_is_read_whole() -> None:
    filler, stream = Filler(), make_stream()
    filler.append((stream, [message(number, START, [5]) for number in range(3000)]))

    windows = walk([by_end("failed")], range(10), newest_first=True, few=10)

    assert [len(window.places) for window in windows if window.places] == [3000]


def test_outcome_that_is_not_told_is_not_found() -> None:
    filler, stream = Filler(), make_stream()
    filler.append((stream, [message(1, START, [0], outcome="success")]))

    windows = walk([by_end("failed")], range(100), newest_first=True, few=1)

    assert [window.places for window in windows if window.places] == []
