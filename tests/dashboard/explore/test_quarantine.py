"""The pages of what could not be read: reasons and messages, and all of one."""

from __future__ import annotations

from urllib.parse import quote

import msgspec
import pytest
from django.test import Client

from ingest.models import QuarantinedMessage
from tests.dashboard.explore.factories import START, House
from tests.dashboard.explore.test_pages import get, text_of

pytestmark = pytest.mark.django_db(databases=["default", "events"])

CUT = "not valid JSON: Input data was truncated"


def keep(
    house: House, minor: int, body: bytes = b"{", *, topic: str = "orders-topic", reason: str = CUT
) -> QuarantinedMessage:
    return QuarantinedMessage.objects.create(
        stream_id=house.stream(topic).id,
        major=START + minor,
        minor=0,
        appended_ms=START + minor,
        reason=reason,
        body=body,
        headers=msgspec.msgpack.encode([(b":key", b"ORD_1"), (b"x-app", b"old <shop>")]),
        size=len(body),
    )


def test_the_page_tells_reasons_and_messages(house: House, visitor: Client) -> None:
    first = keep(house, 1, b'{"eventId": \n "evt')
    keep(
        house, 2, b"\xff\x00", topic="mails-topic", reason="not UTF-8: invalid start byte (byte 0)"
    )

    page = get(visitor, "/quarantine/")
    narrowed = get(visitor, f"/quarantine/?topic=orders-topic&reason={quote(CUT)}")

    assert "2 messages" in text_of(page)
    assert '{"eventId": "evt' in text_of(page)
    assert "ff 00" in text_of(page)
    assert f"/quarantine/{first.pk}/" in page
    assert "ff 00" not in text_of(narrowed)
    assert '{"eventId": "evt' in text_of(narrowed)


def test_the_list_is_paged(house: House, visitor: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.explore.views.quarantine.PAGE", 2)
    keys = [keep(house, minor).pk for minor in range(3)]

    page = get(visitor, "/quarantine/?topic=orders-topic")
    older = get(visitor, f"/quarantine/?topic=orders-topic&before={keys[1]}")

    assert f"?topic=orders-topic&amp;before={keys[1]}" in page
    assert f"/quarantine/{keys[0]}/" in older
    assert f"/quarantine/{keys[2]}/" not in older
    assert 'href="?topic=orders-topic" rel="prev"' in older


def test_one_message_is_shown_with_its_headers_and_bytes(house: House, visitor: Client) -> None:
    message = keep(house, 1, b"<order>\n  <id>7</id>\n")

    page = get(visitor, f"/quarantine/{message.pk}/")
    raw = visitor.get(f"/quarantine/{message.pk}/?part=raw")

    assert f"No event: {CUT}" in text_of(page)
    assert "&lt;order&gt;\n  &lt;id&gt;7" in page
    assert "key of the message ORD_1" in text_of(page)
    assert "old &lt;shop&gt;" in page
    assert raw.content == b"<order>\n  <id>7</id>\n"
    assert raw["Content-Disposition"] == f"attachment; filename=quarantined-{message.pk}.bin"


def test_bytes_that_are_not_kept_are_said_not_to_be(house: House, visitor: Client) -> None:
    message = keep(house, 1, b"")
    QuarantinedMessage.objects.update(size=70)

    assert "None of its bytes are kept" in get(visitor, f"/quarantine/{message.pk}/")
    assert "nothing is kept" in get(visitor, "/quarantine/")


@pytest.mark.usefixtures("house")
def test_nothing_in_quarantine_is_good_news(visitor: Client) -> None:
    assert "Every message that arrived could be read." in get(visitor, "/quarantine/")
    assert "No message fits" in get(visitor, "/quarantine/?topic=orders-topic")
    assert visitor.get("/quarantine/7/").status_code == 404
    assert visitor.get("/quarantine/?before=nonsense").status_code == 200


def test_the_strip_leads_there(house: House, visitor: Client) -> None:
    assert '<a href="/quarantine/"' in get(visitor, "/events/")
