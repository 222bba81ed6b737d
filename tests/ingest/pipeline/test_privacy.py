"""A secret goes through broker, worker and store: afterwards no database file holds it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import zstandard
from django.db import connections

from ingest.models import DeadLetter, Frame
from ingest.options import IngestOptions, PrivacyOptions
from ingest.queries.events import find_events, get_event
from ingest.queries.letters import LetterFilter, list_dead_letters
from tests.ingest.pipeline.test_pipeline import add, configured, processed, run_until
from tests.servers import Valkey

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)

SECRET = b"4111-2222-3333"
FRAME = re.compile(re.escape(b"\x28\xb5\x2f\xfd"))


def event(type: str, payload: dict[str, Any], number: int = 1) -> dict[str, Any]:
    return {"eventId": f"e{number}", "eventType": type, "payload": payload, "metadata": {}}


def values() -> Iterator[bytes]:
    """Every value of every table of the events database, as it stands there."""
    with connections["events"].cursor() as cursor:
        for table in connections["events"].introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')
            for row in cursor.fetchall():
                for value in row:
                    yield (
                        bytes(value)
                        if isinstance(value, bytes | memoryview)
                        else repr(value).encode()
                    )


def unpacked(value: bytes) -> Iterator[bytes]:
    """``value``, and what each zstd frame that begins in it holds."""
    yield value
    for begin in FRAME.finditer(value):
        try:
            yield zstandard.ZstdDecompressor().decompressobj().decompress(value[begin.start() :])
        except zstandard.ZstdError:
            continue


def test_secret_of_a_dead_lettered_event_is_in_no_table(valkey: Valkey) -> None:
    original = event("ORDER_PAID", {"card": SECRET.decode(), "orderId": "O1", "keep": "kept-1"})
    letter = event("DeadLettered", {"event": original, "error": {"message": "no"}}, 2)
    add(valkey, "t-orders", json.dumps(original).encode())
    add(valkey, "dead", json.dumps(letter).encode(), json.dumps(original).encode())
    plain = configured(valkey)
    broker = plain.brokers["main"]
    told = {name: getattr(broker, name) for name in broker.__struct_fields__}
    private = IngestOptions(
        brokers={"main": type(broker)(**told | {"dead_letter_topics": ("dead",)})},
        limits=plain.limits,
        privacy=PrivacyOptions(redact=("payload.card",)),
    )

    run_until(private, processed(3))

    everything = [part for value in values() for part in unpacked(value)]
    assert Frame.objects.exists()
    assert sum(b"kept-1" in part for part in everything) >= 3, "the search looks into frames"
    assert [part for part in everything if SECRET in part] == []
    assert {
        json.loads(bytes(row.event))["payload"]["card"] for row in DeadLetter.objects.all()
    } == {"[redacted]"}


def test_id_beyond_the_column_finds_the_event_and_its_letter(valkey: Valkey) -> None:
    long = "x" * 300
    original = event("T", {}) | {"eventId": long}
    letter = event("DeadLettered", {"event": original, "error": {}}, 2)
    add(valkey, "t-orders", json.dumps(original).encode(), json.dumps(letter).encode())

    run_until(configured(valkey), processed(2))

    [row] = list_dead_letters(LetterFilter(event_id=long)).letters
    assert row.event_id.startswith("x" * 200 + "~")
    assert {one.event_type for one in find_events([long], limit=10)} == {"T", "DeadLettered"}
    assert [one.event_id for one in get_event(long)] == [row.event_id]
