from __future__ import annotations

import re
from html import unescape

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def ids_in(html: str) -> list[str]:
    """Event ids in the order of the list's rows."""
    return re.findall(r'<tr data-href="/events/([^"]+)/"', html)


def get(visitor: Client, url: str, status: int = 200) -> str:
    response = visitor.get(url)
    assert response.status_code == status, response.content.decode()[:2000]
    return response.content.decode()


def text_of(html: str) -> str:
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", html)).split())


@pytest.mark.parametrize(
    "url", ["/search/?q=a", "/events/", "/events/x/", "/correlations/x/", "/catalog/"]
)
def test_nobody_sees_anything_without_signing_in(url: str) -> None:
    response = Client().get(url)
    assert response.status_code == 302
    assert response["Location"].startswith(reverse("accounts:sign-in"))


def test_list_tells_nothing_stored_from_nothing_found(visitor: Client, house: House) -> None:
    assert 'data-nothing="ever"' in get(visitor, "/events/")
    house.publish([envelope("evt_1")])
    found = get(visitor, "/events/?type=NEVER_SEEN")
    assert "data-nothing>" in found
    assert "No event fits these filters" in found
    assert "data-nothing" not in get(visitor, "/events/")


def test_list_shows_newest_first_with_outcomes_of_their_receipts(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2"), envelope("evt_3")])
    house.receipts([receipt("evt_1"), receipt("evt_2", outcome="failed", error="no stock")])

    html = get(visitor, "/events/?topic=orders-topic")

    assert ids_in(html) == ["evt_3", "evt_2", "evt_1"]
    assert re.findall(r'data-status="([a-z_]+)"', html) == ["unprocessed", "failed", "delivered"]


@pytest.mark.parametrize("filters", ["type=ORDER_*", "system=hide", "system=show", "q=ord_789"])
def test_list_pages_by_key_whatever_arrives_meanwhile(
    visitor: Client, house: House, filters: str
) -> None:
    house.publish([envelope(f"evt_{number}") for number in range(25)])
    url = f"/events/?{filters}&range=all&limit=10"
    seen: list[str] = []

    while url:
        html = get(visitor, url)
        seen += ids_in(html)
        following = re.search(r'href="([^"]+)" rel="next"', html)
        url = unescape(following[1]) if following else ""
        assert not url or "range=all" in url
        if len(seen) == 10:
            house.publish([envelope("evt_late", "ORDER_LATE")], at=9000)

    assert seen == [f"evt_{number}" for number in reversed(range(25))]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("type=PAYMENT_PROCESSED", ["evt_p"]),
        ("type=PAYMENT_*,ORDER_CREATED&order=oldest", ["evt_o", "evt_p"]),
        ("source=payment-service", ["evt_p"]),
        ("topic=orders-topic", ["evt_o"]),
        (f"topic=orders-topic&since={START + 6}", []),
        (f"topic=orders-topic&until={START + 6}", ["evt_o"]),
        ("correlationId=corr_2", ["evt_p"]),
        ("causationId=evt_o", ["evt_p"]),
        ("id=evt_p", ["evt_p"]),
        ("key=ORD_5", ["evt_p"]),
        ("key=ORD_5&topic=orders-topic", []),
        ("entity=order:ORD_5", ["evt_p"]),
        ("entity=customer:ORD_5", []),
        ("entity=parcel:ORD_5", ["evt_p"]),
        ("q=ord_5", ["evt_p"]),
        ("q=nowhere", []),
        ("outcome=delivered", ["evt_o"]),
        ("outcome=unprocessed", ["evt_p"]),
        ("", ["evt_p", "evt_o"]),
        ("system=show", ["receipts-100", "evt_p", "evt_o"]),
        ("system=hide&q=receipts", []),
        ("type=!PAYMENT_*", ["evt_o"]),
        ("type=!PAYMENT_*&system=show", ["receipts-100", "evt_o"]),
        ("consumer=inventory-*", ["evt_o"]),
        ("consumer=!inventory-*", ["evt_p"]),
        ("consumer=mail", []),
        ("consumer=mail&outcome=unprocessed", ["evt_p", "evt_o"]),
        ("outcome=delivered,unprocessed&order=oldest", ["evt_o", "evt_p"]),
        ("outcome=!delivered", ["evt_p"]),
        ("duration=>9ms", ["evt_o"]),
        ("duration=10ms", []),
        ("payload.orderId=ORD_5", ["evt_p"]),
        ("payload.orderId=ORD_5&payload.orderId=ORD_789&system=hide", ["evt_p", "evt_o"]),
        ("payload.customerId=ORD_5", []),
        ("payload.orderId=ORD_5&q=payment&q=processed", ["evt_p"]),
        ("type=Processing*", ["receipts-100"]),
        ("key=ORD_789&outcome=delivered", ["evt_o"]),
        ("key=ORD_789&q=ord_789", ["evt_o"]),
        ("type=%5BO%5DRDER_CREATED", []),
    ],
)
def test_every_filter_selects(
    visitor: Client, counting_house: House, query: str, expected: list[str]
) -> None:
    counting_house.publish([envelope("evt_o")])
    counting_house.publish(
        [
            envelope(
                "evt_p",
                "PAYMENT_PROCESSED",
                correlation="corr_2",
                cause="evt_o",
                source="payment-service",
                payload={"orderId": "ORD_5"},
            )
        ],
        topic="payments-topic",
        at=20,
    )
    counting_house.receipts([receipt("evt_o")])

    assert ids_in(get(visitor, f"/events/?{query}")) == expected


def test_found_events_are_paged_by_place(visitor: Client, house: House) -> None:
    house.publish([envelope(f"evt_{number}") for number in range(7)])
    first = get(visitor, "/events/?key=ORD_789&limit=5")
    following = re.search(r'href="([^"]+)" rel="next"', first)
    assert following

    second = get(visitor, unescape(following[1]))

    assert ids_in(first) + ids_in(second) == [f"evt_{number}" for number in reversed(range(7))]


def test_newest_events_of_a_value_come_first_however_many_carry_it(
    visitor: Client, house: House
) -> None:
    house.publish([envelope(f"evt_{number}") for number in range(450)])

    html = get(visitor, "/events/?payload.orderId=ORD_789&limit=3")
    last = get(visitor, f"/events/?key=ORD_789&limit=3&until={START + 8}")

    assert ids_in(html) == ["evt_449", "evt_448", "evt_447"]
    assert ids_in(last) == ["evt_2", "evt_1", "evt_0"]


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("colour=red", "colour"),
        ("since=yesterday", "since"),
        ("cursor=forged", "cursor"),
        ("limit=5000", "limit"),
        ("type=" + "x" * 10_240, "type"),
        ("q=%00", "q"),
    ],
)
def test_wrong_filter_is_a_400_that_names_the_place(
    visitor: Client, house: House, query: str, place: str
) -> None:
    html = get(visitor, f"/events/?{query}", 400)
    assert f'<strong class="es-mono">{place}</strong>' in html


def test_query_bar_leads_to_the_parameters_of_the_list(visitor: Client, house: House) -> None:
    response = visitor.get(
        "/events/",
        {"query": 'type:A,B -source:c payload.orderId:"x y"', "limit": "9", "type": "OLD"},
    )

    assert response.status_code == 303
    assert response["Location"] == (
        "/events/?type=A&type=B&source=%21c&payload.orderId=x+y&limit=9"
    )


@pytest.mark.parametrize(
    ("query", "marked"), [("type:A colour:red", "colour"), ('source:"a', "&quot;a")]
)
def test_query_that_is_not_understood_is_a_400_that_marks_the_place(
    visitor: Client, house: House, query: str, marked: str
) -> None:
    assert f"<mark>{marked}</mark>" in get(visitor, f"/events/?query={query}", 400)


def test_query_of_ten_kilobytes_is_a_400(visitor: Client, house: House) -> None:
    assert "longer than 4096 characters" in get(visitor, f"/events/?query={'x' * 10_240}", 400)


def test_cursor_of_another_list_is_refused(visitor: Client, house: House) -> None:
    house.publish([envelope(f"evt_{number}") for number in range(5)])
    html = get(visitor, "/events/?type=ORDER_CREATED&limit=2")
    cursor = re.search(r"cursor=([^&\"]+)", html)
    assert cursor

    text = text_of(get(visitor, f"/events/?type=OTHER&cursor={cursor[1]}", 400))

    assert "cursor : belongs to another list" in text


def test_list_costs_hardly_more_queries_for_thirty_rows_than_for_one(
    visitor: Client, house: House
) -> None:
    """The store looks keys up in slices, so a page of many events takes a slice more, not a row."""
    house.publish([envelope("evt_0")], topic="small-topic")
    house.publish([envelope(f"evt_{number}") for number in range(1, 31)], at=100)
    house.receipts([receipt(f"evt_{number}") for number in range(31)])
    costs = {}

    for topic, rows in (("small-topic", 1), ("orders-topic", 30)):
        get(visitor, f"/events/?topic={topic}")
        with CaptureQueriesContext(connections["events"]) as queries:
            html = get(visitor, f"/events/?topic={topic}")
        assert len(ids_in(html)) == rows
        costs[rows] = len(queries)

    assert costs[1] <= costs[30] <= costs[1] + 2


def test_event_page_tells_receipts_cause_effects_and_places(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1")], headers=((b"tenant", b"acme"),))
    house.publish([envelope("evt_2", "INVENTORY_UPDATED", cause="evt_1")], at=50)
    house.publish([envelope("evt_3", "STOCK_LOW", cause="evt_2"), envelope("evt_2")], at=70)
    house.receipts(
        [
            receipt("evt_2", "shipping", "retry", at=60, error="busy"),
            receipt("evt_2", "shipping", at=90, attempt=2),
        ]
    )
    letter = house.dead_letter("evt_1")

    text = text_of(get(visitor, "/events/evt_2/"))
    first = text_of(get(visitor, "/events/evt_1/"))

    assert "Seen 2 times" in text
    assert "ORDER_CREATED evt_1" in text
    assert "PaymentError busy Traceback: busy" in text
    assert "INVENTORY_UPDATED this event STOCK_LOW" in text
    assert "retried from order-service" in text
    assert "tenant acme" in first
    assert "dead-lettered from order-service" in first
    assert letter.error_message in first


def test_unknown_event_and_correlation_are_404(visitor: Client, house: House) -> None:
    get(visitor, "/events/evt_nowhere/", 404)
    get(visitor, "/correlations/corr_nowhere/", 404)


@pytest.mark.parametrize(
    ("value", "location"),
    [
        ("corr_1", "/correlations/corr_1/"),
        ("  corr_1\n", "/correlations/corr_1/"),
        ("evt_2", "/correlations/corr_1/?event=evt_2#event"),
        ("ORD_only", "/correlations/corr_1/"),
    ],
)
def test_any_id_leads_to_its_story(
    visitor: Client, house: House, value: str, location: str
) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2", payload={"orderId": "ORD_only"})])

    response = visitor.get("/search/", {"q": value})

    assert (response.status_code, response["Location"]) == (302, location)


def test_value_of_several_correlations_is_a_choice_newest_first(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2", correlation="corr_2"), envelope("evt_3")])

    html = get(visitor, "/search/?q=ORD_789")

    assert re.findall(r'<tr data-href="/correlations/([^/]+)/"', html) == ["corr_1", "corr_2"]
    assert "occurs in 3 events of 2 correlations" in text_of(html)


def test_nothing_found_says_what_was_searched_and_what_is_indexed(
    visitor: Client, house: House
) -> None:
    text = text_of(get(visitor, "/search/?q=ORD_404"))

    assert "Nothing has this id" in text
    assert "ORD_404" in text
    assert "payload.orderId" in text


def test_search_refuses_what_is_no_id(visitor: Client, house: House) -> None:
    get(visitor, "/search/?q=" + "x" * 513, 400)


NASTY = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>"


def test_no_field_of_an_event_is_ever_markup(visitor: Client, house: House) -> None:
    body = envelope(
        f"evt{NASTY}",
        f"TYPE{NASTY}",
        correlation=f"corr{NASTY}",
        cause=f"cause{NASTY}",
        source=f"source{NASTY}",
        payload={"orderId": f"ORD{NASTY}", NASTY: [NASTY]},
    )
    house.publish([body], headers=((NASTY.encode(), NASTY.encode()),), topic="orders-topic")
    told = receipt(f"evt{NASTY}", f"c{NASTY}", "failed", error=NASTY)
    house.receipts([{**told, "outcome": f"failed{NASTY}", "instance": NASTY}])
    house.dead_letter(f"evt{NASTY}", error_type=NASTY, error_message=NASTY)
    event_url = reverse("explore:event", args=[f"evt{NASTY}"])
    story_url = reverse("explore:correlation", args=[f"corr{NASTY}"])

    for url in (
        "/events/",
        f"/events/?{'q=%3Cscript%3Ealert(1)'}",
        event_url,
        story_url,
        "/catalog/",
        "/search/?q=%3Cscript%3Ealert(1)%3C/script%3E",
    ):
        html = get(visitor, url)
        assert "<script>alert" not in html, url
        assert "<img src=x" not in html, url
        assert "alert(1)" in html, url


def test_event_of_no_known_format_is_shown_whole(visitor: Client, house: House) -> None:
    (record,) = house.publish([b'{"temperature": 21.5}'], topic="sensors")

    text = text_of(get(visitor, reverse("explore:event", args=[record.event_id])))

    assert "Envelope opaque" in text
    assert '"temperature" : 21.5' in text


def test_names_complete_to_what_was_seen(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1", "A"), envelope("evt_2", "B", source="s")])

    html = get(visitor, "/events/")

    assert re.findall(r'<option value="(\w+)"></option>', html) == ["A", "B", "s"]


def test_catalog_joins_publishers_and_handlers_of_a_type(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1", "A", source="one"), envelope("evt_2", "A", source="two")])

    assert "A one, two orders-topic —" in text_of(get(visitor, "/catalog/"))


def test_topology_names_who_sends_where(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1", "A", source=f"shop{NASTY}")])

    html = get(visitor, "/topology/")

    assert f"shop{NASTY} orders-topic A" in unescape(re.sub(r"</?t[dr][^>]*>", " ", html)).replace(
        "  ", " "
    )
    assert "<script>alert" not in html
    assert "No flow is known yet" not in html


def test_moment_that_a_chart_asks_for_is_written_out(visitor: Client, house: House) -> None:
    html = get(visitor, f"/events/?since={START}&until={START + 1000}")

    assert 'name="since" value="2026-11-25T09:46:40.000Z"' in html


def test_event_that_was_too_large_is_listed_found_and_shown_as_cut(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_big", payload={"orderId": "ORD_big", "blob": "x" * 1_200_000})])

    (url,) = re.findall(r'<tr data-href="(/events/[^"]+)"', get(visitor, "/events/"))
    text = text_of(get(visitor, unescape(url)))

    assert "is stored cut short" in text
    assert "1.1 MB" in text
    found = visitor.get("/search/?q=evt_big")
    assert (found.status_code, found["Location"]) == (
        302,
        "/correlations/corr_1/?event=evt_big#event",
    )
