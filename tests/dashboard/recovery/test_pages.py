"""Dead letters: the list, the groups, and one with its event and error."""

from __future__ import annotations

import time
from html import unescape

import msgspec
import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import Role
from dashboard.recovery.asking import parse_ask
from ingest.models import DeadLetter
from tests.dashboard.care import HOSTILE, NOW_MS, client_for, make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def viewer() -> Client:
    return client_for(Role.VIEWER)


def ids(answer) -> list[str]:  # type: ignore[no-untyped-def]
    return [letter.event_id for letter in answer.context["letters"]]


@pytest.mark.parametrize("path", ["/dead-letters/", "/dead-letters/1/"])
def test_pages_want_a_sign_in(path: str) -> None:
    answer = Client().get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in")


@pytest.mark.parametrize("role", list(Role))
def test_every_role_may_look(role: Role) -> None:
    letter = make_letter()
    client = client_for(role)
    assert client.get("/dead-letters/").status_code == 200
    assert client.get(f"/dead-letters/{letter.pk}/").status_code == 200


def test_list_shows_open_letters_newest_first_and_pages(viewer: Client) -> None:
    for number in range(60):
        make_letter(number)
    make_letter(99, status=DeadLetter.Status.RESOLVED)
    first = viewer.get("/dead-letters/")
    second = viewer.get(f"/dead-letters/?cursor={first.context['next_cursor']}")
    assert ids(first) == [f"evt_{n}" for n in range(59, 9, -1)]
    assert ids(second) == [f"evt_{n}" for n in range(9, -1, -1)]
    assert "data-refresh" in first.content.decode()
    assert "data-refresh" not in second.content.decode()


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ({}, ["evt_2", "evt_1"]),
        ({"type": "PAYMENT_PROCESSED"}, ["evt_2"]),
        ({"consumer": "inventory"}, ["evt_1"]),
        ({"error": "TIMEOUT"}, ["evt_2"]),
        ({"status": "resolved"}, ["evt_3"]),
        ({"status": "all"}, ["evt_3", "evt_2", "evt_1"]),
        ({"status": "nonsense"}, ["evt_2", "evt_1"]),
        ({"fingerprint": "b" * 16, "status": "all"}, ["evt_2"]),
        ({"range": "1h"}, []),
    ],
)
def test_filters(viewer: Client, query: dict[str, str], found: list[str]) -> None:
    at = 1_700_000_000_000
    make_letter(1, received_ms=at + 1)
    make_letter(
        2, event_type="PAYMENT_PROCESSED", consumer="payment", error_type="TIMEOUT",
        fingerprint="b" * 16, received_ms=at + 2,
    )  # fmt: skip
    make_letter(3, status="resolved", received_ms=at + 3)
    assert ids(viewer.get("/dead-letters/", query)) == found


def test_alike_failures_are_one_line_with_counts(viewer: Client) -> None:
    for number in range(3):
        make_letter(number)
    make_letter(9, fingerprint="b" * 16, error_type="TIMEOUT")
    answer = viewer.get("/dead-letters/?by=failure")
    rows = [row.group for row in answer.context["groups"]]
    groups = [(group.newest.error_type, group.count) for group in rows]
    assert groups == [("OUT_OF_STOCK", 3), ("TIMEOUT", 1)]
    assert f"/dead-letters/groups/{'f' * 16}/" in answer.content.decode()


def test_letter_tells_event_error_and_where_it_came_from(viewer: Client) -> None:
    letter = make_letter(headers=msgspec.msgpack.encode([[b":key", b"ORD_1"], [b"trace", b"t-1"]]))
    make_letter(2)
    text = unescape(viewer.get(f"/dead-letters/{letter.pk}/").content.decode())
    for words in (
        "OUT_OF_STOCK", "no PROD_001 left", 'File "stock.py", line 7', "ORD_789", "evt_1", "corr_1",
        "inventory-group", "orders-topic", f"{NOW_MS}-1", "failed-events", "ORD_1", "t-1",
        "1 more alike", "/correlations/corr_1/", "/events/evt_1/",
    ):  # fmt: skip
        assert words in text, words


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"\xff\xfe\x00 not text",
        b"{broken",
        b'{"n": NaN, "big": 123456789012345678901234567890}',
        b"[" * 50_000 + b"]" * 50_000,
        b'{"a":"\\ud800"}',
        b"1" * 6000,
        b'{"a": 1e999}',
        b"x" * 300_000,
    ],
)
def test_any_bytes_can_be_looked_at(viewer: Client, body: bytes) -> None:
    letter = make_letter(event=body, size=len(body), headers=b"\xc1 no msgpack")
    answer = viewer.get(f"/dead-letters/{letter.pk}/")
    assert answer.status_code == 200
    assert "The event, as it was" in answer.content.decode()


def test_bare_letter_says_what_is_not_known(viewer: Client) -> None:
    letter = make_letter(
        error_type="", error_message="", error_stack="", consumer="", consumer_group="", offset="",
        correlation_id="", event_type="", fingerprint="", attempts=0, first_failed_ms=None,
        last_failed_ms=None, topic="",
    )  # fmt: skip
    text = viewer.get(f"/dead-letters/{letter.pk}/").content.decode()
    assert "The error was not told" in text
    assert "No stack came with it" in text


def test_unknown_letter_is_a_404_and_a_bad_cursor_is_told(viewer: Client) -> None:
    assert viewer.get("/dead-letters/4711/").status_code == 404
    text = viewer.get("/dead-letters/?cursor=abc").content.decode()
    assert "begin again at the first page" in text


def test_empty_states(viewer: Client) -> None:
    assert "No open dead letter" in viewer.get("/dead-letters/").content.decode()
    assert "No such dead letter" in viewer.get("/dead-letters/?type=X").content.decode()


def test_filters_of_a_link_survive_in_links_and_form(viewer: Client) -> None:
    ask = parse_ask({"type": "A&B", "status": "all", "cursor": "1-2", "by": "failure"}, now_ms=0)
    assert ask.query == "type=A%26B&status=all"
    assert ask.by == "failure"
    assert ask.cursor == "1-2"


def test_htmx_gets_the_list_only(viewer: Client) -> None:
    make_letter()
    text = viewer.get("/dead-letters/", headers={"HX-Request": "true"}).content.decode()
    assert "<html" not in text
    assert "evt_1" in text


def test_nothing_in_any_field_can_script_a_page(viewer: Client) -> None:
    bad = HOSTILE[:190]
    letter = make_letter(
        event_id=bad, event_type=bad, source=bad, correlation_id=bad, topic=bad, offset=bad[:60],
        consumer=bad, consumer_group=bad, error_type=bad, error_message=bad, error_stack=bad,
        event=b'{"x":"' + b"<script>alert(1)</script>" + b'"}',
        headers=msgspec.msgpack.encode([[bad.encode(), bad.encode()]]),
    )  # fmt: skip
    for path in ("/dead-letters/", "/dead-letters/?by=failure", f"/dead-letters/{letter.pk}/"):
        text = viewer.get(path).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "alert(1)" in unescape(text)


@pytest.mark.parametrize("by", ["type", "consumer", "topic", "error", "day"])
def test_other_groupings(viewer: Client, by: str) -> None:
    make_letter(1, event_type="A&B", received_ms=time.time_ns() // 1_000_000)
    text = viewer.get(f"/dead-letters/?by={by}").content.decode()
    shown = {"type": "A&amp;B", "consumer": "inventory", "topic": "orders-topic"}
    assert shown.get(by, "OUT_OF_STOCK" if by == "error" else "Open at its end") in text
    assert "Fill and drain" in text


def test_text_is_looked_for_inside(viewer: Client) -> None:
    make_letter(1, error_stack="deep inside.py")
    make_letter(2)
    found = viewer.get("/dead-letters/", {"q": "deep INSIDE"})
    assert ids(found) == ["evt_1"]
    none = viewer.get("/dead-letters/", {"q": "nowhere"}).content.decode()
    assert "2 letters were looked through" in none


def test_what_hurts_most_stands_above_the_letters(viewer: Client) -> None:
    for number in range(3):
        make_letter(number)
    make_letter(9, fingerprint="b" * 16, error_type="TIMEOUT")
    worst = viewer.get("/dead-letters/").context["worst"]
    assert [(row.group.key[0], row.group.open) for row in worst] == [("f", 3), ("b", 1)]


@pytest.mark.parametrize("query", ["", "by=failure", "by=type", "by=day", "q=OUT"])
def test_list_asks_the_same_number_of_queries_for_1_and_for_30(viewer: Client, query: str) -> None:
    counts = []
    viewer.get("/dead-letters/")
    for start, end in ((0, 1), (1, 30)):
        for number in range(start, end):
            make_letter(number, fingerprint=f"{number:016}")
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["events"]) as events,
        ):
            viewer.get(f"/dead-letters/?{query}")
        counts.append((len(default), len(events)))
    assert counts[0] == counts[1]
