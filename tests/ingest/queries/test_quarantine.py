"""Reasons and beginnings of what could not be read, on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import pytest

from ingest.models import QuarantinedMessage
from ingest.queries.quarantine import BEGINNING, Reason, read_quarantined, read_reasons
from ingest.records import StreamRef
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)
from tests.ingest.store.factories import START, make_stream

pytestmark = pytest.mark.usefixtures("database")

COLON = "not valid JSON: expected `:`"


@pytest.fixture
def orders() -> StreamRef:
    return make_stream()


def keep(stream: StreamRef, minor: int, reason: str, body: bytes = b"{") -> None:
    QuarantinedMessage.objects.create(
        stream_id=stream.id,
        major=START,
        minor=minor,
        appended_ms=START + minor,
        reason=reason,
        body=body,
        size=len(body),
    )


def test_reasons_are_counted_wherever_in_the_message_they_are(orders: StreamRef) -> None:
    mails = make_stream("mails-topic")
    for minor in (3, 1, 2):
        keep(orders, minor, f"{COLON} (byte {minor})")
    keep(mails, 9, "the message is empty", b"")

    told = read_reasons()

    assert told.rows == [
        Reason("orders-topic", COLON, 3, START + 1, START + 3),
        Reason("mails-topic", "the message is empty", 1, START + 9, START + 9),
    ]
    assert (told.counted, told.whole) == (4, True)
    assert [one.message.minor for one in read_quarantined(reason=COLON)] == [2, 1, 3]
    assert [one.message.minor for one in read_quarantined(topic="mails-topic")] == [9]


def test_only_the_newest_are_counted(orders: StreamRef) -> None:
    for minor in range(5):
        keep(orders, minor, COLON)

    told = read_reasons(most=3)

    assert [(one.messages, one.first_ms) for one in told.rows] == [(3, START + 2)]
    assert (told.counted, told.whole) == (3, False)


def test_a_list_has_the_beginnings_alone(orders: StreamRef) -> None:
    keep(orders, 1, COLON, b"\xff" * 5000)
    keep(orders, 2, COLON, b"")

    empty, long = read_quarantined()

    assert (empty.beginning, long.beginning) == (b"", b"\xff" * BEGINNING)
    assert {"body", "headers"} <= long.message.get_deferred_fields()
    assert read_quarantined(before=empty.message.pk) == [long]
