"""Free text over more events than one look reads: progress, what is found so far, stop and go on."""

from __future__ import annotations

import re
from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, Route, expect

from dashboard.explore.listing import SCAN_EVENTS
from tests.browser.conftest import Tab, open_context, open_house, sign_in, until
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

EVENTS = SCAN_EVENTS * 5 // 2
NEEDLE = "needle_in_a_haystack"
OLDEST, NEWEST = 0, EVENTS - 1


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """Of its own: so many events would change what others see."""
    yield from open_house(tmp_path_factory.mktemp("long"))


@pytest.fixture(scope="module")
def session(chromium: Browser, house: House) -> object:
    """Signed in, with the events stored; the text is in the payload of the oldest and of the newest."""
    state = sign_in(chromium, house)
    told = {OLDEST: NEEDLE, NEWEST: NEEDLE}
    for first in range(0, EVENTS, 10_000):
        numbers = range(first, min(EVENTS, first + 10_000))
        house.publish(*(event(n, payload={"note": told.get(n, "hay")}) for n in numbers))
    context = open_context(chromium, storage_state=state)
    page = context.new_page()
    until(
        page,
        lambda: page.request.get(f"{house.url}/api/v1/events/evt_{NEWEST}").ok,
        "not everything was stored",
    )
    context.close()
    return state


class Gate:
    """Holds each further look back until it is let through."""

    def __init__(self, tab: Tab) -> None:
        self._held: list[Route] = []
        self._open = False
        self._page = tab.page
        tab.page.route(re.compile(r"/explore/more/\?"), self._hold)

    def wait(self) -> None:
        until(self._page, lambda: self._held, "no further look was asked for")

    def let_one_through(self) -> None:
        self.wait()
        self._held.pop().continue_()

    def open(self) -> None:
        self._open = True
        while self._held:
            self._held.pop().continue_()

    def _hold(self, route: Route) -> None:
        if self._open:
            route.continue_()
        else:
            self._held.append(route)


def read_so_far(tab: Tab) -> int:
    return int(tab.page.locator("[data-scan]").get_attribute("data-scanned") or 0)


def test_a_long_scan_shows_what_it_has_is_stopped_and_goes_on_to_the_end(tab: Tab) -> None:
    gate = Gate(tab)
    page = tab.go(f"/events/?q={NEEDLE}&range=all")
    rows, told = page.locator("tbody tr"), page.locator("[data-scan-told]")
    go, stop = page.locator("[data-scan-go]"), page.locator("[data-scan-stop]")

    gate.wait()
    expect(rows).to_have_count(1)
    expect(rows).to_contain_text(f"evt_{NEWEST}")
    expect(told).to_have_text(re.compile(r"Read [\d.]+k? of 50k events, until .*\d\d:\d\d"))
    first = read_so_far(tab)
    assert 0 < first <= SCAN_EVENTS
    assert page.locator("[data-scan] progress").evaluate("bar => bar.value / bar.max") < 0.5

    stop.click()
    gate.let_one_through()
    expect(go).to_be_visible()
    expect(stop).to_be_hidden()
    second = read_so_far(tab)
    assert first < second <= 2 * SCAN_EVENTS
    expect(rows).to_have_count(1)

    gate.open()
    go.click()
    expect(told).to_have_text("Read 50k of 50k events: all of them.")
    expect(rows).to_have_count(2)
    expect(rows.last).to_contain_text(f"evt_{OLDEST}")
    expect(go).to_be_hidden()
    expect(stop).to_be_hidden()


def test_a_look_that_fails_is_not_the_end_of_it(tab: Tab) -> None:
    asked: list[str] = []

    def fail_once(route: Route) -> None:
        asked.append(route.request.url)
        if len(asked) == 1:
            route.fulfill(status=503, body="")
        else:
            route.continue_()

    tab.page.route(re.compile(r"/explore/more/\?"), fail_once)
    page = tab.go(f"/events/?q={NEEDLE}&range=all")
    go = page.locator("[data-scan-go]")
    expect(go).to_be_visible()
    expect(page.locator("tbody tr")).to_have_count(1)

    go.click()

    expect(page.locator("[data-scan-told]")).to_contain_text("all of them")
    expect(page.locator("tbody tr")).to_have_count(2)
    tab.wrong = [words for words in tab.wrong if "503" not in words]


@pytest.mark.parametrize("tab", [(390, "dark")], indirect=True)
def test_progress_and_its_buttons_fit_a_telephone(tab: Tab) -> None:
    gate = Gate(tab)
    page = tab.go(f"/events/?q={NEEDLE}&range=all")
    gate.wait()
    expect(page.locator("[data-scan-stop]")).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    gate.open()
    expect(page.locator("[data-scan-told]")).to_contain_text("all of them")
