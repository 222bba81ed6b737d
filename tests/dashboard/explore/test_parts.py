"""The parts of the events page that its script asks for."""

from __future__ import annotations

import re
from html import unescape
from urllib.parse import quote

import pytest
from django.test import Client

from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = [
    pytest.mark.django_db(databases=["default", "events"]),
    pytest.mark.usefixtures("every_store"),
]

EVIL = '"><script>alert(1)</script>'


@pytest.mark.parametrize("part", ["histogram", "facets", "more", "tail", "completions"])
def test_part_is_for_those_who_are_signed_in(part: str) -> None:
    answer = Client().get(f"/explore/{part}/")
    assert (answer.status_code, answer["Location"][:9]) == (302, "/sign-in/")


@pytest.mark.parametrize(
    ("address", "told"),
    [
        ("histogram/?nope=1", "nope: unknown filter"),
        ("facets/?since=yesterday", "since: 'yesterday' is not a time"),
        ("more/?cursor=forged", "cursor: not one that Eventscope gave out"),
        ("tail/?after=forged", "after: not one that Eventscope gave out"),
        ("tail/?columns=x", "columns: 'x' is none of"),
        ("completions/?query=a&caret=-1", "caret: '-1' is not a place"),
    ],
)
def test_part_asked_wrongly_is_a_problem_that_names_the_place(
    visitor: Client, house: House, address: str, told: str
) -> None:
    answer = visitor.get(f"/explore/{address}")
    assert (answer.status_code, answer["Content-Type"]) == (400, "application/problem+json")
    assert answer.json()["detail"].startswith(told)


def test_histogram_of_what_was_read_counts_by_outcome(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2")])
    house.receipts([receipt("evt_1", outcome="failed", error="no")])

    told = visitor.get(f"/explore/histogram/?q=ord_789&since={START}&until={START + 60_000}").json()

    assert (told["basis"], told["exact"], told["stepMs"]) == ("events", True, 1000)
    assert told["bins"][0] == {
        "atMs": START,
        "counts": {"failed": 1, "unprocessed": 1},
        "known": True,
    }


def test_facets_lead_to_the_list_with_and_without_their_value(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2", f"T{EVIL}")])

    html = visitor.get("/explore/facets/?q=ord_789&columns=time&range=all").content.decode()

    links = [unescape(link) for link in re.findall(r'href="([^"]+)"', html)]
    assert "/events/?q=ord_789&range=all&type=ORDER_CREATED&columns=time" in links
    assert f"/events/?q=ord_789&range=all&type=%21T{quote(EVIL, safe='')}&columns=time" in links
    assert "<script>" not in html


def test_more_goes_on_where_the_page_ended(visitor: Client, house: House) -> None:
    house.publish([envelope(f"evt_{n}") for n in range(5)])
    first = visitor.get("/events/?q=ord_789&limit=2")
    cursor = first.context["scan"].cursor

    html = visitor.get(f"/explore/more/?q=ord_789&limit=9&cursor={quote(cursor)}").content.decode()

    assert re.findall(r'data-id="([^"]+)"', html) == ["evt_2", "evt_1", "evt_0"]
    assert 'data-complete="yes" data-cursor=""' in html
    assert 'data-scanned="3"' in html


def test_tail_begins_with_nothing_and_says_what_to_ask_next(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1")])
    html = visitor.get("/explore/tail/?type=ORDER_*").content.decode()
    assert re.fullmatch(
        r'<table data-next="[\w:.-]+" data-skipped="0"><tbody></tbody></table>\n', html
    )


def test_completions_propose_names_that_were_seen_and_say_what_is_wrong(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_1")])

    told = visitor.get("/explore/completions/?query=type:ORD&caret=8").json()
    assert told["completions"][0] == {
        "text": "ORDER_CREATED",
        "at": 5,
        "length": 3,
        "kind": "value",
        "hint": "ORDER_CREATED",
    }
    assert told["error"] is None

    wrong = visitor.get("/explore/completions/?query=typo:x&caret=6").json()["error"]
    assert (wrong["at"], wrong["length"]) == (0, 4)
    assert "did you mean type?" in wrong["reason"]


def test_chips_take_away_one_value_at_a_time(visitor: Client, house: House) -> None:
    answer = visitor.get("/events/?type=A,!B&q=x,y&q=z&outcome=failed&outcome=retried&columns=time")
    chips = {(one["name"], one["value"]): one["url"] for one in answer.context["chips"]}
    assert chips["type", "!B"] == (
        "/events/?type=A&q=x%2Cy&q=z&outcome=failed&outcome=retried&columns=time"
    )
    assert (
        chips["q", "x,y"]
        == "/events/?type=A%2C%21B&q=z&outcome=failed&outcome=retried&columns=time"
    )
    assert chips["outcome", "retried"] == (
        "/events/?type=A%2C%21B&q=x%2Cy&q=z&outcome=failed&columns=time"
    )


@pytest.mark.parametrize("query", ["range=1h", "since=90m", "since=2h&until=1h"])
def test_age_is_pinned_to_times(visitor: Client, house: House, query: str) -> None:
    pinned = visitor.get(f"/events/?type=A&{query}").context["pinned_url"]
    assert re.fullmatch(r"/events/\?type=A&since=2[\w%.-]+Z&until=2[\w%.-]+Z", pinned)


@pytest.mark.parametrize(
    "query", ["", "range=all", f"since={START}", "since=2026-01-01T00:00:00Z&until=2026-02-01"]
)
def test_what_is_absolute_offers_no_pin(visitor: Client, house: House, query: str) -> None:
    assert visitor.get(f"/events/?{query}").context["pinned_url"] == ""


def test_bar_says_what_the_address_asks(visitor: Client, house: House) -> None:
    answer = visitor.get("/events/?type=A&payload.orderId=x+y&outcome=failed&columns=time")
    assert answer.context["bar_text"] == 'type:A payload.orderId:"x y" outcome:failed'
