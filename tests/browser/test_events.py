"""The events list as a person works with it."""

from __future__ import annotations

import csv
import json
import re
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Tab, asked_again, open_context
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

EVIL = '=1+1"><img src=x onerror=window.pwned=1>'


@pytest.fixture(scope="module", autouse=True)
def shop(chromium: Browser, session: object, house: House) -> None:
    """Thirty baskets, the last with a payload that means harm; all of them stored."""
    house.publish(*(basket(number) for number in range(30)), basket(30, EVIL))
    context = open_context(chromium, storage_state=session)
    page = context.new_page()
    rows, url = page.locator("tbody tr"), f"{house.url}/events/?type=BASKET_*"
    asked_again(page, url, lambda: rows.count() == 31, "the baskets were not stored")
    context.close()


def basket(number: int, note: str = "") -> dict[str, object]:
    payload = {"orderId": f"BASKET_{number}", "note": note or f"note {number}", "total": number}
    return event(
        7000 + number,
        "BASKET_FILLED",
        payload=payload,
        metadata={"correlationId": f"corr_basket_{number}"},
    )


def test_columns_are_chosen_and_ordered_and_stand_in_the_address(tab: Tab) -> None:
    page = tab.go("/events/?type=BASKET_*")

    page.get_by_text("Columns", exact=True).click()
    page.get_by_role("checkbox", name="Source").uncheck()
    page.get_by_role("checkbox", name="Duration").uncheck()
    page.get_by_label("Type further left").click()
    page.get_by_placeholder("payload.orderId").fill("payload.note")
    page.get_by_role("button", name="Add").click()

    page.wait_for_url(re.compile("columns="))
    page.wait_for_load_state("load")
    heads = page.locator("thead th").all_inner_texts()
    expected = ["Type", "Time", "Outcome", "Event", "Correlation", "note"]
    assert heads[1:-1] == expected
    expect(page.locator("tbody tr").nth(1)).to_contain_text("note 29")
    expect(page.locator("tbody tr").first).to_contain_text(EVIL)
    assert "type=BASKET_" in page.url


def test_keys_alone_walk_look_select_and_copy(tab: Tab) -> None:
    page = tab.go("/events/?type=BASKET_*")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    page.keyboard.press("j")
    page.keyboard.press("j")
    page.keyboard.press("o")
    panel = page.locator("#panel")
    expect(panel).to_contain_text('"BASKET_29"')
    assert page.url.endswith("#event=evt_7029")
    page.keyboard.press("j")
    expect(panel).to_contain_text('"BASKET_28"')
    page.keyboard.press("x")
    expect(page.locator("[data-selection]")).to_contain_text("1 selected")
    page.keyboard.press("c")
    expect(page.locator("#announce")).to_have_text("Copied")
    assert page.evaluate("navigator.clipboard.readText()") == "evt_7028"
    page.keyboard.press("Escape")
    expect(panel).to_be_hidden()
    page.keyboard.press("Enter")
    page.wait_for_url("**/events/evt_7028/")


def test_link_to_an_open_panel_opens_it_again(tab: Tab) -> None:
    page = tab.go("/events/?type=BASKET_*#event=evt_7003")
    expect(page.locator("#panel")).to_contain_text('"BASKET_3"')


def test_row_is_copied_as_a_cloudevent(tab: Tab) -> None:
    page = tab.go("/events/?type=BASKET_*")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])

    row = page.locator("tbody tr").nth(1)
    row.hover()
    row.get_by_role("button", name="Copy or narrow by evt_7029").click()
    page.get_by_role("menuitem", name="Copy CloudEvent").click()

    expect(page.locator("#announce")).to_have_text("Copied")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert (copied["specversion"], copied["id"]) == ("1.0", "evt_7029")
    assert copied["correlationid"] == "corr_basket_29"


def test_download_is_the_list_with_its_columns_and_no_formula(tab: Tab, tmp_path: Path) -> None:
    page = tab.go("/events/?type=BASKET_*&columns=event,payload.note")

    page.get_by_text("Download", exact=True).click()
    with page.expect_download() as started:
        page.get_by_role("link", name="CSV").click()

    expect(page.locator("[data-progress]")).to_contain_text("31 events")
    file = tmp_path / "events.csv"
    started.value.save_as(file)
    with file.open(newline="", encoding="utf-8") as lines:
        rows = list(csv.DictReader(lines))
    assert len(rows) == 31
    assert rows[0] == {"event": "evt_7030", "payload.note": f"'{EVIL}"}
    assert re.fullmatch(r"events-\d{8}T\d{6}Z\.csv", started.value.suggested_filename)


def test_download_that_was_cut_says_so(tab: Tab) -> None:
    page = tab.go("/events/?type=BASKET_*")

    page.get_by_text("Download", exact=True).click()
    page.get_by_label("At most so many rows").fill("5")
    with page.expect_download():
        page.get_by_role("link", name="NDJSON").click()

    expect(page.locator("[data-progress]")).to_contain_text("5 events")
    expect(page.locator("[data-progress]")).to_contain_text("there may be more")


def test_search_is_saved_shared_opened_and_pinned(tab: Tab) -> None:
    page = tab.go("/events/?type=BASKET_*&columns=time,type")

    page.get_by_text("Saved", exact=True).click()
    page.get_by_label("Name").fill(f"Baskets {EVIL}")
    page.get_by_label("Share with everybody").check()
    page.get_by_role("button", name="Save search").click()
    expect(page.get_by_text("is saved and shared")).to_be_visible()
    page.goto(tab.house.url + "/searches/")
    page.get_by_role("button", name=f"Pin Baskets {EVIL}").click()
    page.goto(tab.house.url + "/events/")
    page.locator(".ex-pin", has_text="Baskets").get_by_role("link").click()

    page.wait_for_url(re.compile("type=BASKET_.*columns=time"))
    expect(page.locator("tbody tr")).to_have_count(31)
    assert page.evaluate("window.pwned") is None


@pytest.mark.parametrize("tab", [(1440, "dark"), (390, "light")], indirect=True)
@pytest.mark.parametrize("path", ["/events/?type=BASKET_*", "/searches/"])
def test_list_and_searches_fit_the_screen(tab: Tab, path: str) -> None:
    page = tab.go(path)
    expect(page.locator("h1")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
