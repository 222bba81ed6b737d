"""A dead letter goes back as a person sends it: look, send, watch it be processed."""

from __future__ import annotations

import json
import re
import time

import pytest
import redis
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.house import House, event
from tests.browser.test_care import letter

pytestmark = [pytest.mark.browser]


def copies(house: House, event_id: str) -> list[tuple[str, dict[str, object]]]:
    """Position and envelope of every copy of the event on its topic."""
    with redis.Redis.from_url(house.valkey.url) as client:
        entries = client.xrange("orders-topic")
    found = [(entry.decode(), json.loads(fields[b"event"])) for entry, fields in entries]
    return [one for one in found if one[1]["eventId"] == event_id]


def success(original: dict[str, object], position: str) -> dict[str, object]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    receipt = {
        "eventId": original["eventId"], "eventType": "ORDER_CREATED", "consumer": "inventory",
        "consumerGroup": "inventory", "topic": "orders-topic", "offset": position, "attempt": 1,
        "startedAt": now, "endedAt": now, "durationMs": 3.0, "outcome": "success",
    }  # fmt: skip
    return event(9700, "ProcessingReceipts", payload={"receipts": [receipt]})


def test_a_letter_is_put_back_and_its_job_is_completed_when_it_is_processed(
    tab: Tab, house: House
) -> None:
    original = event(9600)
    house.publish(original)
    house.publish(letter(original), topic="failed-events")
    page = tab.go("/dead-letters/")
    row = page.locator("tr", has_text="evt_9600")
    expect(row).to_be_visible()

    row.get_by_role("link", name="ORDER_CREATED").click()
    page.get_by_role("link", name="Redrive").click()
    expect(page.get_by_role("heading", name="Redrive 1 event")).to_be_visible()
    page.get_by_label("Canaries").fill("0")
    page.get_by_label("Wait while a consumer cannot take them").uncheck()
    page.get_by_label("Why (for the others)").fill("stock is back")
    page.get_by_role("button", name="Redrive 1").click()

    expect(page).to_have_url(re.compile(r"/dead-letters/jobs/\d+/$"))
    expect(page.locator("[data-kind=published] dd")).to_have_text("1")
    first, second = copies(house, "evt_9600")
    assert second[1].pop("metadata")["redrive"]["attempt"] == 1  # type: ignore[index]
    assert second[1] == {key: value for key, value in first[1].items() if key != "metadata"}

    house.publish(success(original, second[0]), topic="system-events")
    expect(page.locator("[data-kind=processed] dd")).to_have_text("1")
    expect(page.locator("[data-status=completed]")).to_be_visible()
    expect(page.get_by_text("The one that was sent was processed.")).to_be_visible()
    tab.go("/dead-letters/")
    expect(page.locator("tr", has_text="evt_9600")).to_have_count(0)
