"""A chunk of messages is read as each of them alone would be, in order, whatever stands between."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.records import Message, Quarantined, Record
from tests.ingest.envelopes.factories import decoder, envelope, message

RECEIPT = {"eventId": "evt_1", "consumer": "stock", "outcome": "success"}
BODIES = {
    "plain": envelope(),
    "traced": envelope(metadata={"traceparent": f"00-{'a' * 32}-{'b' * 16}-01"}),
    "without a time": envelope(timestamp=None),
    "with a time that is none": envelope(timestamp="yesterday"),
    "without payload": envelope(payload=None),
    "with a number to search by": envelope(payload={"orderId": 17, "customerId": ""}),
    "system": envelope(eventType="ProcessingReceipts", payload={"receipts": [RECEIPT]}),
    "with a NUL": envelope(eventId="evt\0x"),
    "with an escape": envelope(eventId='evt"x'),
    "large": envelope(payload={"note": "x" * 5000}),
    "cloud event": {"specversion": "1.0", "id": "c1", "type": "T", "source": "/s"},
    "poison": b"\xffpoison",
    "not an object": b"[1]",
    "empty": b"",
}


def chunk(names: list[str]) -> list[Message]:
    return [message(BODIES[name], minor=number) for number, name in enumerate(names)]


@given(st.lists(st.sampled_from(sorted(BODIES)), max_size=50))
def test_a_chunk_is_decoded_as_one_by_one(names: list[str]) -> None:
    using, messages = decoder(body_bytes=4096), chunk(names)
    alone = [using.decode(one, "orders-topic") for one in messages]

    records, quarantined = using.decode_all(messages, "orders-topic")

    assert records == [made for made in alone if isinstance(made, Record)]
    assert quarantined == [made for made in alone if isinstance(made, Quarantined)]


def test_headers_of_one_message_do_not_change_the_others() -> None:
    messages = [*chunk(["plain"] * 3), message(envelope(), ("tenant", "acme"), key=b"k")]

    records, _ = decoder().decode_all(messages, "orders-topic")

    assert [bool(record.headers) for record in records] == [False, False, False, True]


@pytest.mark.parametrize("place", [0, 250, 499])
def test_poison_is_found_where_it_stands_among_hundreds(place: int) -> None:
    names = ["plain"] * 500
    names[place] = "poison"

    records, quarantined = decoder().decode_all(chunk(names), "orders-topic")

    assert [item.position.minor for item in quarantined] == [place]
    assert [record.position.minor for record in records] == [
        number for number in range(500) if number != place
    ]
