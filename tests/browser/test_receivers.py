"""Receivers in a real browser: an admin sends a test and sees it arrive."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Browser, expect

from tests.browser.conftest import Tab, open_context, open_house, sign_in
from tests.browser.house import House
from tests.dashboard.notifying.servers import HttpSide, http_side

pytestmark = pytest.mark.browser

CONFIGURATION = """
[alerts]
receiver = "hook-14001"
[alerts.receivers.hook-14001]
type = "webhook"
url = "{url}/in"
private = true
"""


@pytest.fixture
def side() -> Iterator[HttpSide]:
    with http_side() as side:
        yield side


@pytest.fixture
def told_house(side: HttpSide, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[House]:
    """A house of its own, for it has receivers."""
    file = tmp_path / "eventscope.toml"
    file.write_text(CONFIGURATION.format(url=side.url), encoding="utf-8")
    monkeypatch.setenv("EVENTSCOPE_CONFIG", str(file))
    monkeypatch.setenv("EVENTSCOPE_RECEIVER_HOOK_14001", "a key")
    yield from open_house(tmp_path)


def test_an_admin_sends_a_test_and_sees_it_arrive_at_the_second_try(
    chromium: Browser, told_house: House, side: HttpSide
) -> None:
    side.script = [503]
    context = open_context(chromium, storage_state=sign_in(chromium, told_house))
    tab = Tab(context.new_page(), told_house)
    page = tab.go("/alerts/receivers/")
    page.get_by_role("button", name="Send a test to hook-14001").click()
    expect(page.get_by_text("A test for hook-14001 is on its way")).to_be_visible()
    log = page.locator("#deliveries")
    expect(log.get_by_text("answered 200")).to_be_visible()
    expect(log.locator("td[data-label=Tries]")).to_have_text(["2"])

    page.get_by_label("Labels of an alert").fill("severity = critical")
    page.get_by_role("button", name="Find out").click()
    expect(page.get_by_role("status").get_by_text("hook-14001")).to_be_visible()
    tab.check()
    context.close()
    tests = [came.json for came in side.received if came.json["reason"] == "test"]
    assert len(tests) == 2
    assert len({test["id"] for test in tests}) == 1
