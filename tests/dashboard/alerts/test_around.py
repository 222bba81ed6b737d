"""The chart of an alert's metric around its time: from what is stored, of its own member alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from dashboard.accounts.models import Role
from dashboard.alerts.around import draw_around
from dashboard.alerts.models import Episode
from dashboard.alerts.rules import built_in_rules
from ingest.models import Breaker, BreakerTransition
from tests.dashboard.care import client_for, make_episode
from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])

MINUTE = 60_000
BEGAN = START // 300_000 * 300_000 + 80 * MINUTE
RULES = {rule.name: rule for rule in built_in_rules(settings.DASHBOARD)}


def make_alert(rule: str = "error-rate", subject: str = "payment", **given: Any) -> Episode:
    values: dict[str, Any] = {
        "rule": rule,
        "subject": subject,
        "started_ms": BEGAN,
        "fired_ms": BEGAN + MINUTE,
        "resolved_ms": BEGAN + 10 * MINUTE,
        "state": "resolved",
        **given,
    }
    return make_episode(**values)


def handle(house: House, consumer: str, count: int, *, at: int, failed: int = 0) -> None:
    outcomes = ["failed"] * failed + ["success"] * (count - failed)
    told = envelope(
        f"receipts-{consumer}-{at}",
        "ProcessingReceipts",
        payload={
            "receipts": [
                receipt(f"{consumer}-{at}-{n}", consumer, outcome, at=at)
                for n, outcome in enumerate(outcomes)
            ]
        },
    )
    house.publish([told], topic="system-events", at=at)


def line_of(figure: dict[str, Any] | None) -> dict[int, float | None]:
    assert figure is not None
    (trace,) = figure["data"]
    assert trace["name"] == "payment"
    return dict(zip(trace["x"], trace["y"], strict=True))


@pytest.fixture
def house() -> House:
    """Two consumers over two hours; one fails for a while."""
    house = House(folding=True)
    offset = BEGAN - START
    for minutes, failed in ((-30, 0), (2, 40), (7, 20), (30, 0)):
        handle(house, "payment", 100, at=offset + minutes * MINUTE, failed=failed)
        handle(house, "inventory", 100, at=offset + minutes * MINUTE)
    return house


def test_values_are_of_its_own_member_from_an_hour_before_to_ten_minutes_after(
    house: House,
) -> None:
    figure = draw_around(make_alert(), RULES["error-rate"], now_ms=BEGAN + 60 * MINUTE)
    line = line_of(figure)
    assert (min(line), max(line)) == (BEGAN - 60 * MINUTE, BEGAN + 15 * MINUTE)
    assert (line[BEGAN - 30 * MINUTE], line[BEGAN], line[BEGAN + 5 * MINUTE]) == (0.0, 0.4, 0.2)


def test_an_open_one_is_drawn_up_to_now(house: House) -> None:
    episode = make_alert(state="firing", resolved_ms=None)
    figure = draw_around(episode, RULES["error-rate"], now_ms=BEGAN + 12 * MINUTE)
    assert max(line_of(figure)) == BEGAN + 5 * MINUTE


def test_where_nothing_was_observed_or_sampled_there_is_no_chart() -> None:
    assert draw_around(make_alert(), RULES["error-rate"], now_ms=BEGAN + MINUTE) is None
    backlog = make_alert("consumer-backlog", "payment on orders")
    assert draw_around(backlog, RULES["consumer-backlog"], now_ms=BEGAN + MINUTE) is None


def test_one_of_long_ago_has_no_chart_and_its_page_no_fault(house: House) -> None:
    long_ago = make_alert(started_ms=1_000_000_000, fired_ms=None, resolved_ms=1_000_060_000)
    assert draw_around(long_ago, RULES["error-rate"], now_ms=BEGAN) is None


def test_a_breaker_is_drawn_by_its_transitions(house: House) -> None:
    breaker = Breaker.objects.create(
        name="provider", service="payment", state="open", since_ms=BEGAN, seen_ms=BEGAN
    )
    BreakerTransition.objects.create(breaker=breaker, at_ms=BEGAN, to_state="open")
    episode = make_alert("breaker-open", "payment / provider")
    figure = draw_around(episode, RULES["breaker-open"], now_ms=BEGAN + 60 * MINUTE)
    assert figure is not None
    assert 1.0 in figure["data"][0]["y"]


def test_the_page_hands_the_chart_over(house: House) -> None:
    text = client_for(Role.VIEWER).get(f"/alerts/{make_alert().pk}/circumstances").content.decode()
    assert 'id="around-figure" type="application/json"' in text
