"""A story as a person reads it: by mouse, by keys, large ones, and two side by side."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import Tab, open_context
from tests.browser.house import House, event
from tests.browser.test_explore import await_stored, receipt

pytestmark = [pytest.mark.browser]

CROWD = 10_000
WIDE_AND_NARROW = pytest.mark.parametrize("tab", [(1440, "light"), (390, "dark")], indirect=True)


def told(name: str, type: str, cause: str = "", *, of: str = "corr_told") -> dict[str, Any]:
    metadata = {"source": f"{type.lower()}-service", "correlationId": of}
    return event(
        0, type, eventId=name, metadata=metadata | ({"causationId": cause} if cause else {})
    )


@pytest.fixture(scope="module", autouse=True)
def stories(chromium: Browser, session: object, house: House) -> None:
    """One that failed, one like it that went well, and one of ten thousand events."""
    house.publish(
        told("well_1", "BEGUN", of="corr_well"),
        told("well_2", "TAKEN", "well_1", of="corr_well"),
        told("well_3", "PAID", "well_2", of="corr_well"),
    )
    house.publish(*[told("told_1", "BEGUN"), told("told_2", "TAKEN", "told_1")])
    error = {"type": "OutOfStock", "message": "none left", "stack": "stock.py line 7"}
    receipts = [
        receipt("well_1", "taken-service", "success"),
        receipt("well_2", "paid-service", "success"),
        receipt("told_1", "taken-service", "success"),
        receipt("told_2", "paid-service", "retry", error=error),
        receipt("told_2", "paid-service", "failed", attempt=2, error=error),
    ]
    house.publish(event(0, "ProcessingReceipts", eventId="told_r", payload={"receipts": receipts}))
    crowd = [told("crowd_root", "BEGUN", of="corr_crowd")]
    crowd += [told(f"crowd_{n}", "TAKEN", "crowd_root", of="corr_crowd") for n in range(CROWD - 1)]
    house.publish(*crowd)
    context = open_context(chromium, storage_state=session)
    await_stored(context.new_page(), house, f"crowd_{CROWD - 2}")
    context.close()


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_keys_go_through_the_lines_and_the_address_keeps_what_is_seen(tab: Tab) -> None:
    page = tab.go("/correlations/corr_told/")

    page.keyboard.press("j")
    page.keyboard.press("n")
    expect(page.locator("#story-panel")).to_contain_text("OutOfStock")
    expect(page.locator(".ex-line[aria-current] .ex-type")).to_have_text("TAKEN")
    page.keyboard.press("+")
    page.keyboard.press("k")
    page.keyboard.press("h")
    expect(page.locator(".ex-line")).to_have_count(1)

    where = asked(page)
    assert where["event"] == ["told_1"]
    assert where["closed"] == ["told_1"]
    assert "zoom" in where
    page.reload()
    expect(page.locator(".ex-line")).to_have_count(1)
    expect(page.locator("[data-story]")).to_have_attribute("data-zoomed", "")
    expect(page.locator("#story-panel")).to_contain_text("BEGUN")
    page.keyboard.press("l")
    expect(page.locator(".ex-line")).to_have_count(2)
    page.keyboard.press("0")
    page.keyboard.press("Escape")
    expect(page.locator("#story-panel")).to_be_hidden()
    assert asked(page) == {}


def test_dragging_on_the_axis_zooms_and_a_double_click_shows_all(tab: Tab) -> None:
    page = tab.go("/correlations/corr_told/")
    axis = page.locator(".ex-ticks")
    box = axis.bounding_box()
    assert box is not None
    whole = axis.inner_text()

    page.mouse.move(box["x"] + box["width"] * 0.25, box["y"] + 8)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 8, steps=4)
    page.mouse.up()

    page.wait_for_url(re.compile("zoom="))
    assert axis.inner_text() != whole
    axis.dblclick()
    page.wait_for_url(lambda url: "zoom=" not in url)
    assert axis.inner_text() == whole
    assert asked(page) == {}


@WIDE_AND_NARROW
@pytest.mark.parametrize("view", ["timeline", "sequence", "tree"])
def test_every_view_selects_an_event_and_is_no_wider_than_the_screen(tab: Tab, view: str) -> None:
    page = tab.go("/correlations/corr_told/")

    page.get_by_role("link", name=view.capitalize(), exact=True).click()
    expect(page.get_by_role("link", name=view.capitalize(), exact=True)).to_have_attribute(
        "aria-current", "page"
    )
    page.locator("#story-view [data-select=told_2]").first.click()

    expect(page.locator("#story-panel")).to_contain_text("OutOfStock")
    assert asked(page).get("view", ["timeline"]) == [view]
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0


def test_ten_thousand_events_are_a_few_lines_that_open_as_one_scrolls(tab: Tab) -> None:
    page = tab.go("/correlations/corr_crowd/")
    lines = page.locator(".ex-line")

    expect(lines).to_have_count(3)
    expect(page.locator(".ex-many")).to_have_text("9,998 ×")
    page.locator(".ex-folded .ex-type").click()
    expect(lines).to_have_count(200)
    page.locator(".ex-next").last.scroll_into_view_if_needed()
    expect(lines).to_have_count(400)
    assert page.evaluate("document.querySelectorAll('*').length") < 20_000


def test_event_deep_in_a_crowd_opens_with_its_line(tab: Tab) -> None:
    page = tab.go("/correlations/corr_crowd/?event=crowd_5000#event")
    expect(page.locator(".ex-line[aria-current]")).to_be_in_viewport()
    expect(page.locator("#story-panel")).to_contain_text("crowd_5000")


def test_typical_story_tells_what_is_missing_here(tab: Tab) -> None:
    page = tab.go("/correlations/corr_told/")

    page.get_by_role("link", name="Compare with a typical one").click()

    expect(page).to_have_url(f"{tab.house.url}/correlations/corr_told/?with=corr_well")
    expect(page.locator("[data-difference=missing] .ex-type")).to_have_text("PAID")
    expect(page.locator("[data-difference=failed] .ex-type")).to_have_text("TAKEN")


def test_unknown_id_to_compare_with_is_said(tab: Tab) -> None:
    page = tab.page
    page.goto(f"{tab.house.url}/correlations/corr_told/")
    page.get_by_label("or with").fill("corr_nowhere")
    page.get_by_role("button", name="Compare").click()

    expect(page.get_by_text("No event of this correlation is stored")).to_be_visible()
    tab.wrong.clear()  # the browser notes the 404
