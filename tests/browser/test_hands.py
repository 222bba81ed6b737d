"""What hands need: keys that lead back, targets as large as a finger, a way up from the end of a list."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Tab, asked_again
from tests.browser.house import House, event
from tests.browser.test_care import change, letter, row

pytestmark = [pytest.mark.browser]

FINGER = 40
LETTERS = [letter(event(9950 + number, type="HANDY_LETTER")) for number in range(14)]
TOUCHED = "main :is(button, summary.btn, .es-segments > *, td label:has(> [type=checkbox]), li label:has(> [type=checkbox]), td.lead > a)"
TOO_SMALL = """([selector, finger]) => [...document.querySelectorAll(selector)].filter((one) => {
  one.scrollIntoView({ block: "center" });
  const box = one.getBoundingClientRect();
  if (!box.width || !box.height || !one.checkVisibility({ visibilityProperty: true })) return false;
  const x = box.left + Math.min(box.width / 2, 40);
  if (x > innerWidth) return false;
  const y = box.top + box.height / 2;
  return [-1, 1].some((side) => {
    const hit = document.elementFromPoint(x, y + side * (finger / 2 - 1));
    return !(one.contains(hit) || hit.contains(one));
  });
}).map((one) => one.outerHTML.slice(0, 120))"""


@pytest.fixture
def letters(tab: Tab, house: House) -> Page:
    """The list, longer than two screens of a phone."""
    house.publish(*LETTERS, topic="failed-events")
    page = tab.page
    found = page.locator("a.rc-letter", has_text="HANDY_LETTER")
    address = f"{house.url}/dead-letters/?type=HANDY_LETTER"
    return asked_again(page, address, lambda: found.count() >= len(LETTERS), "no letters")


@pytest.mark.parametrize("tab", [(390, "dark")], indirect=True)
def test_from_the_end_of_a_long_list_one_tap_leads_up(tab: Tab, letters: Page) -> None:
    up = letters.get_by_role("link", name="Back to the top")
    expect(up).to_be_hidden()

    letters.evaluate("scrollTo(0, document.body.scrollHeight)")
    up.click()

    expect(up).to_be_hidden()
    assert letters.evaluate("scrollY") == 0
    expect(letters.locator("#main")).to_be_focused()


@pytest.mark.parametrize("tab", [(390, "light")], indirect=True)
def test_a_row_begins_with_what_it_is_about(tab: Tab, letters: Page) -> None:
    """Also where that stands in a later column of the table."""
    first = letters.locator("tbody tr").first
    lead, arrived = (
        first.locator(cell).bounding_box() for cell in ("td.lead", "[data-label=Arrived]")
    )
    assert lead is not None
    assert arrived is not None
    assert lead["y"] + lead["height"] <= arrived["y"]


@pytest.mark.parametrize("tab", [(390, "light")], indirect=True)
def test_what_is_tapped_is_as_large_as_a_finger(tab: Tab, house: House, letters: Page) -> None:
    assert letters.evaluate(TOO_SMALL, [TOUCHED, FINGER]) == []

    house.publish(change(8, "closed", "open", name="handy-gateway"), topic="system-events")
    page = tab.go("/alerts/")
    expect(row(page, "handy-gateway")).to_be_visible()
    assert page.evaluate(TOO_SMALL, [TOUCHED, FINGER]) == []


@pytest.mark.parametrize("tab", [(390, "light")], indirect=True)
def test_the_drawer_keeps_the_focus_until_it_is_closed(tab: Tab) -> None:
    page = tab.go("/settings/")
    opener = page.get_by_role("button", name="Open menu")
    opener.click()
    expect(page.locator("#sidebar a").first).to_be_focused()
    for _ in range(30):
        page.keyboard.press("Tab")
        assert page.evaluate("!document.activeElement.closest('.es-page')")

    page.keyboard.press("Escape")

    expect(opener).to_be_focused()
    page.get_by_label("New password").click()


@pytest.mark.parametrize("menu", ["Your account", "Saved", "Columns"])
def test_escape_closes_a_menu_and_leads_back_to_it(tab: Tab, house: House, menu: str) -> None:
    page = tab.go("/events/")
    opener = page.locator("summary", has_text=menu).or_(
        page.locator(f"summary[aria-label='{menu}']")
    )
    opener.focus()
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    expect(opener).not_to_be_focused()

    page.keyboard.press("Escape")

    expect(opener).to_be_focused()
    expect(opener.locator("..")).not_to_have_attribute("open", "")


def test_what_the_tab_key_reaches_is_seen_at_once(tab: Tab, letters: Page) -> None:
    last = letters.locator("a.rc-letter").last
    letters.locator("a.rc-letter").first.focus()
    last.focus()

    assert letters.evaluate(
        """() => { const box = document.activeElement.getBoundingClientRect();
                   return box.top > 90 && box.bottom < innerHeight; }"""
    )
