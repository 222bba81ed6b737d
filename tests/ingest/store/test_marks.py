from __future__ import annotations

import json
from typing import Any

import pytest

from eventscope.stamps import format_ms
from ingest.envelopes import decode
from ingest.records import Message, Position, Record
from ingest.store.keys import HASH_BITS
from ingest.store.marks import (
    ENDS,
    SECONDS,
    by_consumer,
    by_end,
    by_longest,
    by_type,
    longer_than,
    mark,
    marks_of,
    quick_range,
    told_range,
)

NOW = 1_795_600_010_000
SECOND = NOW // 1000


def record(
    payload: dict[str, Any], kind: str = "ProcessingReceipts", at: int | None = None
) -> Record:
    body = {"eventId": "m", "eventType": kind, "payload": payload}
    if at is not None:
        body["timestamp"] = format_ms(at)
    made = decode(Message(Position(NOW, 0), NOW, None, json.dumps(body).encode()), "t")
    assert isinstance(made, Record)
    return made


def told(**fields: Any) -> dict[str, Any]:
    return {
        "eventId": "e",
        "eventType": "A",
        "consumer": "mail",
        "outcome": "success",
        "durationMs": 10,
        "offset": f"{NOW - 3000}-0",
        **fields,
    }


NAMES = [
    *(by_end(end) for end in ENDS),
    *(by_consumer(who, end) for who in ("mail", "b") for end in ("", *ENDS)),
    *(by_type("A", end) for end in ENDS),
    *longer_than(-1),
]


def names(marks: set[int], second: int) -> set[str]:
    """What is marked in one second."""
    return {name for name in NAMES if mark(name, second) in marks}


def test_receipt_is_marked_in_the_second_of_its_event() -> None:
    marks = marks_of(record({"receipts": [told()]}), dead_letter=False)

    expected = [by_end("delivered"), by_consumer("mail"), by_longest(10)]
    assert marks == {mark(name, SECOND - 3) for name in expected}


def test_marks_of_a_name_follow_each_other_as_their_seconds_do() -> None:
    name, began = by_end("failed"), SECOND - SECOND % SECONDS

    assert [mark(name, began + second) - mark(name, began) for second in (1, 2, SECONDS - 1)] == [
        1,
        2,
        SECONDS - 1,
    ]
    assert mark(name, began + SECONDS) == mark(name, began)
    assert all(0 <= mark(name, SECOND) < 1 << HASH_BITS for name in NAMES)


def test_what_went_wrong_is_marked_by_type_and_consumer_too() -> None:
    marks = marks_of(record({"receipts": [told(outcome="failed")]}), dead_letter=False)

    assert {by_type("A", "failed"), by_consumer("mail", "failed")} <= names(marks, SECOND - 3)


def test_success_that_took_several_attempts_is_retried() -> None:
    marks = marks_of(record({"receipts": [told(attempt=2)]}), dead_letter=False)
    assert by_end("retried") in names(marks, SECOND - 3)


@pytest.mark.parametrize(
    ("fields", "seconds"),
    [
        ({"offset": "17", "producedAt": NOW - 9_200}, [SECOND - 10, SECOND - 9]),
        ({"offset": ""}, range(SECOND - 5, SECOND + 1)),
        ({"offset": "9999999999999-0"}, range(SECOND - 5, SECOND + 1)),
    ],
)
def test_time_that_is_not_exact_is_marked_wherever_the_event_may_be(
    fields: dict[str, Any], seconds: list[int]
) -> None:
    marks = marks_of(record({"receipts": [told(**fields)]}), dead_letter=False)

    marked = [second for second in range(SECOND - 20, SECOND + 20) if names(marks, second)]
    assert marked == list(seconds)


@pytest.mark.parametrize("took", [0, 0.4, 1, 15, 16, 500, 65_536, 10**12])
@pytest.mark.parametrize("over", [0, 1, 15, 100, 499.9, 10**9])
def test_longer_handling_is_found_by_some_class(took: float, over: float) -> None:
    assert took <= over or by_longest(took) in longer_than(over)


def test_only_the_longest_handling_of_a_second_is_marked() -> None:
    both = [told(durationMs=5), told(durationMs=900, consumer="b")]
    marked = names(marks_of(record({"receipts": both}), dead_letter=False), SECOND - 3)

    assert by_longest(900) in marked
    assert by_longest(5) not in marked


@pytest.mark.parametrize(
    "event", [{"eventId": "e", "eventType": "A"}, '{"eventId": "e", "eventType": "A"}']
)
def test_letter_is_marked_at_the_time_of_its_original(event: object) -> None:
    letter = {"event": event, "consumer": "mail"}
    marks = marks_of(record(letter, "DeadLettered", at=NOW - 60_000), dead_letter=False)

    assert names(marks, SECOND - 60) == {
        by_end("dead_lettered"),
        by_type("A", "dead_lettered"),
        by_consumer("mail"),
        by_consumer("mail", "dead_lettered"),
        by_longest(0),
    }


def test_plain_event_has_no_marks() -> None:
    assert marks_of(record({}, "ORDER_CREATED"), dead_letter=False) == set()


@pytest.mark.parametrize(
    ("receipts", "span"),
    [
        ([told()], (NOW - 3000, NOW - 3000)),
        ([told(), told(offset=f"{NOW}-7"), told()], (NOW - 3000, NOW)),
        ([told(offset=41, producedAt=NOW - 500)], (NOW - 500, NOW + 500)),
        ([told(), told(offset=41, producedAt=format_ms(NOW))], (NOW - 3000, NOW + 1000)),
        ([told(), told(offset="")], (NOW - 5000, NOW)),
        ([told(), told(offset=f"{'9' * 13}-0")], (NOW - 5000, NOW)),
        ([told(), told(offset="not-a-time-at-all")], (NOW - 5000, NOW)),
    ],
)
def test_range_of_what_a_message_tells_is_read_without_the_rest_of_it(
    receipts: list[dict[str, Any]], span: tuple[int, int]
) -> None:
    made = record({"receipts": receipts})
    assert told_range(made, dead_letter=False) == span
    assert quick_range(made.body, made.appended_ms) == span


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"[]", b'{"data":{"receipts":[]}}', b'{"payload":{"receipts":[{"offset":[]}]}}'],
)
def test_what_is_no_native_message_of_receipts_has_no_quick_range(body: bytes) -> None:
    assert quick_range(body, NOW) is None
