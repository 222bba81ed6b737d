"""Asking for events in the browser: the bar, the histogram, facets, reading on, live tail."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.conftest import Tab, asked_again, open_context, until
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

EVIL = "<img src=x onerror=window.pwned=1>"


@pytest.fixture(scope="module", autouse=True)
def shop(chromium: Browser, session: object, house: House) -> None:
    """Twenty parcels and one whose type means harm; all of them stored and counted."""
    house.publish(*(parcel(number) for number in range(20)), parcel(20, f"PARCEL{EVIL}"))
    context = open_context(chromium, storage_state=session)
    page = context.new_page()
    rows, url = page.locator("tbody tr"), f"{house.url}/events/?type=PARCEL*"
    asked_again(page, url, lambda: rows.count() == 21, "the parcels were not stored")
    context.close()


def parcel(number: int, type: str = "PARCEL_PACKED") -> dict[str, object]:
    metadata = {"source": "parcel-service", "correlationId": f"corr_parcel_{number}"}
    return event(7500 + number, type, payload={"orderId": f"P_{number}"}, metadata=metadata)


def asked(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_bar_completes_and_asks_by_keyboard_alone(tab: Tab) -> None:
    page = tab.go("/events/?columns=time,type")

    page.keyboard.press("/")
    bar, proposed = page.get_by_role("combobox", name="Query"), page.locator("#bar-list")
    expect(bar).to_be_focused()
    page.keyboard.type("typ")
    expect(proposed.get_by_role("option").first).to_contain_text("type:")
    page.keyboard.press("Tab")
    page.keyboard.type("PARCEL_")
    option = proposed.get_by_role("option", name="PARCEL_PACKED", exact=True)
    expect(proposed.get_by_role("option")).to_have_count(1)
    page.keyboard.press("ArrowDown")
    expect(option).to_have_attribute("aria-selected", "true")
    expect(bar).to_have_attribute("aria-activedescendant", "bar-option-0")
    page.keyboard.press("Enter")
    expect(bar).to_have_value("type:PARCEL_PACKED ")
    page.keyboard.press("Escape")
    if not bar.evaluate("one => one === document.activeElement"):
        page.keyboard.press("/")
    page.keyboard.press("Enter")

    page.wait_for_url(re.compile("type=PARCEL_PACKED"))
    assert asked(page) == {"type": ["PARCEL_PACKED"], "columns": ["time,type"]}
    expect(page.locator("tbody tr")).to_have_count(20)
    expect(page.get_by_role("combobox", name="Query")).to_have_value("type:PARCEL_PACKED")


def test_query_that_is_wrong_is_underlined_and_keeps_the_keyboard(tab: Tab) -> None:
    page = tab.go("/events/")

    bar = page.get_by_role("combobox", name="Query")
    bar.fill("type:A colour:red")
    bar.press("Enter")

    expect(page.locator("#bar-error")).to_contain_text("there is no field colour")
    expect(page.locator("[data-wrong]").first).to_have_text("colour")
    expect(bar).to_be_focused()
    assert page.evaluate("document.activeElement.selectionStart") == 7
    assert urlsplit(page.url).query == ""


def test_query_that_is_wrong_is_told_however_fast_enter_comes_and_slow_the_answer(tab: Tab) -> None:
    page, waiting = tab.go("/events/"), list[Route]()
    bar = page.get_by_role("combobox", name="Query")
    complete = page.locator("[data-bar]").get_attribute("data-complete") or ""
    page.route(lambda url: urlsplit(url).path == complete, lambda route: waiting.append(route))
    bar.fill("colour:red")
    bar.press("Enter")
    until(page, lambda: waiting, "nobody asked about the query")
    page.wait_for_timeout(500)
    for route in waiting:
        route.continue_()

    expect(page.locator("#bar-error")).to_contain_text("there is no field colour")
    assert urlsplit(page.url).query == ""


def test_bars_are_narrowed_to_by_dragging_and_by_keys(tab: Tab) -> None:
    page = tab.go("/events/?type=PARCEL*&range=1h")
    plot = page.locator("[data-plot]")
    expect(plot.locator("rect[data-outcome]").first).to_be_visible()

    box = plot.bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + box["width"] * 0.5, box["y"] + 40)
    page.mouse.down()
    page.mouse.move(box["x"] + box["width"] - 2, box["y"] + 40, steps=4)
    expect(page.locator("[data-tip]")).to_be_visible()
    page.mouse.up()
    page.wait_for_url(re.compile("since=.*until="))
    assert asked(page).keys() == {"type", "since", "until"}

    page.goto(f"{tab.house.url}/events/?type=PARCEL*&range=1h")
    expect(plot.locator("rect[data-outcome]").first).to_be_visible()
    plot.focus()
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Shift+ArrowLeft")
    expect(page.locator("[data-reading]")).not_to_be_empty()
    page.keyboard.press("Enter")
    page.wait_for_url(re.compile("since=.*until="))


def test_facets_narrow_and_leave_out_and_nothing_in_them_scripts(tab: Tab) -> None:
    page = tab.go("/events/?source=parcel-service")
    facets = page.locator("#facets")
    expect(facets.get_by_title(f"PARCEL{EVIL}")).to_be_visible()

    facets.get_by_title("PARCEL_PACKED").click()
    page.wait_for_url(re.compile("type=PARCEL_PACKED"))
    page.go_back()
    facets.get_by_title("PARCEL_PACKED").click(modifiers=["Alt"])
    page.wait_for_url(re.compile("type=%21PARCEL_PACKED"))
    expect(page.locator("tbody tr")).to_have_count(1)
    assert page.evaluate("window.pwned") is None


def test_live_tail_lets_in_what_is_new_and_holds_still_under_the_pointer(tab: Tab) -> None:
    page = tab.go("/events/?type=TAILED&tail=on")
    expect(page.get_by_text("Waiting for events")).to_be_visible()

    tab.house.publish(event(7600, "TAILED"))
    expect(page.locator("tbody tr")).to_have_count(1)
    page.locator("tbody tr").hover()
    tab.house.publish(event(7601, "TAILED"))
    pill = page.locator("[data-tail-pill]")
    expect(pill).to_contain_text("1 new")
    expect(page.locator("tbody tr")).to_have_count(1)
    pill.click()
    expect(page.locator("tbody tr")).to_have_count(2)
    expect(page.locator("tbody tr").first).to_contain_text("evt_7601")


def test_fast_tail_shows_the_newest_and_counts_what_it_leaves_out(tab: Tab) -> None:
    page = tab.go("/events/?type=POURED&tail=on")
    expect(page.get_by_text("Waiting for events")).to_be_visible()

    tab.house.publish(*(event(10_200 + number, "POURED") for number in range(600)))

    until(page, lambda: sum(shown_and_skipped(page)) == 600, "some were neither shown nor counted")
    assert shown_and_skipped(page)[1] > 0
    expect(page.locator("tbody tr").first).to_contain_text("evt_10799")
    page.locator("[data-tail-pill]").click()
    expect(page.locator("[data-tail-pill]")).to_be_hidden()


def shown_and_skipped(page: Page) -> tuple[int, int]:
    told = re.search(r"(\d+) skipped", page.locator("[data-tail-pill]").inner_text())
    return page.locator("tbody tr").count(), int(told[1]) if told else 0


def test_reading_tells_how_far_it_is(tab: Tab) -> None:
    page = tab.go("/events/?q=P_19&type=PARCEL*")
    expect(page.locator("[data-scan-told]")).to_contain_text(re.compile("Read .* all of them"))
    expect(page.locator("tbody tr")).to_have_count(1)


@pytest.mark.parametrize("tab", [(390, "dark")], indirect=True)
def test_bar_and_facets_work_on_a_telephone(tab: Tab) -> None:
    page = tab.go("/events/?type=PARCEL*")
    expect(page.locator("#facets")).to_be_hidden()
    page.get_by_role("button", name="Facets").click()
    expect(page.locator("#facets").get_by_title("PARCEL_PACKED")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
