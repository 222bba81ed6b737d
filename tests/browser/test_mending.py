"""What a person does to a dead letter besides putting it back: edit it, archive it, restore it."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Tab, asked_again
from tests.browser.house import House, event
from tests.browser.test_care import letter
from tests.browser.test_redrive import copies

pytestmark = [pytest.mark.browser]


def open_letter(tab: Tab, house: House, number: int) -> Page:
    """A letter of the event ``evt_NUMBER``, opened from the list."""
    original = event(number)
    house.publish(original)
    house.publish(letter(original), topic="failed-events")
    page = tab.go("/dead-letters/")
    row = page.locator("tr", has_text=f"evt_{number}")
    expect(row).to_be_visible()
    row.get_by_role("link", name="ORDER_CREATED").click()
    return page


def test_an_event_is_edited_looked_at_and_sent_as_a_new_one(tab: Tab, house: House) -> None:
    page = open_letter(tab, house, 9801)
    address = page.url
    tab.go("/settings/")
    page.get_by_role("button", name="Allow: Editing of dead letters").click()
    expect(page.get_by_role("button", name="Forbid: Editing of dead letters")).to_be_visible()
    page.goto(address)
    page.get_by_role("link", name="Edit").click()
    editor = page.get_by_role("textbox", name="The event")
    expect(page.locator(".ed-gutter span")).to_have_count(len(editor.input_value().split("\n")))
    typed = editor.input_value()

    editor.fill(typed + "}")
    expect(page.get_by_role("alert")).to_contain_text("extra data")
    expect(page.locator(".ed-gutter [data-wrong]")).to_have_count(1)
    editor.fill(typed.replace('"payload": {', '"payload": {\n    "quantity": 2,', 1))
    expect(page.get_by_text("Well formed")).to_be_visible()
    page.get_by_role("button", name="Look at the difference").click()
    expect(page.locator(".ed-diff [data-kind=added]")).to_contain_text('"quantity": 2,')
    page.get_by_role("button", name="Send the edited event").click()
    expect(page.get_by_role("textbox", name="Why")).to_be_focused()
    page.get_by_role("textbox", name="Why").fill("the quantity was missing")
    page.get_by_role("button", name="Send the edited event").click()

    expect(page).to_have_url(re.compile(r"/dead-letters/jobs/\d+/$"))
    expect(page.locator("[data-kind=published] dd")).to_have_text("1")
    assert len(copies(house, "evt_9801")) == 1
    page.goto(address)
    expect(page.get_by_text("the quantity was missing")).to_be_visible()


@pytest.mark.parametrize("tab", [(390, "dark")], indirect=True)
def test_a_letter_is_archived_counts_down_and_is_restored(tab: Tab, house: House) -> None:
    page = open_letter(tab, house, 9802)
    address = page.url
    page.get_by_role("link", name="Archive").click()
    page.get_by_role("textbox", name="Why").fill("an order of ours")
    page.get_by_role("button", name="Archive 1").click()
    expect(page.locator("[data-status=completed]")).to_be_visible()

    page.goto(address)
    expect(page.get_by_text("It is archived, and deleted in 29 d")).to_be_visible()
    expect(page.get_by_text("an order of ours")).to_be_visible()
    page.get_by_role("link", name="Restore").click()
    page.get_by_role("button", name="Restore 1").click()
    expect(page.locator("[data-status=completed]")).to_be_visible()
    page.goto(address)
    expect(page.get_by_role("link", name="Archive", exact=True)).to_be_visible()


def test_a_rule_is_made_and_tried_before_it_does_anything(tab: Tab, house: House) -> None:
    page = tab.go("/dead-letters/rules/")
    page.get_by_label("Named").fill("OUT_OF_STOCK")
    page.get_by_label("One thing a line").fill("dance")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_role("alert")).to_contain_text("'dance' is not known")
    tab.wrong.clear()  # Chromium tells of every 400
    page.get_by_label("One thing a line").fill("log\ndiscard after 1s")
    page.get_by_role("button", name="Make the rule").click()
    expect(page.get_by_text("would have looked after")).to_be_visible()
    with page.expect_navigation():
        page.get_by_role("button", name="Try the rule for OUT_OF_STOCK").click()

    open_letter(tab, house, 9803)
    number = page.url.rstrip("/").rsplit("/", 1)[1]
    row = page.locator("tr", has=page.get_by_role("link", name=number, exact=True))
    row = row.filter(has_text="discard")
    rules = house.url + "/dead-letters/rules/"
    asked_again(page, rules, row.count, "the rule was not applied to the letter")
    expect(row).to_contain_text("only tried")
    tab.go(f"/dead-letters/{number}/")
    expect(page.get_by_role("link", name="Archive", exact=True)).to_be_visible()
    tab.go("/dead-letters/rules/")
    page.get_by_role("button", name="Remove the rule for OUT_OF_STOCK").click()
    expect(page.get_by_text("No rule yet")).to_be_visible()
