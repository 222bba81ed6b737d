"""From a pasted id to the story, as a person does it."""

from __future__ import annotations

import re
import time
from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Tab, open_context, until
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]


def moment(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + seconds))


def receipt(event_id: str, consumer: str, outcome: str, **more: Any) -> dict[str, Any]:
    return {
        "eventId": event_id,
        "eventType": "ORDER_CREATED",
        "consumer": consumer,
        "consumerGroup": consumer,
        "topic": "orders-topic",
        "attempt": 1,
        "startedAt": moment(0),
        "endedAt": moment(1),
        "durationMs": 40,
        "outcome": outcome,
        **more,
    }


@pytest.fixture(scope="module", autouse=True)
def shop(chromium: Browser, session: object, house: House) -> None:
    """One order with its consequences, and sixty others; all of them stored."""
    metadata = {
        "source": "inventory-service",
        "correlationId": "corr_story",
        "causationId": "evt_9001",
    }
    house.publish(
        *(event(number, "LISTED_ORDER") for number in range(60)),
        event(9001, payload={"orderId": "ORD_789"}, metadata={"correlationId": "corr_story"}),
        event(9002, "INVENTORY_UPDATED", payload={"orderId": "ORD_789"}, metadata=metadata),
        event(9003, "ORPHAN", metadata={**metadata, "causationId": "evt_gone"}),
    )
    error = {"type": "PaymentError", "message": "provider timed out", "stack": "Traceback"}
    house.publish(
        event(
            9100,
            "ProcessingReceipts",
            payload={
                "receipts": [
                    receipt("evt_9001", "inventory-service", "success"),
                    receipt("evt_9001", "payment-service", "retry", error=error),
                ]
            },
        ),
        event(9101, "AFTER_THE_RECEIPTS"),
        topic="system-events",
    )
    context = open_context(chromium, storage_state=session)
    for last in ("evt_9003", "evt_9101"):
        await_stored(context.new_page(), house, last)
    context.close()


def await_stored(page: Page, house: House, event_id: str) -> None:
    url = f"{house.url}/api/v1/events/{event_id}"
    until(page, lambda: page.request.get(url).ok, f"{event_id} was not stored")


def search(tab: Tab, text: str) -> None:
    """As a person: the key, the paste, enter; until what was just published is stored."""
    page = tab.go("/events/")

    def found() -> bool:
        page.keyboard.press("i")
        page.keyboard.insert_text(text)
        with page.expect_navigation():
            page.keyboard.press("Enter")
        return "/search/" not in page.url

    until(page, found, f"{text} was not found")


@pytest.mark.parametrize("tab", [(1440, "light"), (390, "dark")], indirect=True)
def test_pasted_event_id_opens_its_story_with_the_event_marked(tab: Tab) -> None:
    search(tab, "evt_9101")
    search(tab, "  evt_9002 ")
    page = tab.page

    expect(page.locator("#event .ex-type")).to_have_text("INVENTORY_UPDATED")
    expect(page.locator(".ex-line")).to_have_count(4)
    expect(page.locator(".ex-missing")).to_contain_text("evt_gone")
    expect(page.locator(".ex-errors")).to_contain_text("PaymentError provider timed out")
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_payload_is_fetched_when_its_event_is_selected(tab: Tab) -> None:
    search(tab, "corr_story")
    page = tab.page

    line = page.locator(".ex-line", has_text="ORDER_CREATED")
    line.get_by_role("link", name="ORDER_CREATED").click()

    expect(page.locator("#story-panel .ex-json")).to_contain_text('"ORD_789"')


def test_shared_order_id_finds_its_one_story(tab: Tab) -> None:
    search(tab, "ORD_789")
    assert tab.page.url.endswith("/correlations/corr_story/")


def test_unknown_id_says_what_was_searched(tab: Tab) -> None:
    page = tab.go("/search/?q=nowhere")

    expect(page.get_by_text("Nothing has this id")).to_be_visible()
    expect(page.get_by_text("payload.orderId")).to_be_visible()
    page.get_by_role("link", name="Read through payloads for it").click()
    expect(page.get_by_text("No event fits these filters")).to_be_visible()


def test_list_is_walked_by_keyboard_and_paged_with_its_state_in_the_address(tab: Tab) -> None:
    search(tab, "evt_59")
    page = tab.go("/events/?type=LISTED_*")
    expect(page.locator("tbody tr")).to_have_count(50)

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("k")
    first = page.locator("tbody tr").first
    expect(first).to_be_focused()
    target = first.get_attribute("data-href") or ""
    page.get_by_role("link", name="Older").click()
    expect(page.locator("tbody tr")).to_have_count(10)
    assert "type=LISTED_%2A" in page.url
    page.go_back()
    page.keyboard.press("j")
    page.keyboard.press("Enter")
    page.wait_for_url(f"**{target}")


def test_filter_form_puts_only_what_is_set_into_the_address(tab: Tab) -> None:
    page = tab.go("/events/?range=1h")

    page.locator("[data-filters] > summary").click()
    page.locator("[data-filters]").get_by_label("Type", exact=True).fill("INVENTORY_UPDATED")
    page.get_by_role("button", name="Show").click()

    page.wait_for_url(re.compile(r"/events/\?type=INVENTORY_UPDATED&range=1h$"))
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize("tab", [(1440, "dark"), (390, "light")], indirect=True)
@pytest.mark.parametrize(
    "path", ["/events/", "/catalog/", "/topology/", "/flows/", "/api/docs", "/events/evt_1/"]
)
def test_pages_fit_the_screen_and_obey_the_policy(tab: Tab, path: str) -> None:
    page = tab.go(path)
    expect(page.locator("h1")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
