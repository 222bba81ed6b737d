"""Events that others wrote, as a handler of the kit gets them: the same as the dashboard shows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from eventscope.envelope import Event, decode_event, handling, new_event
from eventscope.errors import EnvelopeError
from eventscope.transports.base import Outgoing
from eventscope.transports.redis_replies import delivery_of
from ingest.envelopes import Decoder
from ingest.options import IngestOptions
from ingest.records import Message, Position, Record
from tests.eventscope.conftest import MakeBus, MakeTransport, eventually
from tests.eventscope.lookup import Topic, receipts

TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
AT = 1_712_138_400_000
CLOUD = {
    "specversion": "1.0",
    "id": "ce_1",
    "type": "ORDER_CREATED",
    "source": "/shop",
    "time": "2024-04-03T12:00:00+02:00",
    "correlationid": "corr_1",
    "causationid": "evt_0",
    "data": {"orderId": "ORD_1"},
}
NATIVE: dict[str, Any] = {
    "eventId": "evt_1",
    "eventType": "ORDER_CREATED",
    "timestamp": "2024-04-03T10:00:00Z",
    "payload": {"orderId": "ORD_1"},
    "metadata": {"source": "shop", "correlationId": "corr_1"},
}
HEADERS = tuple(
    (f"ce_{name}".encode(), value.encode())
    for name, value in CLOUD.items()
    if name != "data"  # type: ignore[attr-defined]
)

Pairs = tuple[tuple[bytes, bytes], ...]


def read(body: object, headers: Pairs = ()) -> Event:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return decode_event(raw, headers=headers, topic="orders-topic", position=f"{AT}-0")


BODIES: dict[str, tuple[object, Pairs]] = {
    "native": (NATIVE, ()),
    "milliseconds": (NATIVE | {"timestamp": AT}, ()),
    "seconds": (NATIVE | {"timestamp": AT / 1000}, ()),
    "microseconds": (NATIVE | {"timestamp": AT * 1000}, ()),
    "digits": (NATIVE | {"timestamp": str(AT)}, ()),
    "another zone": (NATIVE | {"timestamp": "2024-04-03T05:30:00-04:30"}, ()),
    "no zone": (NATIVE | {"timestamp": "2024-04-03T10:00:00"}, ()),
    "no time": (NATIVE | {"timestamp": None}, ()),
    "number for an id": (NATIVE | {"eventId": 17}, ()),
    "no id": ({**NATIVE, "eventId": None}, ()),
    "no type": ({name: NATIVE[name] for name in ("eventId", "payload", "metadata")}, ()),
    "no metadata": (NATIVE | {"metadata": None}, ()),
    "ids at the top": (
        {"eventId": 1, "eventType": "A", "correlationId": "c", "source": "s", "payload": None},
        (),
    ),
    "number correlates": (NATIVE | {"metadata": {"source": "s", "correlationId": 7}}, ()),
    "conversation": (NATIVE | {"metadata": {"conversationId": "conv", "traceparent": TRACE}}, ()),
    "trace": (NATIVE | {"metadata": {"traceparent": TRACE}}, ()),
    "trace in a header": (NATIVE | {"metadata": {}}, ((b"traceparent", TRACE.encode()),)),
    "byte order mark": (b"\xef\xbb\xbf" + json.dumps(NATIVE).encode(), ()),
    "not a number": (b'{"eventId": "e", "eventType": "A", "payload": {"rate": NaN}}', ()),
    "structured": (CLOUD, ()),
    "structured without time": ({k: v for k, v in CLOUD.items() if k != "time"}, ()),
    "binary": ({"orderId": "ORD_1"}, HEADERS),
    "binary text": (b"a text", HEADERS),
    "binary bytes": (b"\xff\xfe", HEADERS),
    "native with the headers of a CloudEvent": (NATIVE | {"timestamp": AT}, HEADERS),
}


@pytest.mark.parametrize("name", BODIES)
def test_handler_gets_what_the_dashboard_shows(name: str) -> None:
    body, headers = BODIES[name]
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    stored = Decoder(IngestOptions()).decode(
        Message(Position(AT, 0), AT, None, raw, headers), "orders-topic"
    )
    assert isinstance(stored, Record)
    event = read(body, headers)

    assert event.event_id == stored.event_id
    assert event.event_type == stored.event_type
    assert event.source == stored.source
    assert event.correlation_id == stored.correlation_id
    assert event.causation_id == stored.causation_id
    assert event.occurred_ms == stored.occurred_ms


def test_data_of_a_cloudevent_are_the_payload() -> None:
    event = read(CLOUD | {"subject": "ORD_1", "dataschema": "v2"})

    assert event.payload == {"orderId": "ORD_1"}
    assert (event.metadata["subject"], event.version) == ("ORD_1", "v2")
    assert read(b"a text", HEADERS).payload == "a text"
    assert (
        read({k: v for k, v in CLOUD.items() if k != "data"} | {"data_base64": "AA"}).payload
        == "AA"
    )


def test_what_is_published_while_handling_a_cloudevent_carries_it_on() -> None:
    with handling(read(CLOUD)):
        event = new_event("INVENTORY_UPDATED")

    assert (event.correlation_id, event.causation_id) == ("corr_1", "ce_1")


def test_redrive_of_a_cloudevent_is_seen() -> None:
    event = read(CLOUD, ((b"eventscope-redrive", b'{"id": "r1", "attempt": 2}'),))

    assert event.redrive == {"id": "r1", "attempt": 2}
    assert read(CLOUD, ((b"eventscope-redrive", b"{"),)).redrive is None


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"7", b'{"orderId": 1}', b'{"eventId": "a"}', b"\xff"]
)
def test_what_fits_no_format_is_refused(body: bytes) -> None:
    with pytest.raises(EnvelopeError, match="not a native envelope: "):
        read(body)


@pytest.mark.parametrize(
    ("fields", "body", "headers"),
    [
        ([b"event", b"{}", b"key", b"k"], b"{}", ((b"key", b"k"),)),
        ([b"key", b"k", b"event", b"{}"], b"{}", ((b"key", b"k"),)),
        ([b"ce_type", b"A", b"data", b"{}"], b"{}", ((b"ce_type", b"A"),)),
        ([b"eventType", b"A", b"payload", b'{"a":1}'], b'{"eventType":"A","payload":{"a":1}}', ()),
        ([b"a", b"\xff"], b"", ((b"a", b"\xff"),)),
    ],
)
def test_body_of_an_entry_is_what_the_dashboard_takes_for_it(
    fields: list[bytes], body: bytes, headers: Pairs
) -> None:
    delivery = delivery_of("orders-topic", b"1-0", fields, 1)

    assert (delivery.body, delivery.headers) == (body, headers)


async def test_events_that_others_wrote_are_handled_and_told(
    make_bus: MakeBus, make_transport: MakeTransport, topic_events: Topic
) -> None:
    bus, transport, seen = make_bus(), make_transport(), []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        seen.append((event.event_id, event.payload["orderId"]))

    wire = [NATIVE | {"timestamp": AT}, CLOUD]
    binary = Outgoing("orders-topic", b'{"orderId": "ORD_1"}', HEADERS)
    messages = [Outgoing("orders-topic", json.dumps(one).encode()) for one in wire]
    await transport.append([*messages, binary])
    await bus.start()
    await eventually(lambda: len(seen) == 3)
    await bus.stop()
    await transport.close()

    assert sorted(seen) == [("ce_1", "ORD_1"), ("ce_1", "ORD_1"), ("evt_1", "ORD_1")]
    assert await topic_events("failed-events") == []
    told = {(one["eventId"], one["correlationId"]) for one in await receipts(topic_events)}
    assert told == {("ce_1", "corr_1"), ("evt_1", "corr_1")}
