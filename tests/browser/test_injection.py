"""Nothing in any field of an event can script a page."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.house import House, event

pytestmark = pytest.mark.browser

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
def evil_events(house: House) -> None:
    house.publish(*(evil(number) for number in range(5)))
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
        f"/search/?q={quote('ORD' + EVIL)}",
        f"/search/?q={quote(EVIL)}",
        f"/events/?type={quote(EVIL)}&source={quote(EVIL)}&q={quote(EVIL)}",
        "/dead-letters/",
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
    page = tab.go("/")
    expect(page.locator("[data-honesty=word]")).not_to_have_text(
        "Waiting for the first event", timeout=20_000
    )
    tab.wrong.clear()

    answer = page.goto(tab.house.url + path)
    page.wait_for_timeout(1000)

    assert answer is not None
    assert answer.status == 200
    assert page.evaluate("window.pwned") is None
    assert page.locator("img[src=x]").count() == 0


def test_the_names_are_shown_as_text(tab: Tab) -> None:
    page = tab.go("/?by=type")

    expect(page.locator("[data-chart=throughput] .legendtext").first).to_contain_text(
        "onerror=window.pwned=1", timeout=20_000
    )
