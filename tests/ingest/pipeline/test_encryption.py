"""A secret goes through broker, worker and store: no table holds it, and who has the key has it back."""

from __future__ import annotations

import base64
import json

import msgspec
import pytest
from pytest_django.fixtures import Settings

from ingest.models import DeadLetter
from ingest.options import IndexOptions, IngestOptions, PrivacyOptions
from ingest.queries.events import find_events, get_event
from ingest.queries.opening import NotAsItWas, open_body, open_headers, open_letter
from tests.ingest.pipeline.test_pipeline import add, configured, processed, run_until
from tests.ingest.pipeline.test_privacy import SECRET, event, unpacked, values
from tests.servers import Valkey

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)

KEY, OTHER = "ab" * 32, "cd" * 32


@pytest.fixture
def private(settings: Settings, valkey: Valkey) -> IngestOptions:
    """Cards are sealed and found by; letters come on the topic "dead"."""
    plain = configured(valkey)
    main = msgspec.structs.replace(plain.brokers["main"], dead_letter_topics=("dead",))
    options = msgspec.structs.replace(
        plain,
        brokers={"main": main},
        privacy=PrivacyOptions(encrypt=("payload.card", "header:x-card")),
        index=IndexOptions(paths=("payload.card",)),
    )
    settings.INGEST, settings.ENCRYPTION_KEYS = options, [KEY]
    return options


def original() -> bytes:
    return json.dumps(event("ORDER_PAID", {"card": SECRET.decode(), "keep": "k"})).encode()


def test_a_sealed_value_is_in_no_table_and_found_by_itself(
    private: IngestOptions, valkey: Valkey
) -> None:
    add(valkey, "t-orders", original())

    run_until(private, processed(1))

    assert [part for value in values() for part in unpacked(value) if SECRET in part] == []
    [found] = find_events([SECRET.decode()])
    assert found.event_id == "e1"
    assert found.holds("payload.card", [SECRET.decode()])
    assert not found.holds("payload.card", ["4000"])
    assert open_body(found.stored) == original()


def test_a_dead_letter_goes_back_byte_for_byte_however_it_was_written(
    private: IngestOptions, valkey: Valkey
) -> None:
    text = original().decode()
    told = [
        event("DeadLettered", {"event": json.loads(text)}, 2),
        event("DeadLettered", {"event": text, "encoding": "utf-8"}, 3),
        event("DeadLettered", {"event": text}, 5),
        event(
            "DeadLettered",
            {"event": base64.b64encode(original()).decode(), "encoding": "base64"},
            4,
        ),
    ]
    add(valkey, "t-orders", *(json.dumps(one).encode() for one in told))
    add(valkey, "dead", original(), b"\xff\x00 no json 4111-2222-3333")

    run_until(private, processed(6))

    letters = DeadLetter.objects.select_related("stream").order_by("id")
    assert sorted(open_letter(letter) for letter in letters) == sorted(
        [original()] * 5 + [b"\xff\x00 no json 4111-2222-3333"]
    )
    assert [part for value in values() for part in unpacked(value) if SECRET in part] == []


def test_after_rotation_old_events_are_found_and_open_until_their_key_is_gone(
    private: IngestOptions, valkey: Valkey, settings: Settings
) -> None:
    add(valkey, "t-orders", original())
    run_until(private, processed(1))

    settings.ENCRYPTION_KEYS = [OTHER, KEY]
    [found] = find_events([SECRET.decode()])
    assert open_body(found.stored) == original()

    settings.ENCRYPTION_KEYS = [OTHER]
    assert find_events([SECRET.decode()]) == []
    [found] = get_event("e1")
    with pytest.raises(NotAsItWas, match="Put it back"):
        open_body(found.stored)


def test_headers_are_sealed_and_opened_too(private: IngestOptions, valkey: Valkey) -> None:
    client = valkey.client()
    client.xadd("t-orders", {"event": original(), "x-card": SECRET, "other": b"o"})
    client.close()

    run_until(private, processed(1))

    [found] = get_event("e1")
    assert SECRET not in found.stored.headers
    assert dict(open_headers(found.stored))[b"x-card"] == SECRET
