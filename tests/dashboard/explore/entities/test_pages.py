"""The pages of entities, and the links to them."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from django.core.checks import run_checks
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from pytest_django.fixtures import Settings

from dashboard.preflight import PreflightError, check_entities
from eventscope.sourcing import reducer
from ingest.options import EntityOptions, StepOptions
from tests.dashboard.explore.factories import START, House, envelope, receipt
from tests.dashboard.explore.test_pages import NASTY, get, text_of

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def declare(settings: Settings, **changes: Any) -> None:
    options = EntityOptions(**{"types": ("ORDER_*",), "id": "payload.orderId", **changes})
    settings.INGEST = msgspec.structs.replace(settings.INGEST, entities={"order": options})


def told(event_id: str, type: str = "ORDER_CREATED", **payload: Any) -> dict[str, Any]:
    return envelope(event_id, type, payload={"orderId": "ORD_1", **payload})


def rows_in(html: str) -> list[str]:
    return re.findall(r'<span class="en-number">(\d+)</span>', html)


@pytest.fixture
def order(house: House) -> House:
    """Three events a second apart, the second with a receipt."""
    house.publish([told("evt_1", status="new", items=[{"productId": "P", "quantity": 1}])], at=1000)
    house.publish([told("evt_2", "ORDER_PAID", status="paid", paid=5)], at=2000)
    house.publish([told("evt_3", "ORDER_SHIPPED", status="shipped", paid=None)], at=3000)
    house.receipts([receipt("evt_2", outcome="failed", error="no stock")], at=2500)
    return house


@pytest.mark.parametrize("url", ["/entities/", "/entities/order/ORD_1/"])
def test_nobody_sees_an_entity_without_signing_in(url: str) -> None:
    assert Client().get(url).status_code == 302


def test_entity_shows_its_newest_state_and_what_each_event_changed(
    visitor: Client, order: House
) -> None:
    html = get(visitor, "/entities/order/ORD_1/")
    text = text_of(html)

    assert rows_in(html) == ["3", "2", "1"]
    assert "guessed kind" in text
    assert "3 of 3" in text
    assert "State after 3 events" in text
    assert "ORDER_PAID order-service failed" in text
    assert 'status "new" "paid"' in text
    assert '"status" : "paid" "shipped"' in text
    assert re.findall(r'data-mark="(\w+)"><del>', html) == ["removed"]
    assert rows_in(get(visitor, "/entities/order/ORD_1/?order=oldest")) == ["1", "2", "3"]


@pytest.mark.parametrize(
    ("query", "step", "state"),
    [
        ("step=0", 0, ""),
        ("step=1", 1, '"new"'),
        ("step=99", 3, '"shipped"'),
        ("event=evt_2", 2, '"paid"'),
        (f"at={START + 999}", 0, ""),
        (f"at={START + 1000}", 1, '"new"'),
        (f"at={START + 2999}", 2, '"paid"'),
        (f"at={START + 3000}", 3, '"shipped"'),
    ],
)
def test_any_moment_can_be_chosen(
    visitor: Client, order: House, query: str, step: int, state: str
) -> None:
    html = get(visitor, f"/entities/order/ORD_1/?{query}")

    assert f'data-step="{step}" data-steps="3"' in html
    assert f'value="{step}"' in html
    shown = text_of(html.partition('id="entity-state"')[2].partition('id="entity-history"')[0])
    assert state in shown


def test_step_is_answered_as_a_part_whose_address_names_its_moment(
    visitor: Client, order: House
) -> None:
    answer = visitor.get("/entities/order/ORD_1/?step=2", headers={"HX-Request": "true"})
    html = answer.content.decode()

    assert "<html" not in html
    [url] = re.findall(r'data-url="([^"]+)"', html)
    assert url == "/entities/order/ORD_1/?at=2026-11-25T09%3A46%3A42.000Z"
    assert 'data-step="2"' in get(visitor, url)


@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("/entities/order/ORD_1/?at=yesterday", "at"),
        ("/entities/order/ORD_1/?at=99999-01-01", "at"),
        ("/entities/order/ORD_1/?step=-1", "step"),
        ("/entities/order/ORD_1/?step=1&at=1h", "step"),
        ("/entities/order/ORD_1/?from=x", "from"),
        ("/entities/order/ORD_1/?order=sideways", "order"),
        ("/entities/order/ORD_1/?event=evt_other", "event"),
        ("/entities/order/ORD_1/?event=" + "x" * 600, "event"),
        ("/entities/order/ORD_1/?at=1h&at=5m", "at"),
        ("/entities/order/ORD_1/?colour=red", "colour"),
        ("/entities/house/ORD_1/", "kind"),
        ("/entities/?kind=house&id=1", "kind"),
        ("/entities/?kind=order&id=" + "x" * 600, "id"),
    ],
)
def test_what_is_not_right_is_a_400_that_names_the_place(
    visitor: Client, order: House, url: str, place: str
) -> None:
    assert f'<strong class="es-mono">{place}</strong>' in get(visitor, url, 400)


def test_entity_of_which_nothing_is_stored_is_a_404(visitor: Client, order: House) -> None:
    get(visitor, "/entities/order/ORD_404/", 404)


def test_box_leads_to_the_entity_whatever_its_id_holds(visitor: Client, house: House) -> None:
    name = "a/b c?d=1#e"
    house.publish([envelope("evt_1", payload={"orderId": name})])

    response = visitor.get("/entities/", {"kind": "order", "id": name})

    assert response.status_code == 302
    assert "3 of 3" not in get(visitor, response["Location"])
    assert name in text_of(get(visitor, response["Location"]))


def test_versions_order_the_history_and_mark_what_is_odd(
    visitor: Client, house: House, settings: Settings
) -> None:
    declare(settings, version="payload.version")
    versions = [3, 5, 4, 4, 9]
    house.publish(
        [told(f"evt_{at}", version=version, at=at) for at, version in enumerate(versions)]
    )

    text = text_of(get(visitor, "/entities/order/ORD_1/?order=oldest"))

    assert "The history begins at version 3" in text
    assert "Versions 6 to 8 are missing" in text
    assert "versions 6 to 8 are missing (3)" in text
    assert text.count("duplicate version") == 1
    assert text.count("out of order") == 2
    assert "State version 9" in text


def test_failure_of_a_reducer_is_shown_at_its_event(
    visitor: Client, house: House, settings: Settings
) -> None:
    @reducer("fails-at-paid")
    def fails(state: Any, event: Any) -> Any:
        if event.event_type == "ORDER_PAID":
            raise RuntimeError(f"cannot pay {NASTY}")
        return {**state, "last": event.event_type}

    declare(settings, reducer="fails-at-paid")
    house.publish([told("evt_1"), told("evt_2", "ORDER_PAID"), told("evt_3", "ORDER_SHIPPED")])

    html = get(visitor, "/entities/order/ORD_1/")

    assert f"RuntimeError: cannot pay {NASTY}"[:30] in text_of(html)
    assert '"ORDER_SHIPPED"' in text_of(html)
    assert "<script>alert" not in html
    assert "ORDER_PAID could not be applied" in text_of(
        get(visitor, "/entities/order/ORD_1/?step=2")
    )


def test_reducer_that_is_not_there_is_said_and_the_history_shown(
    visitor: Client, order: House, settings: Settings
) -> None:
    declare(settings, reducer="nowhere", module="no.such.module")

    html = get(visitor, "/entities/order/ORD_1/")

    assert "module no.such.module cannot be imported" in text_of(html)
    assert rows_in(html) == ["3", "2", "1"]
    assert "explore.E001" in {found.id for found in run_checks()}
    with pytest.raises(PreflightError, match=r"entities\.order\.reducer: module no\.such\.module"):
        check_entities()


def test_declared_steps_make_the_state(visitor: Client, order: House, settings: Settings) -> None:
    steps = (
        StepOptions(count="events"),
        StepOptions(on="ORDER_PAID", set="money.paid", from_="payload.paid"),
    )
    declare(settings, steps=steps)

    text = text_of(get(visitor, "/entities/order/ORD_1/"))

    assert '"money" : {' in text
    assert '"events" : 2 3' in text


def test_dead_letters_stand_at_their_events(visitor: Client, order: House) -> None:
    letter = order.dead_letter("evt_1")
    assert f"Dead letter {letter.pk} open" in text_of(get(visitor, "/entities/order/ORD_1/"))


def test_ten_thousand_events_are_shown_fifty_at_a_time(visitor: Client, house: House) -> None:
    for start in range(0, 10_000, 2000):
        house.publish([told(f"evt_{start + n}", n=start + n) for n in range(2000)], at=1000 + start)

    html = get(visitor, "/entities/order/ORD_1/")
    assert rows_in(html) == [str(step) for step in range(10_000, 9_950, -1)]
    [older] = re.findall(r'href="([^"]+)" data-load><svg[^>]*><use[^>]*></svg>Older', html)
    assert rows_in(get(visitor, older.replace("&amp;", "&")))[0] == "9950"
    middle = get(visitor, "/entities/order/ORD_1/?step=5000")
    assert 'data-step="5000"' in middle
    assert "5000" in rows_in(middle)
    assert middle.count('class="en-tick"') <= 201


def test_one_entity_costs_hardly_more_queries_for_thirty_events_than_for_one(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_0", payload={"orderId": "ORD_small"})], topic="small-topic")
    house.publish([told(f"evt_{number}") for number in range(1, 31)], at=100)
    house.receipts([receipt(f"evt_{number}") for number in range(31)])
    costs = {}

    for name, rows in (("ORD_small", 1), ("ORD_1", 30)):
        get(visitor, f"/entities/order/{name}/")
        with CaptureQueriesContext(connections["events"]) as queries:
            html = get(visitor, f"/entities/order/{name}/")
        assert len(rows_in(html)) == rows
        costs[rows] = len(queries)

    assert costs[1] <= costs[30] <= costs[1] + 2


@pytest.fixture
def kinds(settings: Settings) -> Callable[[int], None]:
    def declare_kinds(count: int) -> None:
        declared = {
            f"kind{number}": EntityOptions(types=("ORDER_*",), id=f"payload.x{number}")
            for number in range(count)
        }
        settings.INGEST = msgspec.structs.replace(settings.INGEST, entities=declared)

    return declare_kinds


def test_thirty_kinds_cost_no_more_queries_than_one(
    visitor: Client, house: House, kinds: Callable[[int], None]
) -> None:
    house.publish([envelope("evt_1", payload={f"x{number}": "id" for number in range(30)})])
    costs = []

    for count in (1, 30):
        kinds(count)
        get(visitor, "/entities/")
        with CaptureQueriesContext(connections["events"]) as queries:
            html = get(visitor, "/entities/")
        assert html.count('aria-labelledby="kind-kind') == count
        costs.append(len(queries))

    assert costs[0] == costs[1]


def test_kinds_tell_what_was_seen_and_what_would_be_worth_declaring(
    visitor: Client, order: House
) -> None:
    order.publish([told("evt_4", cartId="C"), told("evt_5", "ORDER_PAID", cartId="C")], at=4000)

    html = get(visitor, "/entities/")
    text = text_of(html)

    assert "order guessed" in text
    assert 'href="/entities/order/ORD_1/"' in html
    assert "payload.cartId occurs in 2 types : make it an entity cart" in text
    assert "[entities.cart]" in text
    assert "customer guessed" in text


def test_kinds_of_an_empty_store_are_shown_as_not_seen(visitor: Client, house: House) -> None:
    text = text_of(get(visitor, "/entities/"))
    assert "order guessed" in text
    assert "none lately" in text


def test_event_story_and_dead_letter_lead_to_their_entities(visitor: Client, order: House) -> None:
    letter = order.dead_letter("evt_1", event=b'{"eventId":"x","payload":{"orderId":"ORD_1"}}')
    link = 'href="/entities/order/ORD_1/"'

    assert link in get(visitor, "/events/evt_1/")
    assert link in get(visitor, "/correlations/corr_1/")
    assert link in get(visitor, reverse("recovery:dead-letter", args=[letter.pk]))


def test_search_offers_the_entity_whose_id_it_is(visitor: Client, order: House) -> None:
    order.publish([{**told("evt_9"), "metadata": {"correlationId": "corr_2", "source": "s"}}], at=9)

    html = get(visitor, "/search/?q=ORD_1")

    assert 'href="/entities/order/ORD_1/"' in html
    assert re.findall(r'<tr data-href="/correlations/([^/]+)/"', html) == ["corr_1", "corr_2"]


def test_no_id_or_value_is_markup(visitor: Client, house: House) -> None:
    name = f"ORD{NASTY}"
    payloads = [{"orderId": name, NASTY: [NASTY], "x": n, "cartId": NASTY} for n in (1, 2)]
    house.publish(
        [envelope(f"evt{n}{NASTY}", f"T{n}{NASTY}", payload=one) for n, one in enumerate(payloads)]
    )
    url = reverse("explore:entity", args=["order", name])

    for page in (
        url,
        f"{url}?step=1",
        "/entities/",
        reverse("explore:event", args=[f"evt0{NASTY}"]),
    ):
        html = get(visitor, page)
        assert "<script>alert" not in html, page
        assert "<img src=x" not in html, page
        assert "alert(1)" in html, page
        assert ' style="' not in html, page
