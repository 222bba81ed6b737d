"""A failure is divided by what its messages say, and put together again."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab, asked_again
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

FIRST, LETTERS = 11600, 4
KINDS = {(1440, "light"): "DIVIDED_WIDE", (390, "dark"): "DIVIDED_NARROW"}


def given_up(number: int, kind: str) -> dict[str, Any]:
    failed = event(number, f"{kind}_ORDER")
    message = f"shelf {101 if number % 2 else 202} is empty"
    error = {"type": kind, "message": message, "stack": "at pick (pick.js:1:1)"}
    told = {"event": failed, "error": error, "consumer": "picker", "attempts": 4}
    return event(number + 100, "DeadLettered", payload=told)


@pytest.fixture(scope="module", autouse=True)
def letters(house: House) -> None:
    for place, kind in enumerate(KINDS.values()):
        numbers = range(FIRST + place * 10, FIRST + place * 10 + LETTERS)
        house.publish(*(given_up(number, kind) for number in numbers), topic="failed-events")


def open_failure(tab: Tab, kind: str) -> None:
    url = f"{tab.house.url}/dead-letters/?by=failure&error={kind}"
    row = tab.page.locator("tbody tr", has_text=kind)
    opened = row.filter(has=tab.page.locator("strong", has_text=re.compile(f"^{LETTERS}$")))
    asked_again(tab.page, url, opened.count, "the letters were not stored")
    row.locator("a").first.click()
    tab.page.wait_for_url(re.compile("/dead-letters/groups/"))


@pytest.mark.parametrize(("tab", "kind"), list(KINDS.items()), indirect=["tab"])
def test_a_failure_is_divided_and_put_together_again(tab: Tab, kind: str) -> None:
    open_failure(tab, kind)
    page, whole = tab.page, tab.page.url
    page.get_by_label("Text or name").fill("shelf 101")
    page.get_by_role("button", name="Divide").click()
    expect(page.get_by_text("Kept apart, those that come later too")).to_be_visible()
    page.get_by_role("link", name="message contains shelf 101").click()
    page.wait_for_url(lambda url: url != whole)
    expect(page.get_by_text("Kept apart from")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")

    page.get_by_role("button", name="Put back").click()

    page.wait_for_url(whole)
    expect(page.locator(".gr-history")).to_contain_text("joined")
