"""A rule as an admin writes it: tried while it is written, saved, firing, switched off."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import Tab
from tests.browser.house import House, event

pytestmark = [pytest.mark.browser]

NAME = "quiet-12000"


@pytest.mark.usefixtures("mended")
def test_rule_is_tried_while_it_is_written_then_fires_and_is_switched_off(
    tab: Tab, house: House
) -> None:
    house.publish(*[event(12_000 + n, "RULES_TESTED_12000") for n in range(5)])
    page = tab.go("/alerts/rules/")
    page.get_by_role("link", name="New rule").click()
    trial = page.locator("#trial")
    expect(trial).to_have_attribute("aria-busy", "false")

    page.get_by_label("Name", exact=True).fill(NAME)
    page.get_by_label("Metric", exact=True).select_option("throughput")
    page.get_by_label("Told apart by").select_option("type")
    page.locator("#id_side").select_option("below")
    page.get_by_label("Holds").fill("soon")
    expect(trial).to_contain_text("Expected a number, got 'soon'")

    page.get_by_label("Holds").fill("1000000")
    page.get_by_label("For", exact=True).fill("0s")
    page.get_by_text("Only for some").click()
    page.get_by_label("Event types").fill("RULES_TESTED_*")
    expect(trial.locator(".ru-sentence")).to_be_visible()
    members = trial.locator("details", has_text="Its members now")
    expect(members).to_be_visible()

    page.get_by_role("button", name="Save").click()
    expect(page.get_by_text("is saved and in force within seconds")).to_be_visible()
    tab.go("/alerts/")
    words = "Throughput of RULES_TESTED_12000 is"
    expect(page.locator(".al-row", has_text=words)).to_be_visible()

    tab.go("/alerts/rules/")
    page.get_by_role("button", name="Switch Quiet 12000 off").click()
    expect(page.get_by_text("Quiet 12000 is off.")).to_be_visible()
    tab.go("/alerts/")
    expect(page.locator(".al-row", has_text=words)).to_have_count(0)

    tab.go(f"/alerts/rules/{NAME}/")
    page.get_by_role("button", name="Delete the rule").click()
    expect(page.get_by_text(f"{NAME} is deleted.")).to_be_visible()
    tab.check()
