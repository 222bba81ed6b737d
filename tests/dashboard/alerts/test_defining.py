"""From what is written to rules and back; whose definition of a name counts."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.alerts.defining import combine, options_of, rule_of, write_limit
from dashboard.alerts.rule import BUILT_IN, CONFIGURED, OWN
from dashboard.alerts.rules import built_in_rules
from dashboard.alerts.ruleset import read_definition, write_definition
from dashboard.options import DashboardOptions, ObjectiveOptions
from dashboard.rule_options import RuleOptions, problems_of, read_limit

OPTIONS = DashboardOptions(objectives=ObjectiveOptions(consumers={"pay": {"error_rate": "5%"}}))
BUILT = {rule.name: rule for rule in built_in_rules(OPTIONS)}
SLOW = RuleOptions(name="pay-slow", metric="queue_p99", above="1s", consumers=("pay*",))


def test_a_written_rule_is_as_it_says_and_the_rest_is_usual() -> None:
    rule = rule_of(SLOW, origin=OWN)
    assert (rule.title, rule.above, rule.clear, rule.unit) == ("Pay slow", 1000, 800, "ms")
    assert rule.question == ("queue_p99", "consumer", (("consumer", ("pay*",)),), ())
    assert (rule.for_s, rule.clear_s, rule.no_data, rule.enabled) == (60, 60, "keep", True)


def test_a_rule_below_clears_above_its_limit() -> None:
    rule = rule_of(RuleOptions(name="quiet", metric="throughput", below=8), origin=OWN)
    assert (rule.limit, rule.clear, rule.threshold("x")) == (8, 10, 8)


@pytest.mark.parametrize("name", BUILT)
def test_every_built_in_rule_can_be_written_and_read_again(name: str) -> None:
    rule = BUILT[name]
    written = options_of(rule)
    assert problems_of(written, longest_s=86_400) == []
    again = rule_of(written, origin=BUILT_IN, base=rule)
    assert again.question == rule.question
    assert replace(again, by=rule.by, clear=rule.clear, above=rule.above) == rule
    assert again.clear == pytest.approx(rule.clear)
    assert again.above == pytest.approx(rule.above)
    assert read_definition(write_definition(written)) == written


@given(st.floats(0, 1e9), st.sampled_from(["share", "ms", "count"]))
def test_limits_are_read_as_they_are_written(value: float, unit: str) -> None:
    assert read_limit(write_limit(value, unit), unit) == pytest.approx(value, rel=1e-9, abs=1e-9)


def test_an_own_definition_counts_before_the_configured_and_that_before_the_built_in() -> None:
    configured = [RuleOptions(name="error-rate", metric="error_rate", above="1%"), SLOW]
    own = {"error-rate": RuleOptions(name="error-rate", metric="error_rate", above="2%")}
    found = {one.rule.name: one for one in combine(BUILT.values(), configured, own)}
    errors, slow = found["error-rate"], found["pay-slow"]
    assert (errors.rule.above, errors.own, errors.rule.origin) == (0.02, True, BUILT_IN)
    assert errors.replaces is not None
    assert errors.replaces.above == 0.01
    assert errors.rule.threshold("pay") == 0.05
    assert errors.rule.explanation == BUILT["error-rate"].explanation
    assert (slow.own, slow.replaces, slow.rule.origin) == (False, None, CONFIGURED)
    assert list(found) == [*BUILT, "pay-slow"]


def test_a_built_in_rule_given_another_metric_is_explained_by_that() -> None:
    other = RuleOptions(name="error-rate", metric="retries", above=5)
    (found, *_) = combine([BUILT["error-rate"]], [other], {})
    assert found.rule.explanation.startswith("Attempts of the last 5 minutes")
    assert found.rule.overrides == {}


@pytest.mark.parametrize(
    "definition", [None, [], {"name": "x"}, {"name": "x", "metric": "gone", "above": 1}, {"a": 1}]
)
def test_a_definition_that_is_not_known_any_more_is_none(definition: object) -> None:
    assert read_definition(definition) is None
