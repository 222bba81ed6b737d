"""What somebody may type, and the event that it makes."""

from __future__ import annotations

import json
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.recovery.editing import (
    Edited,
    JsonError,
    edited_event,
    headers_text,
    parse_json,
    pretty,
    read_headers,
)
from dashboard.recovery.identity import put_at, value_at
from dashboard.recovery.selection import SelectionError

NATIVE: dict[str, Any] = {
    "eventId": "evt_1",
    "eventType": "ORDER_CREATED",
    "timestamp": "2026-11-24T10:00:00Z",
    "payload": {"total": 1},
    "metadata": {"source": "orders", "correlationId": "corr_1"},
}
CLOUD: dict[str, Any] = {
    "specversion": "1.0",
    "id": "a",
    "type": "order.created",
    "source": "/orders",
    "data": {"total": 1},
}
MOST = 1024 * 1024
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=8,
)


def edit(original: dict[str, Any], text: str | dict[str, Any], most: int = MOST) -> Edited:
    typed = text if isinstance(text, str) else json.dumps(text)
    return edited_event(
        json.dumps(original).encode(),
        typed,
        letter=7,
        event_id="evt_new",
        correlation_id="corr_1",
        most=most,
    )


def test_an_edited_native_event_is_a_new_one_caused_by_the_old() -> None:
    edited = edit(NATIVE, {**NATIVE, "payload": {"total": 2}})

    assert json.loads(edited.body) == {
        **NATIVE,
        "eventId": "evt_new",
        "payload": {"total": 2},
        "metadata": {"source": "orders", "correlationId": "corr_1", "causationId": "evt_1"},
    }
    assert (edited.letter, edited.event_id, edited.event_type) == (7, "evt_new", "ORDER_CREATED")


def test_an_edited_cloud_event_too() -> None:
    edited = edit(CLOUD, {**CLOUD, "data": {"total": 2}})

    told = json.loads(edited.body)
    assert (told["id"], told["causationid"], told["correlationid"]) == ("evt_new", "a", "corr_1")
    assert told["data"] == {"total": 2}


def test_numbers_keep_their_digits() -> None:
    text = json.dumps(NATIVE).replace('"total": 1', '"total": 1.10, "big": 12345678901234567890123')
    body = edit(NATIVE, text).body
    assert b'"total":1.10,"big":12345678901234567890123' in body
    assert '"total": 1.10' in pretty(body)


@pytest.mark.parametrize(
    ("changed", "place"),
    [
        ({"eventId": "evt_2"}, "eventId"),
        ({"eventId": None}, "eventId"),
        ({"metadata": {"correlationId": "other"}}, "metadata.correlationId"),
        ({"metadata": {"correlationId": "corr_1", "causationId": "x"}}, "metadata.causationId"),
        ({"metadata": {"correlationId": "corr_1", "redrive": {}}}, "metadata.redrive"),
        ({"metadata": []}, "metadata.correlationId"),
    ],
)
def test_a_changed_identity_is_refused_by_name(changed: dict[str, Any], place: str) -> None:
    with pytest.raises(SelectionError, match="cannot be changed") as caught:
        edit(NATIVE, {**NATIVE, **changed})
    assert caught.value.place == place


def test_an_event_without_a_type_is_refused() -> None:
    with pytest.raises(SelectionError, match="eventType: must be a text"):
        edit(NATIVE, {**NATIVE, "eventType": " "})


@pytest.mark.parametrize(
    ("text", "line", "column", "said"),
    [
        ('{\n  "a": 1,\n}', 3, 1, "expecting property name"),
        ('{"a": "b\0c"}', 1, 9, "invalid control character"),
        ("", 1, 1, "expecting value"),
        ('{"a": 1} x', 1, 10, "extra data"),
        ('{"a": NaN}', 0, 0, "NaN is no JSON"),
        ('{"a": 1, "b": 2, "a": 3}', 0, 0, "'a' stands twice"),
        ('{"a": ' + "9" * 5000 + "}", 0, 0, "exceeds the limit"),
        ("[" * 100_000, 0, 0, "nested too deeply"),
        ('"' + "x" * 50 + '"', 0, 0, "52 bytes, more than the 40"),
    ],
)
def test_bad_json_is_told_with_its_place(text: str, line: int, column: int, said: str) -> None:
    most = 40 if "52 bytes" in said else MOST
    with pytest.raises(JsonError) as caught:
        parse_json(text, most=most)
    assert said.lower() in caught.value.reason.lower()
    assert (caught.value.line, caught.value.column) == (line, column)


@given(st.text(max_size=60))
def test_no_text_is_answered_but_by_a_value_or_an_error(text: str) -> None:
    with suppress(JsonError):
        assert json.dumps(parse_json(text, most=MOST)) == json.dumps(json.loads(text))


@given(st.dictionaries(st.text(max_size=5), VALUES, max_size=4), VALUES)
def test_put_at_changes_only_what_it_is_told(value: dict[str, Any], new: Any) -> None:
    put = json.loads(put_at(json.dumps(value).encode(), ("m", "x"), json.dumps(new).encode()))

    assert value_at(put, ("m", "x")) == new
    assert {name: put[name] for name in put if name != "m"} == {
        name: value[name] for name in value if name != "m"
    }


PAIRS = [(b":key", b"k"), (b"tenant", b"7"), (b"blob", b"\xff"), (b"traceparent", b"00-a-b-01")]


def test_only_headers_that_are_text_and_no_identity_are_offered() -> None:
    assert headers_text(PAIRS) == "tenant: 7"
    assert read_headers("tenant: 8\n\nnew: a: b", PAIRS) == [
        (b":key", b"k"),
        (b"blob", b"\xff"),
        (b"traceparent", b"00-a-b-01"),
        (b"tenant", b"8"),
        (b"new", b"a: b"),
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("no colon", "line 1: expected `name: value`"),
        ("a: 1\n\u00e4: 2", "line 2: expected"),
        ("event: {}", "line 1: event cannot be set"),
        ("ce_id: x", "line 1: ce_id cannot be set"),
        ("Correlation-Id: x", "line 1: Correlation-Id cannot be set"),
        ("eventscope-redrive: {}", "cannot be set"),
        (f"a: {'x' * 9000}", "line 1: at most 8192"),
        ("\n".join(f"h{at}: 1" for at in range(101)), "101, more than 100"),
    ],
)
def test_a_bad_header_is_told_with_its_line(text: str, said: str) -> None:
    with pytest.raises(SelectionError) as caught:
        read_headers(text, [])
    assert said in caught.value.reason
