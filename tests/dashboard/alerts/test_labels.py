"""What an episode is called by."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.alerts.evaluate import Observation
from dashboard.alerts.labels import labels_of
from dashboard.alerts.observing import Backlog, observe_backlog, observe_breakers
from dashboard.alerts.rules import built_in_rules
from dashboard.options import DashboardOptions
from ingest.models import Breaker

RULES = {rule.name: rule for rule in built_in_rules(DashboardOptions())}


@pytest.mark.parametrize(
    ("owner", "told", "expected"),
    [
        ("", {}, {"rule": "error-rate", "severity": "critical"}),
        ("pay", {"consumer": "payment"}, {"rule": "error-rate", "severity": "critical", "owner": "pay", "consumer": "payment"}),
        ("", {"service": "", "component": "db"}, {"rule": "error-rate", "severity": "critical", "component": "db"}),
        ("", {"rule": "another"}, {"rule": "error-rate", "severity": "critical"}),
    ],
)  # fmt: skip
def test_labels_are_of_the_rule_and_of_what_is_known_of_the_subject(
    owner: str, told: dict[str, str], expected: dict[str, str]
) -> None:
    rule = replace(RULES["error-rate"], owner=owner)
    assert labels_of(rule, Observation("error_rate", "x", 1.0, labels=told)) == expected


def test_state_of_the_house_is_labelled_by_its_parts() -> None:
    breaker = Breaker(name="pay", service="shop", instance="a", state="open", since_ms=1)
    (open_one,) = observe_breakers([(breaker, True)])
    (waiting,) = observe_backlog([Backlog("orders", "inv", 1, 0, 0)], now_ms=0)
    assert open_one.labels == {"service": "shop", "breaker": "pay"}
    assert waiting.labels == {"consumer": "inv", "topic": "orders"}
