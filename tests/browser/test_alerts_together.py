"""Alerts chosen in the list: they stay chosen while it lives, are changed together, and silenced."""

from __future__ import annotations

import re
import time
from collections.abc import Iterator

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import Tab
from tests.browser.house import House

NUMBERS = (13001, 13002, 13003)


def make_alerts(house: House) -> None:
    """Three that came from another system, so that no rule of ours ends them meanwhile."""
    house.run_python(
        "from dashboard.alerts.models import Episode\n"
        "import time\n"
        "now = time.time_ns() // 1_000_000\n"
        f"for number in {NUMBERS}:\n"
        "    Episode.objects.create(\n"
        "        origin='alertmanager', external_id=str(number), rule=f'rule-{number}',\n"
        "        subject=f'consumer-{number}', severity='warning', state='firing', value=1.0,\n"
        "        summary=f'consumer-{number} is slow', started_ms=now, fired_ms=now,\n"
        "        labels={'consumer': f'consumer-{number}', 'team': 'team-13000'},\n"
        "        evaluated_ms=now, sampled_ms=now)\n"
    )


@pytest.fixture
def alerts(house: House, tab: Tab) -> Iterator[Page]:
    make_alerts(house)
    page = tab.go("/alerts/?text=consumer-1300")
    yield page
    house.run_python(
        "from dashboard.alerts.models import Episode, Silence\n"
        "Episode.objects.filter(external_id__startswith='1300').delete()\n"
        "Silence.objects.filter(comment__startswith='13000').delete()\n"
    )


def test_chosen_alerts_outlive_a_refresh_and_are_acknowledged_together(alerts: Page) -> None:
    bar = alerts.locator("#al-together")
    expect(bar).to_be_hidden()
    for number in NUMBERS[:2]:
        alerts.get_by_label(f"Choose: consumer-{number} is slow").check()
    expect(bar).to_contain_text("2 chosen")
    with alerts.expect_response(lambda answer: "/alerts/?text=" in answer.url):
        pass
    expect(bar).to_contain_text("2 chosen")
    expect(alerts.get_by_label(f"Choose: consumer-{NUMBERS[0]} is slow")).to_be_checked()

    bar.get_by_role("button", name="Acknowledge").click()

    expect(alerts.get_by_text("Done for 2 alerts.")).to_be_visible()
    expect(alerts.get_by_role("heading", name="Acknowledged (2)")).to_be_visible()
    expect(alerts.get_by_role("heading", name="Firing (1)")).to_be_visible()
    expect(bar).to_be_hidden()


def test_what_another_does_is_seen_without_a_reload_and_who_was_first(
    alerts: Page, house: House
) -> None:
    pick = alerts.get_by_label(f"Choose: consumer-{NUMBERS[2]} is slow")
    pick.check()
    house.run_python(
        "from dashboard.alerts.acting import acknowledge\n"
        "from dashboard.alerts.models import Episode\n"
        f"ids = Episode.objects.filter(external_id='{NUMBERS[2]}').values_list('pk', flat=True)\n"
        "assert acknowledge(ids, by='olga-13000').changed\n"
    )
    expect(alerts.get_by_text("olga-13000")).to_be_visible()
    expect(pick).to_be_checked()

    alerts.locator("#al-together").get_by_role("button", name="Acknowledge").click()

    told = "olga-13000 has acknowledged it already."
    expect(alerts.get_by_text(told)).to_be_visible()


def test_all_of_a_state_are_chosen_by_keyboard_and_a_silence_begins_with_what_they_share(
    alerts: Page,
) -> None:
    every = alerts.get_by_label("Choose all that are firing")
    every.focus()
    every.press("Space")
    expect(alerts.locator("#al-together")).to_contain_text("3 chosen")

    alerts.get_by_role("link", name="Silence…").click()

    matchers = alerts.get_by_label(re.compile("What is to be hushed")).first
    expect(matchers).to_have_value("team = team-13000")
    expect(alerts.get_by_text("3 open alerts would be hushed now").first).to_be_visible()
    alerts.get_by_label("Why").first.fill(f"13000 {time.time_ns()}")
    alerts.get_by_role("button", name="Silence", exact=True).click()

    expect(alerts.get_by_text("hushes 3 alerts now")).to_be_visible()
    alerts.goto(re.sub("/alerts/.*", "/alerts/?text=consumer-1300", alerts.url))
    expect(alerts.get_by_role("heading", name="Suppressed (3)")).to_be_visible()
