"""An order through time, as a person moves through it."""

from __future__ import annotations

import re
from typing import Any

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Tab, until
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

EVIL = '"><img src=x onerror=window.pwned=1></script><script>window.pwned=1</script>{{7*7}}'
# Playing may be over before we look: what it was is written down.
PRESSED = """(button) => {
  window.pressed = [];
  const note = () => window.pressed.push(button.getAttribute("aria-pressed"));
  new MutationObserver((all) => all.forEach(note)).observe(button, { attributeFilter: ["aria-pressed"] });
}"""
STATUSES = ("new", "reserved", "paid", "shipped")


def told(number: int, type: str, entity: str, **payload: Any) -> dict[str, Any]:
    return event(number, type, payload={"orderId": entity, **payload})


@pytest.fixture(scope="module", autouse=True)
def orders(house: House) -> None:
    """One order of four events, one that grows, and one whose every word is evil."""
    for at, status in enumerate(STATUSES, 1):
        house.publish(told(6000 + at, f"ENTITY_{status.upper()}", "ORD_slider", status=status))
    house.publish(told(6010, "ENTITY_NEW", "ORD_live", status="new"))
    for number in (6020, 6021):
        house.publish(told(number, f"EVIL{EVIL}", f"ENT{EVIL}", **{EVIL: [EVIL, number]}))
    house.publish(*(told(6100 + n, "ENTITY_STEP", "ORD_long", n=n) for n in range(120)))
    house.publish(told(6030, "ENTITY_LAST", "ORD_last"))


def open_entity(tab: Tab, name: str) -> Page:
    """By the box of the kind; waits until the last of what was published is stored."""
    page = tab.go("/entities/")
    last = f"{tab.house.url}/entities/order/ORD_last/"
    until(page, lambda: page.request.get(last).ok, "the orders were not stored")
    page.get_by_label("Id of one order").fill(name)
    page.get_by_label("Id of one order").press("Enter")
    page.wait_for_url(re.compile("/entities/order/."))
    return page


def state(page: Page) -> Any:
    return page.locator(".en-state")


@pytest.mark.parametrize("tab", [(1440, "light"), (390, "dark")], indirect=True)
def test_slider_moves_by_keys_through_the_states_and_the_address_follows(tab: Tab) -> None:
    page = open_entity(tab, "ORD_slider")
    slider = page.get_by_label("Events that make the state")
    expect(page.locator("#entity-step")).to_have_text("4 of 4")
    expect(state(page)).to_contain_text('"shipped"')

    slider.focus()
    slider.press("ArrowLeft")
    slider.press("ArrowLeft")

    expect(page.locator("#entity-step")).to_have_text("2 of 4")
    expect(state(page).locator('[data-mark="changed"]').first).to_contain_text('"reserved"')
    expect(page.locator(".en-row[aria-current]")).to_contain_text("ENTITY_RESERVED")
    expect(page).to_have_url(re.compile(r"\?at="))
    expect(slider).to_be_focused()
    page.reload()
    expect(page.locator("#entity-step")).to_have_text("2 of 4")
    expect(state(page)).to_contain_text('"reserved"')
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_row_of_the_history_is_chosen_by_a_click_and_now_leads_back(tab: Tab) -> None:
    page = open_entity(tab, "ORD_slider")

    page.locator(".en-row").last.locator(".en-when").click(position={"x": 2, "y": 2})

    expect(page.locator("#entity-step")).to_have_text("1 of 4")
    expect(state(page)).to_contain_text('"new"')
    page.get_by_role("link", name="Now").click()
    expect(page.locator("#entity-step")).to_have_text("4 of 4")
    expect(page).to_have_url(re.compile("ORD_slider/$"))


def test_keys_go_back_and_forth_and_playing_ends_at_the_newest(tab: Tab) -> None:
    page = open_entity(tab, "ORD_slider")
    for key, step in (("k", "3 of 4"), ("k", "2 of 4"), ("j", "3 of 4")):
        page.keyboard.press(key)
        expect(page.locator("#entity-step")).to_have_text(step)

    play = page.get_by_role("button", name="Play through")
    play.evaluate(PRESSED)
    page.keyboard.press("p")

    expect(page.locator("#entity-step")).to_have_text("4 of 4")
    expect(play).to_have_attribute("aria-pressed", "false")
    assert page.evaluate("window.pressed") == ["true", "false"]
    expect(state(page)).to_contain_text('"shipped"')


def test_step_that_was_chosen_is_asked_for_again_where_its_answer_failed(tab: Tab) -> None:
    page = open_entity(tab, "ORD_slider")
    tab.may_lose_its_server = True
    page.route("**/*step=3", lambda route: route.abort("connectionreset"), times=2)
    page.keyboard.press("k")
    expect(page).to_have_url(re.compile(r"ORD_slider/\?at="))
    expect(page.locator("#entity-step")).to_have_text("3 of 4")
    expect(page.locator("#entity")).not_to_have_attribute("data-stale", re.compile(".*"))


def test_moment_that_is_typed_in_is_shown_and_a_wrong_one_is_named(tab: Tab) -> None:
    page = open_entity(tab, "ORD_slider")
    page.get_by_label("Moment (UTC)").fill("2020-01-01T00:00")
    page.get_by_role("button", name="Go").click()
    expect(page.locator("#entity-step")).to_have_text("0 of 4")
    expect(page.locator("#entity-moment")).to_have_text("before the first event")


def test_new_event_appears_and_is_followed(tab: Tab) -> None:
    page = open_entity(tab, "ORD_live")
    expect(page.locator("#entity-step")).to_have_text("1 of 1")

    tab.house.publish(told(6011, "ENTITY_PAID", "ORD_live", status="paid"))

    expect(page.locator("#entity-step")).to_have_text("2 of 2")
    expect(page.locator(".en-row[aria-current]")).to_contain_text("ENTITY_PAID")
    expect(state(page)).to_contain_text('"paid"')


def test_nothing_in_an_id_or_a_value_is_ever_run(tab: Tab) -> None:
    page = open_entity(tab, f"ENT{EVIL}")
    expect(page.locator("#entity-step")).to_have_text("2 of 2")

    page.keyboard.press("k")

    expect(page.locator("#entity-step")).to_have_text("1 of 2")
    expect(page.locator(".en-row[aria-current]")).to_contain_text("EVIL")
    assert page.evaluate("window.pwned") is None
    page.goto(tab.house.url + "/entities/")
    assert page.evaluate("window.pwned") is None


def test_chosen_event_of_a_long_history_stands_in_sight(tab: Tab) -> None:
    page = open_entity(tab, "ORD_long")
    page.goto(f"{tab.house.url}/entities/order/ORD_long/?step=60")

    expect(page.locator("#entity-step")).to_have_text("60 of 120")
    expect(page.locator(".en-row")).to_have_count(50)
    expect(page.locator(".en-row[aria-current] .en-number")).to_be_in_viewport()
    page.get_by_role("link", name="Older events").click()
    expect(page.locator(".en-row").first).to_contain_text("ENTITY_STEP")
    expect(page.locator(".en-row[aria-current]")).to_have_count(0)
