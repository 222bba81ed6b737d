"""Dead letters: what becomes one, what it says, when it is resolved."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import msgspec
import pytest

from ingest.folds.dead_letters import letters_of, original_of, record_letters, resolves
from ingest.lineage import Lineage, with_lineage
from ingest.models import DeadLetter, Stream
from ingest.records import Record
from ingest.system import DeadLettered, ErrorInfo, HealthReport, Receipt
from tests.ingest.folds.factories import START, make_batch, make_receipt, make_record, make_ref

ORIGINAL = (
    b'{"eventId": "evt_7",  "eventType":"ORDER_CREATED","payload":{},'
    b'"metadata":{"source":"order-service","correlationId":"corr_9"}}'
)
DLQ = make_ref("failed-events", id=5, dead_letters=True)
LIMIT = 1 << 20


def native(event: bytes = ORIGINAL, **rest: object) -> Record:
    told = DeadLettered(
        event=msgspec.Raw(event),
        error=ErrorInfo("Refused", "order 7 refused", "trace"),
        consumer="payment",
        consumer_group="payments",
        attempts=3,
        original_topic="orders-topic",
        original_offset=f"{START - 500}-0",
        first_failed_at=START - 400,
        last_failed_at="2023-11-14T22:13:19.900Z",
    )
    for name, value in rest.items():
        setattr(told, name, value)
    return make_record(type="DeadLettered", source="payment", detail=told, event_id="evt_8")


def letter_of(record: Record, *, dead_letters: bool = True) -> DeadLetter:
    ref = DLQ._replace(dead_letters=dead_letters)
    (letter,) = letters_of(make_batch((ref, [record])), body_bytes=LIMIT)
    return letter


def test_a_native_letter_names_the_original() -> None:
    letter = letter_of(native())

    assert bytes(letter.event) == ORIGINAL
    assert (letter.event_id, letter.event_type) == ("evt_7", "ORDER_CREATED")
    assert (letter.source, letter.correlation_id) == ("order-service", "corr_9")
    assert (letter.consumer, letter.consumer_group, letter.attempts) == ("payment", "payments", 3)
    assert (letter.topic, letter.offset) == ("orders-topic", f"{START - 500}-0")
    assert (letter.first_failed_ms, letter.last_failed_ms) == (START - 400, START - 100)
    assert (letter.error_type, letter.error_message) == ("Refused", "order 7 refused")
    assert (letter.stream_id, letter.major, letter.received_ms) == (5, START, START)
    assert letter.size == len(ORIGINAL)
    assert letter.status == "open"
    assert len(letter.fingerprint) == 32


def test_a_native_letter_is_one_on_any_topic() -> None:
    assert letter_of(native(), dead_letters=False).event_id == "evt_7"


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        (
            b'{"specversion":"1.0","id":"ce-1","type":"order.made","source":"/shop","correlationid":"c"}',
            ("ce-1", "order.made", "/shop", "c"),
        ),
        (b'{"eventId": 17, "eventType": null}', ("17", "DeadLettered", "", "corr_1")),
        (b"[1, 2]", ("evt_8", "DeadLettered", "", "corr_1")),
        (b'"text"', ("evt_8", "DeadLettered", "", "corr_1")),
        (
            b'{"eventId": "e\\u0000v", "eventType": "T", "metadata": 3}',
            ("e\ufffdv", "T", "", "corr_1"),
        ),
        (
            b'{"eventId":17,"metadata":{"source":3,"correlationId":5}}',
            ("17", "DeadLettered", "3", "5"),
        ),
        (
            b'{"eventId":"a","eventType":"T","metadata":{"conversationId":"conv"}}',
            ("a", "T", "", "conv"),
        ),
        (
            b'{"eventId":"a","eventType":"T","metadata":{"traceparent":"00-'
            b'0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}}',
            ("a", "T", "", "0af7651916cd43dd8448eb211c80319c"),
        ),
    ],
)
def test_other_originals_are_named_as_far_as_they_say(
    event: bytes, expected: tuple[str, ...]
) -> None:
    letter = letter_of(native(event))

    assert (
        letter.event_id,
        letter.event_type,
        letter.source,
        letter.correlation_id,
    ) == expected
    assert bytes(letter.event) == event


def test_an_original_in_binary_cloudevents_is_named_by_its_headers() -> None:
    record = native(b'{"orderId": "ORD_1"}')
    told = {"specversion": "1.0", "id": "ce_1", "type": "T", "source": "/s", "correlationid": "c"}
    record.headers = msgspec.msgpack.encode(
        [(f"ce_{name}".encode(), value.encode()) for name, value in told.items()]
    )
    letter = letter_of(record)

    assert (letter.event_id, letter.event_type, letter.source) == ("ce_1", "T", "/s")
    assert letter.correlation_id == "c"


@pytest.mark.parametrize(
    ("raw", "encoding", "expected"),
    [
        (b'{"a":  1}', "", b'{"a":  1}'),
        (b'"not json at all"', "utf-8", b"not json at all"),
        (b'"' + base64.b64encode(b"\x00\xff\x01") + b'"', "base64", b"\x00\xff\x01"),
        (b'"***"', "base64", b'"***"'),
        (b"17", "utf-8", b"17"),
    ],
)
def test_an_original_that_is_not_json_comes_back_byte_for_byte(
    raw: bytes, encoding: str, expected: bytes
) -> None:
    told = DeadLettered(event=msgspec.Raw(raw), encoding=encoding)

    found = original_of(told)

    assert found == expected or (encoding == "base64" and raw == b'"***"' and found == b"")


def test_an_original_that_strict_json_refuses_is_named_too() -> None:
    odd = ORIGINAL.replace(b'"payload":{}', b'"payload":NaN')
    letter = letter_of(native(msgspec.json.encode(odd.decode()), encoding="utf-8"))

    assert bytes(letter.event) == odd
    assert (letter.event_id, letter.event_type) == ("evt_7", "ORDER_CREATED")
    assert (letter.source, letter.correlation_id) == ("order-service", "corr_9")


def test_a_bare_message_on_a_dead_letter_topic_is_a_letter() -> None:
    headers = msgspec.msgpack.encode([(b"kafka_dlt-exception-message", b"no stock")])

    letter = letter_of(make_record(body=ORIGINAL, headers=headers))

    assert bytes(letter.event) == ORIGINAL
    assert (letter.event_id, letter.event_type, letter.consumer) == ("evt_1", "ORDER_CREATED", "")
    assert (letter.error_message, bytes(letter.headers)) == ("no stock", headers)


def test_another_system_event_on_a_dead_letter_topic_is_a_letter_too() -> None:
    letter = letter_of(make_record(type="HealthCheck", detail=HealthReport("db", "down")))

    assert letter.event_type == "HealthCheck"


def test_ordinary_events_are_no_letters() -> None:
    assert letters_of(make_batch((make_ref(), [make_record()])), body_bytes=LIMIT) == []


def test_a_huge_original_is_cut_and_says_its_size() -> None:
    (letter,) = letters_of(make_batch((DLQ, [native(b'"' + b"x" * 5000 + b'"')])), body_bytes=1024)

    assert (len(letter.event), letter.size) == (1024, 5002)


@dataclass
class Case:
    """A success receipt against a letter of consumer payment, received at START."""

    receipt: Receipt
    expected: bool
    offset: str = f"{START - 500}-0"
    consumer: str = "payment"


LATER, EARLIER = f"{START + 900}-0", f"{START - 500}-0"


@pytest.mark.parametrize(
    "case",
    [
        Case(make_receipt(consumer="payment", offset=LATER), True),
        Case(make_receipt(consumer="payment", offset=EARLIER), False),
        Case(make_receipt(consumer="inventory", offset=LATER), False),
        Case(make_receipt(consumer="p2", consumer_group="payments", offset=LATER), True),
        Case(make_receipt(consumer="anyone", offset=LATER), True, consumer=""),
        Case(make_receipt(consumer="anyone", offset=EARLIER), False, consumer=""),
        Case(make_receipt(consumer="payment", offset=71), True, offset="70"),
        Case(make_receipt(consumer="payment", offset="70"), False, offset="70"),
        Case(make_receipt(consumer="payment", offset=71, topic="x"), False, offset="70"),
        Case(make_receipt(consumer="payment", started_at=START + 5), True, offset=""),
        Case(make_receipt(consumer="payment", started_at=START - 5), False, offset=""),
        Case(make_receipt(consumer="payment"), False, offset=""),
    ],
    ids=lambda case: f"{case.receipt.consumer}-{case.receipt.offset}-{case.expected}",
)
def test_only_a_later_success_of_the_same_consumer_resolves(case: Case) -> None:
    letter = DeadLetter(
        consumer=case.consumer,
        consumer_group="payments" if case.consumer else "",
        topic="orders-topic",
        offset=case.offset,
        received_ms=START,
    )

    assert resolves(case.receipt, letter) is case.expected


def put_back(attempt: int) -> bytes:
    lineage = Lineage(id=f"rd_{attempt}", attempt=attempt, by="ada", at="2026-11-25T10:00:00Z")
    return with_lineage(ORIGINAL, (), lineage).body


def test_a_letter_knows_how_often_its_event_had_been_put_back() -> None:
    assert [letter_of(native(event)).redrives for event in (ORIGINAL, put_back(3))] == [0, 3]


@pytest.mark.django_db(databases=["default", "events"])
def test_an_event_that_fails_again_has_one_open_letter() -> None:
    stream = Stream.objects.create(broker="main", topic="failed-events", dead_letters=True)
    ref = DLQ._replace(id=stream.pk)
    other = native()
    assert isinstance(other.detail, DeadLettered)
    other.detail.consumer = "shipping"

    record_letters(make_batch((ref, [native(), moved(other, 1)])))
    record_letters(make_batch((ref, [moved(native(put_back(1)), 2)])))
    record_letters(
        make_batch((ref, [moved(native(put_back(2)), 3), moved(native(put_back(3)), 4)]))
    )

    found = DeadLetter.objects.order_by("minor").values_list("consumer", "redrives", "status")
    assert list(found) == [
        ("payment", 0, "superseded"),
        ("shipping", 0, "open"),
        ("payment", 1, "superseded"),
        ("payment", 2, "superseded"),
        ("payment", 3, "open"),
    ]


def moved(record: Record, minor: int) -> Record:
    record.position = record.position._replace(minor=record.position.minor + minor)
    return record
