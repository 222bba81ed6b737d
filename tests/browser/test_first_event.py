"""A newcomer: one click signs in, the page tells how to send an event, and sees it arrive."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Tab, open_context, open_house, sign_in
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]


@pytest.fixture(scope="module")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """An empty one, of these tests alone."""
    yield from open_house(tmp_path_factory.mktemp("empty-house"))


@pytest.fixture(scope="module")
def session(chromium: Browser, house: House) -> object:
    return sign_in(chromium, house)


def test_one_click_on_the_link_is_enough(chromium: Browser, house: House) -> None:
    context = open_context(chromium)
    page = context.new_page()

    page.goto(house.url + house.link)

    page.wait_for_url(house.url + "/")
    expect(page.get_by_role("heading", name="Overview")).to_be_visible()
    page.goto(house.url + house.link)
    expect(page.get_by_role("heading", name="This link does not work any more")).to_be_visible()
    context.close()


def test_the_first_event_is_seen_to_arrive(tab: Tab) -> None:
    page = tab.go("/")
    expect(page.get_by_role("heading", name="Waiting for the first event")).to_be_visible()
    expect(page.locator("pre", has_text="redis-cli -u redis://")).to_be_visible()

    tab.house.publish(*(event(number) for number in range(25)))

    expect(page.get_by_role("heading", name="Waiting for the first event")).to_be_hidden()
    expect(page.get_by_role("heading", name="Throughput")).to_be_visible()
    page.wait_for_function(
        """() => (document.querySelector('[data-chart=throughput]').data || [])
            .some((trace) => trace.y.reduce((sum, y) => sum + (y || 0), 0) === 25)"""
    )
    expect(page.locator("[data-honesty=word]")).to_have_text("Live")
