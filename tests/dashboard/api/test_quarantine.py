"""What could not be decoded is seen with the reason and its bytes."""

from __future__ import annotations

import msgspec
import pytest
from django.test import Client

from dashboard.api import paging
from eventscope.stamps import format_ms
from ingest.models import QuarantinedMessage
from tests.dashboard.explore.factories import START, House

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def quarantined(house: House, topic: str, minor: int, body: bytes) -> QuarantinedMessage:
    return QuarantinedMessage.objects.create(
        stream_id=house.stream(topic).id,
        major=START,
        minor=minor,
        appended_ms=START,
        reason="not valid JSON: truncated",
        body=body,
        headers=msgspec.msgpack.encode([(b"key", b"k")]),
        size=len(body) + 7,
    )


def test_message_is_told_with_reason_and_bytes(house: House, viewer: Client) -> None:
    message = quarantined(house, "orders-topic", 3, b'{"eventId": ')

    assert viewer.get("/api/v1/quarantine").json() == {
        "results": [
            {
                "id": message.pk,
                "broker": "main",
                "topic": "orders-topic",
                "partition": 0,
                "position": f"{START}-3",
                "receivedAt": format_ms(START),
                "reason": "not valid JSON: truncated",
                "size": 19,
                "body": '{"eventId": ',
                "bodyBase64": "eyJldmVudElkIjog",
                "headers": {"key": "k"},
            }
        ],
        "next": None,
    }


def test_bytes_that_are_no_text_are_told_in_base64_only(house: House, viewer: Client) -> None:
    quarantined(house, "orders-topic", 0, b"\xff\xfe")
    (told,) = viewer.get("/api/v1/quarantine").json()["results"]

    assert (told["body"], told["bodyBase64"]) == (None, "//4=")


def test_list_is_paged_newest_first_and_narrowed_by_topic(house: House, viewer: Client) -> None:
    for minor in range(3):
        quarantined(house, "orders-topic", minor, b"{")
    quarantined(house, "payments-topic", 9, b"{")
    url = "/api/v1/quarantine?topic=orders-topic&limit=2"
    first = viewer.get(url).json()
    second = viewer.get(f"{url}&cursor={first['next']}").json()

    positions = [one["position"] for page in (first, second) for one in page["results"]]
    assert positions == [f"{START}-{minor}" for minor in (2, 1, 0)]
    assert second["next"] is None


def test_page_of_large_messages_ends_before_they_fill_the_memory(
    house: House, viewer: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(paging, "PAGE_BYTES", 300)
    for minor in range(5):
        quarantined(house, "orders-topic", minor, b"x" * 200)

    pages = [viewer.get("/api/v1/quarantine").json()]
    while cursor := pages[-1]["next"]:
        pages.append(viewer.get(f"/api/v1/quarantine?cursor={cursor}").json())

    told = [[one["position"] for one in page["results"]] for page in pages]
    assert told == [[f"{START}-{minor}" for minor in some] for some in ((4, 3), (2, 1), (0,))]
