"""Nothing in any field of an event can script a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Tab, open_context
from tests.browser.house import House, event
from tests.browser.test_explore import await_stored

pytestmark = [pytest.mark.browser]

EVIL = '"><img src=x onerror=window.pwned=1></script><script>window.pwned=1</script>{{7*7}}'


def evil(number: int) -> dict[str, Any]:
    return event(
        number,
        f"TYPE{EVIL}",
        eventId=f"evt{number}{EVIL}",
        payload={"orderId": f"ORD{EVIL}", EVIL: [EVIL, {EVIL: EVIL}]},
        metadata={
            "source": f"source{EVIL}",
            "version": EVIL,
            "correlationId": f"corr{EVIL}",
            "causationId": f"cause{EVIL}",
            EVIL: EVIL,
        },
    )


def system(type: str, payload: dict[str, Any]) -> dict[str, Any]:
    return event(900, type, eventId=f"evt_{type}", payload=payload)


@pytest.fixture(scope="module", autouse=True)
def evil_events(chromium: Browser, session: object, house: House) -> None:
    """Published, and stored: the last of each topic is found."""
    publish_evil(house)
    context = open_context(chromium, storage_state=session)
    page = context.new_page()
    for last in (f"evt49{EVIL}", "evt_ErrorOccurred", "evt_DeadLettered"):
        await_stored(page, house, last)
    context.close()


def publish_evil(house: House) -> None:
    house.publish(*(evil(number) for number in range(50)))
    names = {"service": EVIL, "instance": EVIL}
    house.publish(
        system(
            "HealthCheck",
            {
                "component": EVIL,
                **names,
                "status": "unhealthy",
                "checks": [{"name": EVIL, "status": "unhealthy", "output": EVIL}],
            },
        ),
        system(
            "CircuitBreakerStateChanged",
            {"name": EVIL, **names, "from": "closed", "to": "open", "reason": EVIL},
        ),
        system("ServiceStarted", {**names, "version": EVIL, "host": EVIL}),
        system("ErrorOccurred", {**names, "error": {"type": EVIL, "message": EVIL, "stack": EVIL}}),
        topic="system-events",
    )
    dead = {
        "event": evil(77),
        "error": {"type": EVIL, "message": EVIL, "stack": EVIL},
        "consumer": EVIL,
        "consumerGroup": EVIL,
        "attempts": 3,
        "originalTopic": EVIL,
    }
    house.publish(system("DeadLettered", dead), topic="failed-events")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        "/?by=type",
        "/?by=source",
        "/events/",
        f"/events/{quote('evt1' + EVIL, safe='')}/",
        f"/correlations/{quote('corr' + EVIL, safe='')}/",
        f"/correlations/{quote('corr' + EVIL, safe='')}/?view=sequence",
        f"/correlations/{quote('corr' + EVIL, safe='')}/?view=tree&show=all",
        f"/correlations/{quote('corr' + EVIL, safe='')}/?with={quote('corr' + EVIL)}",
        f"/search/?q={quote('ORD' + EVIL)}",
        f"/search/?q={quote(EVIL)}",
        f"/events/?type={quote(EVIL)}&source={quote(EVIL)}&q={quote(EVIL)}",
        "/dead-letters/",
        "/dead-letters/?by=failure",
        "/dead-letters/?by=consumer",
        f"/dead-letters/?q={quote(EVIL)}&consumer={quote(EVIL)}",
        "/dead-letters/1/",
        "/dead-letters/retries/",
        "/health/",
        "/breakers/",
        "/consumers/",
        "/alerts/",
        "/catalog/",
        f"/audit/?actor={quote(EVIL)}&action={quote(EVIL)}",
        f"/?range={quote(EVIL)}&by={quote(EVIL)}",
    ],
)
def test_no_field_scripts_a_page(tab: Tab, path: str) -> None:
    page = tab.page

    answer = page.goto(tab.house.url + path)
    if path.startswith(("/?", "/#")) or path == "/":
        page.wait_for_selector("[data-chart=throughput] .main-svg")
    page.wait_for_timeout(300)

    assert answer is not None
    assert answer.status == 200
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src=x]").count() == 0


def test_the_names_are_shown_as_text(tab: Tab) -> None:
    page = tab.go("/?by=type")

    names = page.locator("[data-chart=throughput] .legendtext")
    expect(names.filter(has_text="onerror=window.pwned=1").first).to_be_visible()
