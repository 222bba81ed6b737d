from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.api.drafts import Draft, DraftError, parse_drafts
from ingest.options import BrokerOptions

NOW = 1_800_000_000_000
BROKERS = {
    "main": BrokerOptions(topics=("orders-*", "system-events")),
    "other": BrokerOptions(topics=("payments-topic",)),
}


def parse(value: object, topic: str = "") -> tuple[list[Draft], list[DraftError]]:
    body = value if isinstance(value, bytes) else json.dumps(value).encode()
    seen = {"ORDER_CREATED": "orders-topic"}
    return parse_drafts(
        body,
        now_ms=NOW,
        brokers=BROKERS,
        topic=topic,
        topic_of_type=lambda name: seen.get(name, ""),
    )


def test_least_event_gets_id_time_source_and_the_topic_its_type_was_seen_on() -> None:
    drafts, errors = parse({"eventType": "ORDER_CREATED", "payload": {"orderId": "ORD_1"}})

    envelope = json.loads(drafts[0].body)
    assert errors == []
    assert (drafts[0].topic, drafts[0].broker) == ("orders-topic", "main")
    assert envelope == {
        "eventId": drafts[0].event_id,
        "eventType": "ORDER_CREATED",
        "timestamp": "2027-01-15T08:00:00.000Z",
        "payload": {"orderId": "ORD_1"},
        "metadata": {
            "source": "eventscope-api",
            "version": "1.0",
            "correlationId": drafts[0].event_id,
        },
    }


def test_what_the_caller_gave_is_kept() -> None:
    event = {
        "eventId": "evt_1",
        "eventType": "X",
        "timestamp": "2024-04-03T10:00:00Z",
        "payload": [1, 2**70],
        "metadata": {"source": "mine", "correlationId": "corr_1", "extra": True},
    }
    drafts, _ = parse({**event, "topic": "payments-topic", "key": "k"})

    assert json.loads(drafts[0].body)["metadata"]["correlationId"] == "corr_1"
    assert json.loads(drafts[0].body)["eventId"] == "evt_1"
    assert (drafts[0].topic, drafts[0].broker) == ("payments-topic", "other")
    assert drafts[0].headers == ((b"key", b"k"),)


@pytest.mark.parametrize(
    ("told", "written"),
    [
        (1_712_138_400_123, "2024-04-03T10:00:00.123Z"),
        ("1712138400123", "2024-04-03T10:00:00.123Z"),
        ("2024-04-03T10:00:00", "2024-04-03T10:00:00.000Z"),
        ("2024-04-03T05:30:00-04:30", "2024-04-03T05:30:00-04:30"),
        ("", "2027-01-15T08:00:00.000Z"),
        (None, "2027-01-15T08:00:00.000Z"),
    ],
)
def test_timestamp_is_published_as_the_envelope_writes_times(told: object, written: str) -> None:
    drafts, errors = parse({"eventType": "ORDER_CREATED", "timestamp": told})

    assert errors == []
    assert json.loads(drafts[0].body)["timestamp"] == written


def test_cloud_event_is_published_as_it_is() -> None:
    event = {"specversion": "1.0", "id": "1", "source": "/s", "type": "t", "data": {"a": 1}}
    timed = event | {"time": "2024-04-03T10:00:00+02:00"}
    drafts, _ = parse([timed, event], topic="orders-eu")

    assert json.loads(drafts[0].body) == timed
    assert json.loads(drafts[1].body) == event | {"time": "2027-01-15T08:00:00.000Z"}
    assert (drafts[0].event_id, drafts[0].event_type, drafts[0].topic) == ("1", "t", "orders-eu")


@pytest.mark.parametrize(
    ("event", "place"),
    [
        ("text", "event"),
        ({}, "eventType"),
        ({"eventType": 5}, "eventType"),
        ({"eventType": "X\x00"}, "eventType"),
        ({"eventType": "X" * 256}, "eventType"),
        ({"eventType": "UNSEEN"}, "topic"),
        ({"eventType": "X", "topic": "failed-events"}, "topic"),
        ({"eventType": "X", "topic": "orders-1", "metadata": 3}, "metadata"),
        ({"eventType": "X", "topic": "orders-1", "timestamp": "noon"}, "timestamp"),
        ({"eventType": "X", "topic": "orders-1", "timestamp": True}, "timestamp"),
        ({"eventType": "X", "topic": "orders-1", "timestamp": [1]}, "timestamp"),
        ({"eventType": "X", "topic": "orders-1", "orderId": 1}, "orderId"),
        ({"specversion": "1.0", "id": "1", "type": "t"}, "source"),
    ],
)
def test_each_wrong_event_is_named_by_place_in_the_batch(event: object, place: str) -> None:
    drafts, errors = parse([{"eventType": "ORDER_CREATED"}, event])

    assert len(drafts) == 1
    assert [(error.index, error.place) for error in errors] == [(1, place)]


@pytest.mark.parametrize(
    "body", [b"", b"{", b"[]", b"\xff", b"[" * 100_000, json.dumps([{}] * 1001).encode()]
)
def test_body_that_is_no_batch_is_refused_whole(body: bytes) -> None:
    with pytest.raises(DraftError) as error:
        parse(body)
    assert (error.value.index, error.value.place) == (None, "body")


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
)


@given(value=json_values)
def test_any_json_becomes_drafts_or_errors(value: object) -> None:
    try:
        drafts, errors = parse(value, topic="orders-1")
    except DraftError:
        assert value == []
    else:
        assert len(drafts) + len(errors) == (len(value) if isinstance(value, list) else 1)
