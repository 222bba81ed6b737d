"""Whatever arrives is stored or quarantined with the reason: never a crash, never a stall."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.envelopes.scan import object_members
from ingest.records import Flag, Message, Quarantined, Record
from tests.ingest.envelopes.factories import decoder, envelope, message, record
from tests.ingest.envelopes.test_celery import RECEIVED, SUCCEEDED, task_message
from tests.ingest.envelopes.test_faststream import binary
from tests.ingest.envelopes.test_masstransit import masstransit
from tests.ingest.envelopes.test_nservicebus import HEADERS

FRAME = b'{"eventId":"evt_1","eventType":"ODD","payload":%s,"metadata":{"source":"shop","correlationId":"corr_1"}}'
DEEP = b"[" * 100_000 + b"]" * 100_000


@pytest.mark.parametrize(
    "payload",
    [
        b'{"a":"\\u0000"}',
        b'{"a":"\x00"}',
        b'{"a":"\\ud800"}',
        b'{"\\udfff":1}',
        b'{"a":"\xff\xfe"}',
        b'{"a":NaN,"b":Infinity,"c":-Infinity}',
        b'{"a":1e999}',
        b'{"a":123456789012345678901234567890123}',
        b'{"a":1,"a":2}',
        DEEP,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
        b"null",
        b'"text"',
        b"[]",
    ],
    ids=lambda payload: payload[:20].decode("latin-1"),
)
def test_odd_payload_keeps_ids_and_every_byte(payload: bytes) -> None:
    body = FRAME % payload

    made = record(body)

    assert (made.event_id, made.event_type, made.source) == ("evt_1", "ODD", "shop")
    assert (made.correlation_id, made.body) == ("corr_1", body)


def test_what_no_database_can_hold_never_gets_into_an_id() -> None:
    odd = b'{"eventId":"a\\u0000\\ud800\\udc00","eventType":"\\udfff","payload":{"orderId":"\\u0000"},"metadata":{"source":"\xff","correlationId":"\\ud83d"}}'

    made = record(odd)

    for text in (made.event_id, made.event_type, made.source, made.correlation_id, *made.keys):
        assert "\0" not in text
        text.encode()


def test_byte_order_mark_is_passed_over() -> None:
    assert record(b"\xef\xbb\xbf" + json.dumps(envelope()).encode()).event_id == "evt_123456"


def test_ten_megabytes_are_truncated_by_rule_with_ids_and_size_kept() -> None:
    body = json.dumps(envelope(payload={"orderId": "ORD_1", "blob": "\x01x" * 2_500_000})).encode()

    made = record(body)

    assert made.flags & Flag.TRUNCATED
    assert (made.size, len(made.body) <= 1 << 20) == (len(body), True)
    assert len(made.body) > 1 << 19
    again = record(made.body)
    for name in ("event_id", "event_type", "source", "occurred_ms", "correlation_id", "keys"):
        assert getattr(again, name) == getattr(made, name)
    payload = json.loads(made.body)["payload"]
    assert payload["$size"] == len(body)
    assert body.decode().startswith(payload["$truncated"])


def test_truncated_bytes_that_are_no_text_stay_within_the_limit() -> None:
    made = record(b"\xff" * 3_000_000, (":field", "data"))

    assert len(made.body) <= 1 << 20
    assert made.size == 3_000_000


@pytest.mark.parametrize(
    "body",
    [
        FRAME % (b"[" + b"{}," * 3_000_000 + b"{}]"),
        FRAME % (b'"' + b"\\\\" * 4_000_000 + b'"'),
        b"{" * 2_000_000,
        b'"' * 2_000_001,
        b'{"a":' + b" " * 10_000_000 + b"1}",
        b'{"eventType":"' + b"x" * 9_000_000 + b'","x":NaN}',
    ],
    ids=["items", "escapes", "open", "quotes", "spaces", "type"],
)
def test_hostile_bodies_cost_no_more_than_a_moment(body: bytes) -> None:
    began = time.thread_time()
    made = decoder().decode(message(body), "t")

    assert time.thread_time() - began < 3
    assert len(made.body) <= 1 << 20
    assert made.size == len(body)


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_make_it_raise(body: bytes) -> None:
    assert isinstance(decoder().decode(message(body), "t"), Record | Quarantined)


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_no_broken_envelope_makes_it_raise(data: st.DataObject) -> None:
    whole = json.dumps(envelope()).encode()
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 5))
    broken = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + cut :]

    made = decoder().decode(message(broken), "t")

    assert isinstance(made, Record | Quarantined)
    assert made.body == broken


FOREIGN = [
    json.dumps(masstransit()).encode(),
    binary(b'{"card":"4111"}'),
    json.dumps(SUCCEEDED).encode(),
    json.dumps([RECEIVED, SUCCEEDED]).encode(),
    json.dumps(task_message()).encode(),
]


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(FOREIGN), st.booleans(), st.data())
def test_no_broken_foreign_envelope_makes_it_raise(
    whole: bytes, private: bool, data: st.DataObject
) -> None:
    at = data.draw(st.integers(0, len(whole)))
    cut = data.draw(st.integers(0, 40))
    broken = whole[:at] + data.draw(st.binary(max_size=4)) + whole[at + cut :]
    using = decoder(redact=("payload.card", "header:tenant") if private else ())

    made = using.decode(message(broken, *HEADERS.items()), "t")

    assert isinstance(made, Record | Quarantined)
    assert private or made.body == broken


@pytest.mark.parametrize("whole", FOREIGN)
def test_large_foreign_bodies_are_truncated_with_their_ids_kept(whole: bytes) -> None:
    padded = whole + b" " * 2_000_000
    made, small = record(padded, (":field", "data")), record(whole, (":field", "data"))

    assert made.flags & Flag.TRUNCATED
    assert (made.size, len(made.body) <= 1 << 20) == (len(padded), True)
    assert (made.event_id, made.event_type) == (small.event_id, small.event_type)
    assert (made.correlation_id, made.detail) == (small.correlation_id, small.detail)


json_text = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
)


@given(st.dictionaries(st.text(), json_text, max_size=6), st.sampled_from([None, 2]))
def test_forgiving_reader_finds_what_the_strict_one_finds(
    value: dict[str, object], indent: int | None
) -> None:
    body = json.dumps(value, indent=indent).encode()

    spans = object_members(body)

    assert spans is not None
    assert {name: json.loads(body[start:end]) for name, (start, end) in spans.items()} == value


# -- privacy


def test_redacted_values_are_gone_and_everything_else_is_untouched() -> None:
    body = b'{ "eventId":"e", "eventType":"T", "payload":{"card":{"number":"4111"},"orderId":"O1", "people":[{"name":"A"},{"name":"B"}]} }'
    using = decoder(redact=("payload.card.number", "payload.people.name"))

    made = record(body, using=using)

    assert made.body == body.replace(b'"4111"', b'"[redacted]"').replace(
        b'"A"', b'"[redacted]"'
    ).replace(b'"B"', b'"[redacted]"')
    assert made.flags & Flag.REDACTED
    assert (made.size, made.keys) == (len(body), ("O1",))


def test_redacted_paths_are_not_searchable() -> None:
    using = decoder(redact=("payload.customerId",))

    made = record(envelope(), using=using)

    assert made.keys == ("ORD_789",)
    assert b"CUST_456" not in made.body


def test_escaped_name_does_not_hide_a_value_from_redaction() -> None:
    body = b'{"eventId":"e","eventType":"T","payload":{"c\\u0061rd":"4111"}}'

    assert b"4111" not in record(body, using=decoder(redact=("payload.card",))).body


def test_dead_letters_original_is_redacted_too() -> None:
    inner = envelope(payload={"card": "4111"})
    body = envelope(eventType="DeadLettered", payload={"event": inner, "error": {"message": "m"}})
    made = record(body, using=decoder(redact=("payload.card",)), dead_letters=True)

    assert b"4111" not in made.body
    assert b"4111" not in bytes(made.detail.event)  # type: ignore[attr-defined]


def test_unreadable_body_is_withheld_when_something_must_be_redacted() -> None:
    using = decoder(redact=("payload.card",))
    made = using.decode(message(b'{"payload":{"card":"4111"'), "t", dead_letters=True)

    assert isinstance(made, Quarantined)
    assert made.body == b""


def test_poison_among_good_messages_costs_next_to_nothing() -> None:
    """A thousand in a million: decoding all anew for each would cost twice and more. Processor time, the
    best of several turns, taken in turn as others run beside; the figure itself is in docs/performance.md."""
    good = [message(envelope(eventId=f"e{number}"), minor=number) for number in range(10_000)]
    poisoned = [message(b"\xffpoison") if n % 1000 == 0 else one for n, one in enumerate(good)]
    using = decoder()

    def cost(messages: list[Message]) -> float:
        began = time.thread_time()
        using.decode_all(messages, "t")
        return time.thread_time() - began

    costs = [(cost(poisoned), cost(good)) for _ in range(15)]

    assert min(one for one, _ in costs) < 1.5 * min(one for _, one in costs)


@pytest.mark.parametrize("marks", [1, 3])
def test_a_byte_order_mark_is_read_over_and_kept(marks: int) -> None:
    whole = b"\xef\xbb\xbf" * marks + json.dumps(envelope()).encode()

    made = decoder().decode(message(whole), "t")

    assert isinstance(made, Record)
    assert (made.body, made.size) == (whole, len(whole))
    assert made.event_id == envelope()["eventId"]


def test_marks_before_nothing_are_quarantined_or_kept_never_an_error() -> None:
    whole = b"\xef\xbb\xbf" * 100_000

    made = decoder().decode(message(whole), "t")

    assert made.body == whole
