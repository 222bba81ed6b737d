"""The lineage of a redriven event: put in without touching another byte, read back, overwritten."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.lineage import HEADER, Lineage, redrives_of, with_lineage

LINEAGE = Lineage(id="rd_7_31", attempt=2, by="ada", at="2026-11-25T10:00:00.000Z")
TOLD = json.loads('{"id":"rd_7_31","attempt":2,"by":"ada","at":"2026-11-25T10:00:00.000Z"}')
NATIVE = b'{ "eventId":"e1",  "eventType":"T","payload":{"a":1.50},"metadata": {"source":"s"} }'


def test_a_native_envelope_carries_it_in_its_metadata_and_keeps_every_other_byte() -> None:
    made = with_lineage(NATIVE, [(b"key", b"k")], LINEAGE)

    assert json.loads(made.body)["metadata"] == {"redrive": TOLD, "source": "s"}
    at = made.body.index(b'"redrive"')
    end = made.body.index(b'"source"')
    assert made.body[:at] + made.body[end:] == NATIVE
    assert made.headers == ((b"key", b"k"),)
    assert redrives_of(made.body, made.headers) == 2


def test_empty_metadata_get_no_stray_comma() -> None:
    made = with_lineage(b'{"eventId":"e","eventType":"T","metadata":{}}', (), LINEAGE)

    assert json.loads(made.body)["metadata"] == {"redrive": TOLD}


@pytest.mark.parametrize(
    "body",
    [
        b'{"eventId":"e","eventType":"T","payload":{"a":{"b":1}},"metadata":{"b":1}}',
        b'{"eventId":"e","eventType":"T","payload":{"source":"s"},"metadata":{"source":"s"}}',
        b'{"metadata":{"first":1},"eventId":"e","eventType":"T","metadata":{"last":1}}',
        b'{"payload":{ },"eventId":"e","eventType":"T","metadata":{ }}',
        b'{"eventId":"e","eventType":"T","payload":null,"metadata":{"redrive":null}}',
        b'{"eventId":"e","eventType":"T","payload":NaN,"metadata":{"source":"s"}}',
    ],
)
def test_it_stands_in_the_metadata_wherever_else_the_same_bytes_do(body: bytes) -> None:
    made = json.loads(with_lineage(body, (), LINEAGE).body)
    before = json.loads(body)

    assert made["metadata"].pop("redrive") == TOLD
    before["metadata"].pop("redrive", None)
    assert repr(made) == repr(before)


def test_a_second_redrive_takes_the_place_of_the_first() -> None:
    once = with_lineage(NATIVE, (), LINEAGE)
    twice = with_lineage(once.body, once.headers, Lineage("rd_8_40", 3, "bob", "now"))

    assert json.loads(twice.body)["metadata"]["redrive"]["id"] == "rd_8_40"
    assert redrives_of(twice.body, twice.headers) == 3


@pytest.mark.parametrize(
    "body",
    [b"", b"\x00\xff", b"[1]", b'{"specversion":"1.0","id":"1"}', b'{"eventId":1,"eventType":2}'],
)
def test_any_other_message_keeps_its_body_and_carries_it_as_a_header(body: bytes) -> None:
    made = with_lineage(body, [(HEADER, b"old"), (b"a", b"b")], LINEAGE)

    assert made.body == body
    assert made.headers[0] == (b"a", b"b")
    assert [name for name, _ in made.headers] == [b"a", HEADER]
    assert json.loads(made.headers[1][1]) == TOLD
    assert redrives_of(made.body, made.headers) == 2


@pytest.mark.parametrize(
    "told", [b"", b"no json", b'{"attempt":"x"}', b'{"attempt":-1}', b'{"attempt":1e9}', b"\xff"]
)
def test_a_lineage_that_cannot_be_read_counts_as_none(told: bytes) -> None:
    assert redrives_of(b"opaque", [(HEADER, told)]) == 0


@given(st.dictionaries(st.text(max_size=5), st.integers() | st.text(max_size=5), max_size=4))
def test_what_was_in_the_metadata_stays(metadata: dict[str, object]) -> None:
    body = json.dumps({"eventId": "e", "eventType": "T", "metadata": metadata}).encode()

    made = with_lineage(body, (), LINEAGE)

    assert json.loads(made.body)["metadata"] == {**metadata, "redrive": TOLD}
    assert made.headers == ()
