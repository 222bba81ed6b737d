from __future__ import annotations

import json
import random
from collections.abc import Callable

import pytest

from ingest.envelopes import decode
from ingest.queries.telling import Candidate, Message, chunks_of, told_in_order
from ingest.queries.wanted import Wanted
from ingest.records import Message as Stored
from ingest.records import Position, Record
from ingest.store.marks import Told, told_range

NOW = 1_795_600_000_000
WINDOW = range(NOW, NOW + 60_000)
ANY = Wanted(lambda event_type, consumer: True)


class Opened:
    """Messages whose being opened is counted."""

    def __init__(self, records: list[Record]) -> None:
        self.count = 0
        self._records = records

    def messages(self) -> list[Message]:
        return [
            Message(*span, self._opener(record))
            for record in self._records
            if (span := told_range(record, dead_letter=True)) is not None
        ]

    def _opener(self, record: Record) -> Callable[[], Record]:
        def opened() -> Record:
            self.count += 1
            return record

        return opened


def message(number: int, receipts: list[dict[str, object]]) -> Record:
    body = {
        "eventId": f"m{number}",
        "eventType": "ProcessingReceipts",
        "payload": {"receipts": receipts},
    }
    made = decode(Stored(Position(NOW, number), NOW, None, json.dumps(body).encode()), "t")
    assert isinstance(made, Record)
    return made


def told(event_id: str, at_ms: int, *, exact: bool = True) -> dict[str, object]:
    when = {"offset": f"{at_ms}-0"} if exact else {"producedAt": at_ms}
    return {"eventId": event_id, "eventType": "A", "consumer": "c", "outcome": "success", **when}


def busy_second(messages: int, each: int) -> list[Record]:
    """Messages in any order; each tells of ``each`` events, one a millisecond, of its own stretch."""
    made = [
        message(n, [told(f"e{n * each + i}", NOW + n * each + i) for i in range(each)])
        for n in range(messages)
    ]
    random.Random(1).shuffle(made)
    return made


def spans(record: Record) -> list[tuple[str, int, int]]:
    def span(one: Told) -> tuple[str, int, int]:
        return one.event_id, one.from_ms, one.until_ms

    return [span(one) for one in ANY.told_by(record, dead_letter=True)]


@pytest.mark.parametrize("newest_first", [True, False])
def test_a_few_events_of_a_busy_second_open_a_few_of_its_messages(newest_first: bool) -> None:
    opened = Opened(busy_second(messages=40, each=25))

    candidates = told_in_order(opened.messages(), ANY, WINDOW, newest_first=newest_first)
    first = next(chunks_of(candidates, 60, newest_first=newest_first))

    numbers = range(999, 939, -1) if newest_first else range(60)
    assert [candidate.event_id for candidate in first] == [f"e{number}" for number in numbers]
    assert opened.count <= 4


@pytest.mark.parametrize("newest_first", [True, False])
@pytest.mark.parametrize("seed", range(20))
def test_candidates_come_in_order_each_once_whatever_message_tells_of_them(
    seed: int, newest_first: bool
) -> None:
    chance = random.Random(seed)
    records = [
        message(
            n,
            [
                told(
                    f"e{chance.randrange(30)}",
                    NOW + chance.randrange(-2000, 62_000),
                    exact=chance.random() < 0.7,
                )
                for _ in range(chance.randrange(1, 9))
            ],
        )
        for n in range(12)
    ]

    found = list(told_in_order(Opened(records).messages(), ANY, WINDOW, newest_first=newest_first))

    within = {
        span
        for record in records
        for span in spans(record)
        if span[1] < WINDOW.stop and span[2] >= WINDOW.start
    }
    assert {candidate.event_id for candidate in found} == {event_id for event_id, _, _ in within}
    assert len(found) == len({candidate.event_id for candidate in found})
    ends = [-one.until_ms if newest_first else one.from_ms for one in found]
    assert ends == sorted(ends)


def test_a_message_that_cannot_be_read_any_more_tells_of_nothing() -> None:
    gone = Message(NOW, NOW + 5, lambda: None)
    readable = Opened([message(0, [told("e", NOW)])]).messages()

    found = list(told_in_order([gone, *readable], ANY, WINDOW, newest_first=True))

    assert found == [Candidate("e", "A", NOW, NOW)]
