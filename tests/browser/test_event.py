"""One event and the catalog, as a person reads them."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Tab, open_context, until
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

EVIL = '"><img src=x onerror=window.pwned=1><script>window.pwned=1</script>'
PAYLOAD = {
    "orderId": "ORD_read",
    "items": [{"sku": "A", "price": 1.5}, {"sku": "B", "price": 2}],
    "deep": {"a": {"b": {"c": {"needle": "found me"}}}},
}


@pytest.fixture(scope="module", autouse=True)
def events(chromium: Browser, session: object, house: House) -> None:
    """Three neighbours of a type of their own, and one that is hostile; stored when this returns."""
    house.publish(
        *(event(number, "READ_CLOSELY", payload=PAYLOAD) for number in (7301, 7302, 7303)),
        event(7309, f"EVIL{EVIL}", eventId=f"evil{EVIL}", payload={EVIL: [EVIL]}),
    )
    context = open_context(chromium, storage_state=session)
    page = context.new_page()
    last = f"{house.url}/api/v1/events/{quote(f'evil{EVIL}', safe='')}"
    until(page, lambda: page.request.get(last).ok, "the events of this test were not stored")
    context.close()


def test_neighbours_raw_and_finding_are_keys_away(tab: Tab) -> None:
    page = tab.go("/events/evt_7301/")

    page.keyboard.press("]")
    page.wait_for_url("**/events/evt_7302/")
    page.keyboard.press("[")
    page.wait_for_url("**/events/evt_7301/")
    page.keyboard.press("r")
    expect(page.locator("[data-raw]")).to_have_attribute("open", "")
    page.get_by_text("Bytes in hexadecimal").click()
    expect(page.locator(".ev-dump")).to_contain_text("00000000  7b 22")
    page.keyboard.press("f")
    page.keyboard.type("needle")
    hit = page.locator('.ex-json-row[data-hit="now"]')
    expect(hit).to_contain_text("found me")
    expect(hit).to_be_in_viewport()
    expect(page.locator("[data-json-found]")).to_have_text("1/1")


def test_a_name_copies_its_path_without_folding(tab: Tab) -> None:
    tab.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page = tab.go("/events/evt_7301/")

    page.locator('[data-copy="payload.items"]').click()
    page.wait_for_function("() => navigator.clipboard.readText().then(t => t === 'payload.items')")
    expect(page.get_by_text('"sku"').first).to_be_visible()
    page.locator(".ex-json-key", has_text="price").nth(1).click()
    page.wait_for_function(
        "() => navigator.clipboard.readText().then(t => t === 'payload.items[1].price')"
    )
    page.keyboard.press("c")
    page.wait_for_function("() => navigator.clipboard.readText().then(t => t === 'evt_7301')")


def test_everything_folds_and_unfolds(tab: Tab) -> None:
    page = tab.go("/events/evt_7301/")

    page.get_by_role("button", name="Fold all").click()
    expect(page.get_by_text('"sku"').first).to_be_hidden()
    page.get_by_role("button", name="Unfold all").click()
    expect(page.get_by_text('"found me"', exact=True)).to_be_visible()


def test_what_stands_around_it_is_fetched_when_it_is_opened(tab: Tab) -> None:
    page = tab.go("/events/evt_7302/")

    page.get_by_text("Around it on").click()

    expect(page.locator(".ev-neighbours [aria-current]")).to_contain_text("READ_CLOSELY")
    expect(page.locator('.ev-neighbours a[href="/events/evt_7301/"]')).to_be_visible()


def test_unknown_event_offers_the_search_for_it(tab: Tab) -> None:
    page = tab.page
    answer = page.goto(tab.house.url + "/events/nowhere/")
    assert answer is not None
    assert answer.status == 404
    tab.wrong.clear()  # the browser tells of the 404 that was asked for

    page.get_by_role("link", name="Search as any id").click()
    page.wait_for_url("**/search/?q=nowhere")


@pytest.mark.parametrize("tab", [(1440, "dark"), (390, "light")], indirect=True)
@pytest.mark.parametrize(
    "path",
    [
        "/events/evt_7301/",
        "/catalog/",
        "/catalog/READ_CLOSELY/",
        f"/events/{quote('evil' + EVIL, safe='')}/",
        f"/catalog/{quote('EVIL' + EVIL, safe='')}/",
    ],
)
def test_pages_fit_the_screen_and_no_field_scripts_them(tab: Tab, path: str) -> None:
    page = tab.go(path)

    expect(page.locator("h1")).not_to_be_empty()
    assert page.evaluate("document.documentElement.scrollWidth - innerWidth") <= 0
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src=x]").count() == 0


def test_catalog_leads_to_a_type_and_that_to_its_newest_event(tab: Tab) -> None:
    page = tab.go("/catalog/")

    page.get_by_role("link", name="READ_CLOSELY", exact=True).click()
    expect(page.locator(".ct-fields")).to_contain_text("price")
    expect(page.locator(".ct-fields")).to_contain_text("always")
    page.get_by_role("link", name="Open it").click()
    page.wait_for_url(re.compile("/events/evt_730[123]/"))
