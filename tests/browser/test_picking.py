"""Some rows are chosen, over two pages and by the keyboard, and what is done is done to them alone."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Tab, asked_again
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

FIRST, LETTERS, ON_A_PAGE = 11000, 53, 50
LIST = "/dead-letters/?error=PICKED_FAILURE"


def given_up(number: int) -> dict[str, Any]:
    failed = event(number, "PICKED_ORDER")
    stack = f"at pick{('Even', 'Odd')[number % 2]} (picker.js:7:1)"
    error = {"type": "PICKED_FAILURE", "message": "no shelf", "stack": stack}
    told = {"event": failed, "error": error, "consumer": "picker", "attempts": 4}
    return event(number + 500, "DeadLettered", payload=told)


@pytest.fixture(scope="module", autouse=True)
def letters(house: House) -> None:
    house.publish(
        *(given_up(number) for number in range(FIRST, FIRST + LETTERS)), topic="failed-events"
    )


@pytest.fixture
def page(tab: Tab) -> Page:
    """The list, when all letters are in it."""
    told = tab.page.get_by_text(f"{LETTERS} open of those that fit")
    return asked_again(tab.page, tab.house.url + LIST, told.count, "the letters were not stored")


def count(page: Page) -> Any:
    return page.locator("#rc-picked [data-count]")


def narrow_enough(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth <= innerWidth"))


@pytest.mark.parametrize("tab", [(1440, "light"), (390, "dark")], indirect=True)
def test_letters_of_two_pages_are_chosen_and_only_they_are_asked_about(page: Page) -> None:
    expect(page.locator("#rc-picked")).to_be_hidden()
    page.locator("[data-pick]").nth(1).check()
    page.locator("[data-pick]").nth(4).check()
    expect(count(page)).to_have_text("2 letters chosen")
    page.locator("a[rel=next]").click()
    page.wait_for_url(re.compile("cursor="))
    expect(count(page)).to_have_text("2 letters chosen")
    page.locator("[data-pick]").first.check()
    expect(count(page)).to_have_text("3 letters chosen")
    assert narrow_enough(page)

    page.get_by_role("button", name="Discard").click()

    expect(page.get_by_role("heading", name="Discard 3 letters")).to_be_visible()
    page.get_by_role("link", name="Back").click()
    expect(count(page)).to_have_text("3 letters chosen")
    page.get_by_role("button", name="Choose none").click()
    expect(page.locator("#rc-picked")).to_be_hidden()
    assert "letter=" not in page.url


def test_all_of_a_page_are_chosen_and_all_that_fit_are_offered(page: Page) -> None:
    page.locator("#rc-all").check()
    expect(count(page)).to_have_text(f"{ON_A_PAGE} letters chosen")
    page.get_by_role("button", name=f"All {LETTERS} that fit").click()
    expect(count(page)).to_have_text("All that fit are chosen")

    page.get_by_role("button", name="Archive", exact=True).click()

    expect(page.get_by_role("heading", name=f"Archive {LETTERS} letters")).to_be_visible()


def test_what_is_chosen_stays_chosen_when_the_list_is_renewed(page: Page) -> None:
    chosen = page.locator("[data-pick]").nth(2)
    chosen.check()
    value = chosen.input_value()
    with page.expect_response(lambda answer: "error=PICKED_FAILURE" in answer.url):
        pass
    expect(page.locator(f"[data-pick][value='{value}']")).to_be_checked()
    expect(count(page)).to_have_text("1 letter chosen")


def test_rows_are_chosen_by_the_keyboard(page: Page) -> None:
    page.keyboard.press("j")
    page.keyboard.press("x")
    for _ in range(3):
        page.keyboard.press("j")
    page.keyboard.press("Shift+X")
    expect(count(page)).to_have_text("4 letters chosen")
    page.keyboard.press("Escape")
    expect(page.locator("#rc-picked")).to_be_hidden()


def test_the_row_of_the_keyboard_is_kept_when_the_list_is_renewed(page: Page) -> None:
    for _ in range(3):
        page.keyboard.press("j")
    third = page.locator("a.rc-letter").nth(2)
    expect(third).to_be_focused()
    third.evaluate("link => { link.dataset.old = 1; }")
    expect(page.locator("[data-old]")).to_have_count(0)
    expect(third).to_be_focused()
    page.keyboard.press("j")
    expect(page.locator("a.rc-letter").nth(3)).to_be_focused()


def test_a_key_that_is_down_holds_the_list(page: Page) -> None:
    """Else the box of the space bar would be another one when it is let go."""
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    box = page.locator("[data-pick]").nth(1)
    box.focus()
    page.keyboard.down("Space")
    page.wait_for_timeout(6500)
    assert [url for url in asked if "PICKED_FAILURE" in url] == []
    page.keyboard.up("Space")
    expect(box).to_be_checked()
    expect(count(page)).to_have_text("1 letter chosen")


def test_failures_are_chosen_in_the_list_of_groups(page: Page, tab: Tab) -> None:
    tab.go("/dead-letters/?by=failure&error=PICKED_FAILURE")
    expect(page.locator("[data-pick]")).to_have_count(2)
    page.locator("[data-pick]").first.check()
    expect(count(page)).to_have_text("1 failure chosen")

    page.get_by_role("button", name="Discard", exact=True).click()

    expect(page.get_by_role("heading", name=re.compile(r"Discard 2[67] letters"))).to_be_visible()
