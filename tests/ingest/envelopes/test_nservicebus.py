"""NServiceBus headers beside any body, as its documentation shows them."""

from __future__ import annotations

import pytest

from ingest.envelopes import FORMAT_NAMES
from ingest.envelopes.nservicebus import iso_time
from ingest.records import Flag
from tests.ingest.envelopes.factories import decoder, message, record

HEADERS = {
    "NServiceBus.MessageId": "b3f0d9a1-0001",
    "NServiceBus.CorrelationId": "c0ffee00-0002",
    "NServiceBus.ConversationId": "5eed0000-0003",
    "NServiceBus.RelatedTo": "ca05e000-0004",
    "NServiceBus.EnclosedMessageTypes": "Shop.Messages.OrderPlaced, Shop.Messages, Version=1.0.0.0, "
    "Culture=neutral, PublicKeyToken=null;Shop.Messages.IEvent, Shop.Messages",
    "NServiceBus.TimeSent": "2024-04-03 10:00:00:123456 Z",
    "NServiceBus.OriginatingEndpoint": "Shop.Orders",
    "NServiceBus.OriginatingMachine": "WEB-1",
    "NServiceBus.ContentType": "application/json",
    "NServiceBus.MessageIntent": "Publish",
}
XML = b'<?xml version="1.0"?><OrderPlaced xmlns="http://tempuri.net/Shop"><Id>1</Id></OrderPlaced>'


def headers(**changes: str) -> list[tuple[str, str]]:
    """The example's headers; "" takes one out."""
    whole = HEADERS | {f"NServiceBus.{name}": value for name, value in changes.items()}
    return [pair for pair in whole.items() if pair[1]]


def test_ids_type_source_time_and_payload_are_found() -> None:
    made = record({"orderId": "ORD_1"}, *headers())

    assert FORMAT_NAMES[made.flags & Flag.FORMAT_MASK] == "nservicebus"
    assert (made.event_id, made.event_type) == ("b3f0d9a1-0001", "Shop.Messages.OrderPlaced")
    assert (made.source, made.occurred_ms) == ("Shop.Orders", 1_712_138_400_123)
    assert (made.correlation_id, made.causation_id) == ("c0ffee00-0002", "ca05e000-0004")
    assert made.keys == ("ORD_1",)


def test_conversation_correlates_where_the_correlation_id_is_the_messages_own() -> None:
    made = record({}, *headers(CorrelationId="b3f0d9a1-0001"))

    assert made.correlation_id == "5eed0000-0003"


def test_own_id_correlates_where_there_is_nothing_else() -> None:
    made = record({}, *headers(CorrelationId="b3f0d9a1-0001", ConversationId=""))

    assert made.correlation_id == "b3f0d9a1-0001"


@pytest.mark.parametrize("body", [XML, b"\xef\xbb\xbf" + XML, b"", b"\x00\xff", b"not json"])
def test_body_may_be_anything(body: bytes) -> None:
    made = record(body, *headers())

    assert (made.event_id, made.body) == ("b3f0d9a1-0001", body)


def test_xml_body_cannot_be_looked_into_and_is_withheld_where_paths_are_private() -> None:
    made = record(XML, *headers(), using=decoder(redact=("payload.Id",)))

    assert made.body == b'"[redacted]"'
    assert made.event_id == "b3f0d9a1-0001"


def test_native_envelope_comes_first() -> None:
    made = record({"eventType": "N", "eventId": "n"}, *headers())

    assert FORMAT_NAMES[made.flags & Flag.FORMAT_MASK] == "native"


def test_type_falls_back_on_the_topic_and_source_on_the_machine() -> None:
    made = record({}, *headers(EnclosedMessageTypes="", OriginatingEndpoint=""))

    assert (made.event_type, made.source) == ("orders-topic", "WEB-1")


def test_ids_that_are_no_text_or_too_long_are_made_storable() -> None:
    raw = message({})._replace(
        headers=((b"NServiceBus.MessageId", b"\xff\x00"), (b"nservicebus.relatedto", b"x" * 9000))
    )
    made = decoder().decode(raw, "t")

    assert made.event_id == "��"  # type: ignore[union-attr]
    assert len(made.causation_id) <= 255  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("2024-04-03 10:00:00:123456 Z", "2024-04-03T10:00:00.123456Z"),
        ("2024-04-03T10:00:00Z", "2024-04-03T10:00:00Z"),
        ("10:00", "10:00"),
        ("", ""),
    ],
)
def test_its_own_notation_of_time_is_understood(written: str, read: str) -> None:
    assert iso_time(written) == read


@pytest.mark.parametrize("sent", ["soon", "0001-01-01 00:00:00:000000 Z", "::: Z", "a b:c:d:e Z"])
def test_absurd_time_is_guessed_from_the_broker(sent: str) -> None:
    made = record({}, *headers(TimeSent=sent))

    assert (made.occurred_ms, bool(made.flags & Flag.TIME_GUESSED)) == (None, True)
