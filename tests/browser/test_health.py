"""Components, breakers and the public status page before a real browser: drawn, narrow, without a complaint."""

from __future__ import annotations

import time
from typing import Any

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Tab, open_context
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

STORE, BREAKER = "store-15000", "gate-15000"
NAMES = {"service": "service-15000", "instance": "host-15000"}
WIDE, NARROW = {"width": 1440, "height": 900}, {"width": 390, "height": 844}
FITS = "() => document.documentElement.scrollWidth <= document.documentElement.clientWidth"


def ago(seconds: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() - seconds))


def result(number: int, status: str) -> dict[str, Any]:
    check = {"name": "ping", "status": status, "output": "refused" if status != "healthy" else ""}
    payload = {**NAMES, "component": STORE, "status": status, "latencyMs": 4.0, "checks": [check]}
    return event(15_000 + number, "HealthCheck", payload=payload, timestamp=ago(60 - number * 20))


def change(number: int, before: str, after: str) -> dict[str, Any]:
    payload = {
        **NAMES, "name": BREAKER, "from": before, "to": after, "failureCount": 5,
        "failureThreshold": 5, "resetTimeoutMs": 60_000, "errorRate": 0.5, "latencyMs": 12.0,
        "throughput": 3.0, "reason": f"change {number}",
    }  # fmt: skip
    return event(
        15_100 + number,
        "CircuitBreakerStateChanged",
        payload=payload,
        timestamp=ago(60 - number * 20),
    )


@pytest.fixture
def told(house: House) -> None:
    """The newest word is healthy, the breaker is open."""
    house.publish(
        *(result(number, status) for number, status in enumerate(("healthy", "unhealthy", "healthy"))),
        *(change(number, *states) for number, states in enumerate((("closed", "open"), ("open", "half_open"), ("half_open", "open")))),
        topic="system-events",
    )  # fmt: skip


@pytest.fixture
def tab(chromium: Browser, house: House, session: Any) -> Any:
    context = open_context(chromium, storage_state=session, viewport=WIDE)
    tab = Tab(context.new_page(), house)
    yield tab
    tab.check()
    context.close()


@pytest.mark.usefixtures("told")
def test_a_component_shows_its_days_its_incident_and_its_latency(tab: Tab) -> None:
    page = tab.go("/health/")
    link = page.get_by_role("link", name=STORE, exact=True)
    expect(link).to_be_visible()
    link.click()

    expect(page.get_by_role("heading", name=STORE, level=1)).to_be_visible()
    expect(page.locator("#living .fl-days")).to_be_visible()
    expect(page.get_by_text("ping: refused (host-15000)").first).to_be_visible()
    expect(page.locator("[data-chart=latency] .main-svg").first).to_be_visible()
    page.set_viewport_size(NARROW)
    page.wait_for_function(FITS)


@pytest.mark.usefixtures("told")
def test_a_breaker_shows_when_it_refused_and_its_range_is_in_the_address(tab: Tab) -> None:
    page = tab.go("/breakers/")
    link = page.get_by_role("link", name=BREAKER, exact=True)
    expect(link).to_be_visible()
    link.click()

    expect(page.get_by_text("still refuses").first).to_be_visible()
    expect(page.locator("[data-chart=errors] .main-svg").first).to_be_visible()
    page.get_by_role("link", name="24h", exact=True).click()
    page.wait_for_url("**/breakers/service-15000/gate-15000/?range=24h")
    expect(page.get_by_text("still refuses").first).to_be_visible()
    page.set_viewport_size(NARROW)
    page.wait_for_function(FITS)


def test_nobody_finds_a_status_page_that_is_not_configured(chromium: Browser, house: House) -> None:
    page = open_context(chromium).new_page()
    answer = page.goto(house.url + "/status/")
    assert answer is not None
    assert answer.status == 404
    page.context.close()
