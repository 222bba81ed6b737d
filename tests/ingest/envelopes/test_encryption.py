"""What is to be encrypted is sealed wherever it stands, and opens again byte for byte."""

from __future__ import annotations

import base64
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.envelopes import Decoder
from ingest.options import (
    IndexOptions,
    IngestOptions,
    LimitOptions,
    MappingOptions,
    PrivacyOptions,
)
from ingest.records import Flag, Message, Quarantined, Record
from ingest.sealing import Keyring, open_text, place_of
from tests.ingest.envelopes.factories import envelope, message
from tests.ingest.envelopes.test_celery import RECEIVED, task_message
from tests.ingest.envelopes.test_faststream import as_json, binary
from tests.ingest.envelopes.test_masstransit import masstransit
from tests.ingest.envelopes.test_privacy import CLOUD, MAPPED, NATIVE, SECRET, letter

KEYRING = Keyring([bytes(32)])
TOPIC = "failed-events"


def options(
    *encrypt: str, redact: tuple[str, ...] = (), body_bytes: int = 1 << 20
) -> IngestOptions:
    return IngestOptions(
        privacy=PrivacyOptions(encrypt=encrypt or ("payload.card", "header:x-card"), redact=redact),
        mapping=(MappingOptions(topics=("mapped",), id="msg.id", payload="msg.body"),),
        index=IndexOptions(paths=("payload.card", "payload.keep")),
        limits=LimitOptions(body_bytes=body_bytes),
    )


def sealed(
    body: object, *headers: tuple[str, str], using: IngestOptions | None = None
) -> tuple[Message, Record]:
    arrived = message(body, *headers)
    made = Decoder(using or options(), keyring=KEYRING).decode(arrived, TOPIC, dead_letters=True)
    assert isinstance(made, Record), made
    return arrived, made


def opened(made: Record) -> bytes:
    return open_text(made.body, place_of(TOPIC, made.position), KEYRING).text


@pytest.mark.parametrize(
    "body",
    [
        NATIVE,
        CLOUD,
        MAPPED,
        letter(NATIVE),
        letter(CLOUD),
        letter(MAPPED, originalTopic="mapped"),
        letter(letter(NATIVE)),
        letter([NATIVE["payload"]]),
        letter(json.dumps(NATIVE), encoding="utf-8"),
        letter(base64.b64encode(json.dumps(NATIVE).encode()).decode(), encoding="base64"),
        envelope(payload=json.dumps({"card": SECRET})),
        envelope(payload={"card": {"number": SECRET, "year": 2030}}),
        envelope(payload=[{"card": SECRET}, {"card": SECRET}]),
        envelope(eventType="ErrorOccurred", payload={"error": {}, "context": NATIVE}),
        masstransit(message={"card": SECRET}, headers={"X-Card": SECRET}),
        letter(masstransit(message={"card": SECRET})),
        binary(json.dumps({"card": SECRET}).encode()),
        binary(json.dumps(NATIVE).encode()),
        as_json(json.dumps(NATIVE).encode()),
        task_message(card=SECRET),
        {**RECEIVED, "args": f"('{SECRET}',)"},
        b'{"eventType":"T","payload":{"card":"4111-1111","card":"x"}}',
        b'\xef\xbb\xbf{"eventType" : "T", "payload":\n{"card": "4111-1111"}}',
        b'{"eventType":"T","payload":{"card":"4111-1111"}, cut',
    ],
)
def test_secret_is_sealed_wherever_it_stood_and_opens_byte_for_byte(body: object) -> None:
    arrived, made = sealed(body)

    assert SECRET.encode() not in made.body
    assert base64.b64encode(SECRET.encode())[:8] not in made.body
    assert SECRET not in repr(made.detail)
    assert SECRET not in made.keys
    assert made.flags & (Flag.ENCRYPTED | Flag.REDACTED) == Flag.ENCRYPTED
    assert opened(made) == arrived.value


@given(
    st.recursive(
        st.none() | st.booleans() | st.floats(allow_nan=False) | st.text(max_size=20),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
        max_leaves=8,
    )
)
def test_any_value_comes_back_as_it_was(value: Any) -> None:
    arrived, made = sealed(envelope(payload={"card": value}))
    assert opened(made) == arrived.value


def test_a_header_is_sealed_by_name_and_others_are_kept() -> None:
    _, made = sealed(envelope(), ("X-Card", SECRET), ("x-other", "kept"))

    pairs = dict(msgspec.msgpack.decode(made.headers, type=list[tuple[bytes, bytes]]))
    assert pairs[b"x-other"] == b"kept"
    token = b'"' + pairs[b"X-Card"] + b'"'
    assert open_text(token, place_of(TOPIC, made.position), KEYRING).text == SECRET.encode()
    assert made.flags & Flag.ENCRYPTED


def test_what_is_redacted_is_not_even_within_what_is_sealed() -> None:
    body = envelope(payload={"card": {"number": SECRET, "year": 2030}})
    _, made = sealed(body, using=options("payload.card", redact=("payload.card.number",)))

    assert made.flags & Flag.ENCRYPTED
    assert made.flags & Flag.REDACTED
    assert json.loads(opened(made))["payload"]["card"] == {"number": "[redacted]", "year": 2030}


def test_an_indexed_value_is_found_by_what_only_the_key_can_tell() -> None:
    _, made = sealed(envelope(payload={"card": SECRET, "keep": "K1"}))
    assert made.keys == ("K1", KEYRING.blind(SECRET))


def test_a_body_too_large_keeps_no_secret_where_it_is_cut() -> None:
    body = envelope(payload={"card": SECRET, "keep": "K1", "rest": "x" * 5000})
    _, made = sealed(body, using=options("payload.card", body_bytes=1024))

    assert made.flags & Flag.TRUNCATED
    assert SECRET.encode() not in made.body
    assert made.keys == ("K1", KEYRING.blind(SECRET))


def test_an_unreadable_message_is_quarantined_sealed_whole() -> None:
    arrived = message(b'{"eventType":"T","payload":{"card":"4111-1111"}, cut')

    made = Decoder(options(), keyring=KEYRING).decode(arrived, TOPIC)

    assert isinstance(made, Quarantined)
    assert SECRET.encode() not in made.body
    assert open_text(made.body, place_of(TOPIC, made.position), KEYRING).text == arrived.value


def test_reading_again_seals_nothing_a_second_time_and_tells_the_same_ids() -> None:
    _, made = sealed(NATIVE)
    stored = Message(made.position, made.appended_ms, None, made.body)

    again = Decoder(options(), keyring=KEYRING, stored=True).decode(stored, TOPIC)

    assert isinstance(again, Record)
    assert again.body == made.body
    assert (again.event_id, again.correlation_id) == (made.event_id, made.correlation_id)


def test_a_value_that_only_looks_sealed_is_sealed_like_any_other() -> None:
    forged = KEYRING.seal(b'"x"', place_of("elsewhere", message(b"").position)).decode()

    arrived, made = sealed(envelope(payload={"card": forged, "note": forged}))

    assert json.loads(made.body)["payload"]["card"] != forged
    assert opened(made) == arrived.value
