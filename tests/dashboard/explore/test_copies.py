from __future__ import annotations

import json
import shlex
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.explore.copies import curl_to_fetch, curl_to_publish, to_cloudevent
from ingest.envelopes import decode
from ingest.records import Message, Position, Quarantined

NATIVE: dict[str, Any] = {
    "eventId": "evt_1",
    "eventType": "ORDER_CREATED",
    "timestamp": "2024-04-03T10:00:00Z",
    "payload": {"orderId": "ORD_789"},
    "metadata": {
        "source": "order-service",
        "version": "1.0",
        "correlationId": "corr_1",
        "causationId": "cmd_1",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "redrive": {"attempt": 1},
        "id": "collides",
        "retries": 3,
        "huge": 2**40,
        "absent": None,
    },
}
word = st.text(st.characters(codec="utf-8", exclude_characters="\x00"), min_size=1, max_size=20)


def test_native_event_becomes_a_structured_cloudevent() -> None:
    assert to_cloudevent(NATIVE) == {
        "specversion": "1.0",
        "id": "evt_1",
        "type": "ORDER_CREATED",
        "source": "order-service",
        "time": "2024-04-03T10:00:00Z",
        "datacontenttype": "application/json",
        "data": {"orderId": "ORD_789"},
        "version": "1.0",
        "correlationid": "corr_1",
        "causationid": "cmd_1",
        "traceparent": "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01",
        "redrive": '{"attempt":1}',
        "metaid": "collides",
        "retries": 3,
        "huge": "1099511627776",
    }


def test_event_without_metadata_or_a_real_time_is_still_valid() -> None:
    event = to_cloudevent({"eventId": "a", "eventType": "T", "timestamp": 12, "metadata": "x"})
    assert event == {
        "specversion": "1.0",
        "id": "a",
        "type": "T",
        "source": "urn:eventscope:unnamed-source",
        "datacontenttype": "application/json",
        "data": None,
    }


@given(word, word, word, st.sampled_from(["order-service", "//shop/orders", "urn:a:b"]))
def test_ingest_reads_the_cloudevent_as_the_same_event(
    event_id: str, event_type: str, correlation: str, source: str
) -> None:
    metadata = {"source": source, "correlationId": correlation}
    native = {"eventId": event_id, "eventType": event_type, "payload": [1], "metadata": metadata}
    records = [
        decode(Message(Position(1, 0), 1, None, json.dumps(body).encode(), ()), topic="t")
        for body in (native, to_cloudevent(native))
    ]
    told = [
        (one.event_id, one.event_type, one.source, one.correlation_id)
        for one in records
        if not isinstance(one, Quarantined)
    ]
    assert len(told) == 2
    assert told[0] == told[1]


@pytest.mark.parametrize("evil", ["'; rm -rf / #", "$(id)", "`id`", '"', "\n"])
def test_no_event_runs_a_command_when_its_curl_is_pasted(evil: str) -> None:
    native = {**NATIVE, "payload": {evil: evil}, "headers": "left out"}
    words = shlex.split(curl_to_publish("http://h/api/v1/events", native, f"topic{evil}"))
    assert words[:2] == ["curl", "-X"]
    assert words[-2] == "--data-raw"
    assert json.loads(words[-1]) == {name: native[name] for name in native if name != "headers"}
    assert shlex.split(curl_to_fetch(f"http://h/{evil}"))[-1] == f"http://h/{evil}"
