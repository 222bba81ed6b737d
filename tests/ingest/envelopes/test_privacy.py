"""What is configured to be private is gone from every place that a message can carry it in."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest

from ingest.envelopes import Decoder
from ingest.options import IngestOptions, MappingOptions, PrivacyOptions
from ingest.records import Flag, Record
from tests.ingest.envelopes.factories import envelope, message
from tests.ingest.envelopes.test_celery import HEADERS, task_message, wrapped
from tests.ingest.envelopes.test_faststream import as_json, binary
from tests.ingest.envelopes.test_masstransit import masstransit

SECRET = "4111-1111"
NATIVE = envelope(payload={"card": SECRET, "keep": 1})
CLOUD = {"specversion": "1.0", "type": "T", "id": "c", "source": "s", "data": {"card": SECRET}}
CODED = {"data_base64": base64.b64encode(json.dumps({"card": SECRET}).encode()).decode()}
MAPPED = {"msg": {"id": "m1", "body": {"card": SECRET}}}


def using(*paths: str, encrypt: tuple[str, ...] = ()) -> Decoder:
    mapping = MappingOptions(topics=("mapped",), id="msg.id", payload="msg.body")
    privacy = PrivacyOptions(redact=paths, encrypt=encrypt)
    return Decoder(IngestOptions(privacy=privacy, mapping=(mapping,)))


def letter(event: Any, **rest: Any) -> dict[str, Any]:
    return envelope(eventType="DeadLettered", payload={"event": event, "attempts": 3, **rest})


def made(body: object, *headers: tuple[str, str], dead_letters: bool = True) -> Record:
    found = using("payload.card", "header:x-card").decode(
        message(body, *headers), "failed-events", dead_letters=dead_letters
    )
    assert isinstance(found, Record), found
    return found


@pytest.mark.parametrize(
    "body",
    [
        NATIVE,
        CLOUD,
        {**{name: value for name, value in CLOUD.items() if name != "data"}, **CODED},
        MAPPED,
        letter(NATIVE),
        letter(CLOUD),
        letter(MAPPED, originalTopic="mapped"),
        letter(letter(NATIVE)),
        letter([NATIVE["payload"]]),
        letter(json.dumps(NATIVE), encoding="utf-8"),
        letter(base64.b64encode(json.dumps(NATIVE).encode()).decode(), encoding="base64"),
        envelope(payload=json.dumps({"card": SECRET})),
        envelope(eventType="ErrorOccurred", payload={"error": {}, "context": NATIVE}),
        envelope(eventType="ErrorOccurred", payload={"error": {}, "context": {"card": SECRET}}),
        envelope(eventType="ErrorOccurred", payload={"error": {}, "context": {"event": NATIVE}}),
        masstransit(message={"card": SECRET}),
        letter(masstransit(message={"card": SECRET})),
        binary(json.dumps({"card": SECRET}).encode()),
        binary(json.dumps(NATIVE).encode()),
        binary(json.dumps(CLOUD).encode()),
        as_json(json.dumps({"card": SECRET}).encode()),
        as_json(json.dumps(NATIVE).encode()),
        task_message(card=SECRET),
        letter(task_message(card=SECRET)),
        b' {"eventType":"T","payload": {"card":"4111-1111"}}',
        b'{"eventType":"T","payload":{"card":"4111-1111","card":"x"}}',
        b'{"eventType":"T","payload":{"card":"4111-1111"},"payload":{}}',
    ],
)
def test_secret_is_gone_wherever_it_stood(body: object) -> None:
    found = made(body)

    assert SECRET.encode() not in found.body
    assert base64.b64encode(SECRET.encode())[:8] not in found.body
    assert CODED["data_base64"].encode() not in found.body
    assert SECRET not in repr(found.detail)
    assert found.flags & Flag.REDACTED


def test_beyond_a_few_letters_within_letters_the_rest_is_withheld() -> None:
    body = NATIVE
    for _ in range(8):
        body = letter(body)

    assert SECRET.encode() not in made(body).body


def test_rest_of_a_dead_letter_stays_byte_for_byte() -> None:
    body = json.dumps(letter(NATIVE)).encode()

    assert made(body).body == body.replace(b'"4111-1111"', b'"[redacted]"')


@pytest.mark.parametrize(
    "body",
    [
        masstransit(headers={"X-Card": SECRET}),
        binary(b"{}", {"correlation_id": "c", "x-card": SECRET}),
        json.dumps({"data": "{}", "headers": {"correlation_id": "c", "x-card": SECRET}}).encode(),
        wrapped([[], {}, {}], HEADERS | {"x-card": SECRET}),
    ],
)
def test_headers_inside_a_body_are_hidden(body: object) -> None:
    found = using("header:x-card").decode(message(body), "t")

    assert isinstance(found, Record)
    assert SECRET.encode() not in found.body
    assert found.flags & Flag.REDACTED


def test_metadata_of_an_envelope_within_a_wrapper_is_hidden() -> None:
    inner = envelope(metadata={"source": "s", "mail": SECRET})
    found = using("metadata.mail").decode(message(binary(json.dumps(inner).encode())), "t")

    assert SECRET.encode() not in found.body


@pytest.mark.parametrize(
    "body", [b"<card>4111-1111</card>", b"\xff\x004111-1111", b"  card=4111-1111"]
)
def test_payload_that_is_no_json_is_withheld_whole(body: bytes) -> None:
    assert made(body, (":field", "data")).body.strip() == b'"[redacted]"'


@pytest.mark.parametrize("body", [b"5", b"true", b"null", b"-1.5e3", b""])
def test_payload_without_anything_private_stays(body: bytes) -> None:
    assert made(body, (":field", "data")).body == body


def test_named_headers_are_hidden_and_others_kept() -> None:
    found = made(envelope(), ("X-Card", SECRET), ("x-other", "kept"))

    assert SECRET.encode() not in found.headers
    assert b"kept" in found.headers
    assert found.flags & Flag.REDACTED


def test_fields_that_no_object_could_be_made_of_are_hidden_by_name() -> None:
    assert SECRET.encode() not in made(b"", (":field", ""), ("card", SECRET)).headers


def test_paths_to_be_encrypted_are_redacted_where_there_is_no_key() -> None:
    found = using(encrypt=("payload.card",)).decode(message(NATIVE), "t")

    assert isinstance(found, Record)
    assert SECRET.encode() not in found.body
    assert found.flags & Flag.REDACTED
