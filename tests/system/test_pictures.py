"""The pictures in the documents are taken from the running demo, by ``make pictures``."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.browser.conftest import chromium  # noqa: F401 (a fixture)
from tests.system.running import ROOT, System

pytestmark = [
    pytest.mark.browser,
    pytest.mark.timeout(240),
    pytest.mark.skipif(
        "EVENTSCOPE_PICTURES" not in os.environ, reason="taken by `make pictures` only"
    ),
]
FOLDER = ROOT / "docs" / "screenshots"


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("pictures"), "--demo").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def page(system: System, chromium: Browser) -> Iterator[Page]:  # noqa: F811
    """Signed in, after the demo has had the time to have some trouble."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900}, locale="en-GB")
    page = context.new_page()
    page.goto(system.wait_for_link())
    page.wait_for_url(system.base + "/")
    page.wait_for_timeout(100_000)
    yield page
    context.close()


def shoot(page: Page, name: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    page.mouse.move(0, 0)
    page.screenshot(path=FOLDER / f"{name}.png")
    assert Path(FOLDER / f"{name}.png").stat().st_size > 20_000


def test_the_overview(system: System, page: Page) -> None:
    page.goto(system.base + "/")
    page.wait_for_timeout(4000)
    shoot(page, "overview")


def test_the_story_of_one_order(system: System, page: Page) -> None:
    page.goto(system.base + "/events/?type=CustomerNotified")
    page.locator("table a[href^='/correlations/']").nth(10).click()
    page.wait_for_timeout(1000)
    shoot(page, "correlation")


@pytest.fixture
def failing(system: System) -> Iterator[None]:
    """The fault of docs/tour.md."""
    system.manage("demo", "fault", "on", "failing-handler")
    yield
    system.manage("demo", "fault", "off", "failing-handler")


@pytest.mark.usefixtures("failing")
def test_the_tour(system: System, page: Page) -> None:
    """Its five clicks, as docs/tour.md tells them."""
    rows = page.locator("main tr").filter(has_text="ModelMissing")
    letter = rows.get_by_role("link", name="PAYMENT_PROCESSED")
    for _ in range(30):
        page.goto(system.base + "/")
        page.locator("#sidebar").get_by_role("link", name="Dead letters").click()
        page.wait_for_url("**/dead-letters/**")
        if letter.count():
            break
        page.wait_for_timeout(2000)
    letter.first.click()
    expect(page.locator("main")).to_contain_text("ModelMissing")
    page.get_by_role("link", name="The whole story").click()
    page.wait_for_timeout(1000)
    shoot(page, "tour-story")
    page.locator(".ex-looks [data-select]").first.click()
    expect(page.locator("#story-panel")).to_contain_text("shipping-service")
    page.get_by_role("link", name="Compare with a typical one").click()
    expect(page.locator("li[data-difference=missing]").first).to_contain_text("AnalyticsUpdated")
    shoot(page, "tour-compare")

    system.manage("demo", "fault", "off", "failing-handler")
    page.go_back()
    page.locator(".ex-looks a[href^='/dead-letters/']").first.click()
    page.get_by_role("link", name="Redrive", exact=True).click()
    page.get_by_role("button", name="Redrive 1").click()
    expect(page.locator("main")).to_contain_text("The one that was sent was processed")
    shoot(page, "tour-redriven")
    page.locator("main a[href*='/dead-letters/']").first.click()
