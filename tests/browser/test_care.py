"""Alerts, the fleet and dead letters as a person meets them: live, with a note, after a restart."""

from __future__ import annotations

import time
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.sync_api import Browser, Page, Request, Route, expect

from tests.browser.conftest import Tab, open_context, until
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

EVALUATED_SINCE = """(ms) => [...document.querySelectorAll("summary time[data-ms]")]
    .some((time) => Number(time.dataset.ms) > ms)"""
BREAKER = "payment-service / payment-provider refuses calls"


def system(number: int, type: str, payload: dict[str, Any]) -> dict[str, Any]:
    return event(8000 + number, type, payload=payload)


def change(number: int, before: str, after: str, **rest: Any) -> dict[str, Any]:
    names = {"name": "payment-provider", "service": "payment-service", "instance": "pay-1"}
    numbers = {
        "failureCount": 5, "failureThreshold": 5, "resetTimeoutMs": 60_000,
        "halfOpenTimeoutMs": 30_000, "errorRate": 0.5, "latencyMs": 120.0, "throughput": 12.0,
    }  # fmt: skip
    payload = {**names, **numbers, "from": before, "to": after, "reason": "5 failures", **rest}
    return system(number, "CircuitBreakerStateChanged", payload)


def letter(original: dict[str, Any]) -> dict[str, Any]:
    payload = {
        "event": original,
        "error": {"type": "OUT_OF_STOCK", "message": "none left", "stack": "stock.py line 7"},
        "consumer": "inventory", "consumerGroup": "inventory", "attempts": 4,
        "originalTopic": "orders-topic", "originalOffset": "1-1",
    }  # fmt: skip
    return event(9000, "DeadLettered", payload=payload, eventId=f"lost_{original['eventId']}")


def row(page: Page, words: str):  # type: ignore[no-untyped-def]
    return page.locator(".al-row", has_text=words)


def of_the_list(url: str) -> bool:
    return urlsplit(url).path == "/alerts/"


@pytest.mark.usefixtures("mended")
def test_alert_appears_by_itself_is_acknowledged_and_survives_restarts(
    tab: Tab, house: House
) -> None:
    page = tab.go("/alerts/")
    expect(page.get_by_role("heading", name="What is watched")).to_be_visible()
    expect(row(page, BREAKER)).to_have_count(0)

    house.publish(change(1, "closed", "open"), topic="system-events")
    firing = row(page, BREAKER)
    expect(firing).to_have_attribute("data-state", "firing")

    firing.get_by_text("Acknowledge").click()
    note = firing.get_by_label("Note for the others")
    note.fill("calling the <b>bank</b>")
    time.sleep(4)
    expect(note).to_have_value("calling the <b>bank</b>")
    firing.get_by_role("button", name="I have it").click()

    def stands() -> None:
        held = row(page, BREAKER)
        expect(held).to_have_attribute("data-state", "acknowledged")
        expect(held).to_contain_text("admin has it")
        expect(held).to_contain_text("calling the <b>bank</b>")

    stands()
    page.reload()
    stands()

    tab.may_lose_its_server = True
    house.kill_monitor()
    house.kill_web()
    ended_ms = time.time() * 1000
    house.mend()
    page.reload()
    page.wait_for_function(EVALUATED_SINCE, arg=ended_ms)
    stands()

    house.publish(change(2, "open", "closed", failureCount=0), topic="system-events")
    expect(row(page, BREAKER)).to_have_count(0)
    tab.go("/alerts/?show=history")
    expect(page.get_by_role("row").filter(has_text=BREAKER)).to_contain_text("admin")


@pytest.mark.usefixtures("mended")
def test_answer_under_way_does_not_shut_what_was_opened_meanwhile(tab: Tab, house: House) -> None:
    page = tab.go("/alerts/")
    house.publish(change(5, "closed", "open", name="rates"), topic="system-events")
    firing = row(page, "rates")
    expect(firing).to_have_attribute("data-state", "firing")

    waiting: list[Route] = []
    page.route(of_the_list, lambda route: waiting.append(route), times=1)
    until(page, lambda: waiting, "the list was not asked for again")
    firing.evaluate("row => { row.dataset.old = 1; }")
    firing.get_by_text("Acknowledge").click()
    with page.expect_response(lambda answer: of_the_list(answer.url)):
        waiting[0].continue_()
    page.wait_for_timeout(1000)
    expect(firing.get_by_label("Note for the others")).to_be_visible()
    expect(firing).to_have_attribute("data-old", "1")

    firing.get_by_text("Acknowledge").click()
    expect(firing).not_to_have_attribute("data-old", "1")


def test_one_alert_is_snoozed_and_noted_on_its_page(tab: Tab, house: House) -> None:
    page = tab.go("/alerts/")
    house.publish(change(3, "closed", "open", name="stock-store"), topic="system-events")
    row(page, "stock-store").get_by_role("link", name="refuses calls").click()
    page.get_by_label("Leave it in peace for").select_option("2 hours")
    page.get_by_role("button", name="Snooze").click()
    expect(page.get_by_text("Snoozed until")).to_be_visible()
    page.get_by_label("Write into the timeline").fill("known since Monday")
    page.get_by_role("button", name="Add note").click()
    expect(page.locator(".al-timeline")).to_contain_text("known since Monday")
    page.reload()
    expect(page.locator(".al-timeline")).to_contain_text("Snoozed by admin")
    expect(page.locator(".al-timeline")).to_contain_text("known since Monday")


def test_breaker_page_tells_what_changed_without_a_reload(tab: Tab, house: House) -> None:
    page = tab.go("/breakers/")
    house.publish(change(4, "closed", "open", name="mail-relay"), topic="system-events")
    card = page.get_by_role("region", name="mail-relay")
    expect(card).to_contain_text("open")
    card.get_by_text("The last 1 change").click()
    house.publish(change(5, "open", "half_open", name="mail-relay"), topic="system-events")
    expect(card.get_by_text("The last 2 changes")).to_be_visible()
    expect(card.locator("details")).to_have_attribute("open", "")
    expect(card).to_contain_text("half open")


def test_dead_letter_arrives_and_is_read_with_error_and_story(tab: Tab, house: House) -> None:
    page = tab.go("/dead-letters/")
    original = event(8077)
    house.publish(original)
    house.publish(letter(original), topic="failed-events")
    line = page.locator("tr", has_text="evt_8077")
    line.get_by_role("link", name="ORDER_CREATED").click()
    for words in ("OUT_OF_STOCK", "none left", "stock.py line 7", "ORD_8077", "inventory"):
        expect(page.locator("main")).to_contain_text(words)
    page.get_by_role("link", name="The whole story").click()
    expect(page).to_have_url(f"{house.url}/correlations/corr_8077/")


@pytest.mark.parametrize("path", ["/health/", "/consumers/", "/alerts/", "/dead-letters/"])
def test_hidden_page_asks_for_nothing(tab: Tab, path: str) -> None:
    tab.page.clock.install()
    page = tab.go(path)
    asked: list[str] = []

    def note(request: Request) -> None:
        if request.url.endswith(path):
            asked.append(request.url)

    page.on("request", note)
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { configurable: true, get: () => true })"
    )
    page.clock.run_for(20_000)
    assert asked == []
    page.evaluate(
        "Object.defineProperty(document, 'hidden', { configurable: true, get: () => false })"
    )
    with page.expect_request(lambda request: request.url.endswith(path)):
        page.clock.run_for(2_000)


def test_slow_server_is_not_asked_again_before_it_has_answered(tab: Tab) -> None:
    asked: list[Route] = []
    page = tab.page
    page.clock.install()
    tab.go("/alerts/")
    page.route(of_the_list, lambda route: asked.append(route))
    until(page, lambda: page.clock.run_for(1_000) or asked, "a first refresh")
    page.clock.run_for(20_000)
    assert len(asked) == 1
    asked.pop().continue_()
    until(page, lambda: page.clock.run_for(1_000) or asked, "the next, after the answer")
    asked.pop().continue_()
    page.unroute(of_the_list)


def test_page_whose_session_has_ended_asks_for_a_sign_in(
    chromium: Browser, house: House, session: object
) -> None:
    context = open_context(chromium, storage_state=session)
    page = context.new_page()
    page.goto(house.url + "/health/")
    context.clear_cookies()
    page.wait_for_url("**/sign-in/**")
    expect(page.locator("#living")).to_have_count(0)
    context.close()


@pytest.fixture
def told(tab: Tab, house: House) -> list[str]:
    """The pages of an alert and of a dead letter, whichever tests were run before."""
    house.publish(change(6, "closed", "open", name="wide-gateway"), topic="system-events")
    house.publish(letter(event(8088, type="WIDE_LETTER")), topic="failed-events")
    alert = row(tab.go("/alerts/"), "wide-gateway").locator("a.al-summary")
    paths = [alert.get_attribute("href")]
    letters = tab.go("/dead-letters/").locator("a.rc-letter", has_text="WIDE_LETTER")
    paths.append(letters.first.get_attribute("href"))
    return [path for path in paths if path]


@pytest.mark.parametrize("tab", [(390, "dark"), (1440, "light")], indirect=True)
def test_nothing_is_wider_than_the_screen(tab: Tab, told: list[str]) -> None:
    lists = [
        "/alerts/", "/alerts/?show=history", "/health/", "/breakers/", "/consumers/",
        "/dead-letters/", "/dead-letters/?by=failure",
    ]  # fmt: skip
    assert len(told) == 2
    paths = lists + told
    assert {path: wider(tab.go(path)) for path in paths} == dict.fromkeys(paths, 0)


def wider(page: Page) -> int:
    """Pixels that the page is wider than its window."""
    over: int = page.evaluate("document.documentElement.scrollWidth - innerWidth")
    return max(0, over)
