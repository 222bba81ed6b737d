"""From what hurts most to who has it, and through the letters of one failure by the keyboard."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab, asked_again
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

LETTERS = 4


def given_up(number: int) -> dict[str, Any]:
    failed = event(number, "KEYED_ORDER")
    error = {"type": "KEYED_FAILURE", "message": f"no stock for ORD_{number}", "stack": "Traceback"}
    told = {"event": failed, "error": error, "consumer": "inventory", "attempts": 4}
    return event(number + 50, "DeadLettered", payload=told)


@pytest.fixture(scope="module", autouse=True)
def letters(house: House) -> None:
    house.publish(
        *(given_up(number) for number in range(9300, 9300 + LETTERS)), topic="failed-events"
    )


def open_failure(tab: Tab) -> None:
    url = f"{tab.house.url}/dead-letters/?by=failure&error=KEYED_FAILURE"
    row = tab.page.locator("tr", has_text="KEYED_FAILURE")
    opened = row.filter(has=tab.page.locator("strong", has_text=re.compile(f"^{LETTERS}$")))
    asked_again(tab.page, url, opened.count, "the letters were not stored")
    row.locator("a").first.click()
    tab.page.wait_for_url(re.compile("/dead-letters/groups/"))


@pytest.mark.parametrize("tab", [(1440, "light"), (390, "dark")], indirect=True)
def test_a_failure_gets_an_owner_and_is_said_to_be_fixed(tab: Tab) -> None:
    open_failure(tab)
    page = tab.page
    page.get_by_label("Owner").fill("Ada")
    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("Saved.")).to_be_visible()
    page.get_by_label("Fixed: how").fill("restarted")
    page.get_by_role("button", name="It is fixed").click()

    expect(page.get_by_text("Noted as fixed")).to_be_visible()
    expect(page.get_by_label("Owner")).to_have_value("Ada")
    expect(page.locator(".gr-history")).to_contain_text("restarted")
    wide = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    assert wide <= 0


def test_j_and_k_go_through_the_letters_of_a_failure(tab: Tab) -> None:
    open_failure(tab)
    page = tab.page
    page.locator(".rc-letter").first.click()
    page.wait_for_url(re.compile(r"/dead-letters/\d+/"))
    newest = page.url
    page.keyboard.press("j")
    page.wait_for_url(lambda url: url != newest)
    older = page.url
    page.keyboard.press("k")
    page.wait_for_url(newest)
    assert older != newest
