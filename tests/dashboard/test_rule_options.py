"""What is wrong with a rule is said with its field; what is right says nothing."""

from __future__ import annotations

import math

import pytest

from dashboard.rule_options import (
    LimitError,
    RuleOptions,
    check_rules,
    problems_of,
    read_limit,
)
from ingest.sections import Duration, OptionsError, decode_options

DAY_S = 86_400
GOOD = {"name": "slow", "metric": "latency_p95", "above": "250ms", "clear": "200ms", "for": "5m"}


def read(**given: object) -> RuleOptions:
    told = {key.rstrip("_"): value for key, value in (GOOD | given).items()}
    options: RuleOptions = decode_options(told, RuleOptions, file="test")
    return options


def wrong(**given: object) -> list[tuple[str, str]]:
    return [(one.field, one.message) for one in problems_of(read(**given), longest_s=DAY_S)]


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"above": 250, "clear": 250},
        {"above": None, "below": 10, "clear": 20},
        {"by": "type", "types": ["ORDER_*"], "consumers": ["a", "b"], "members": ["x"]},
        {"metric": "error_rate", "above": "2%", "clear": 0.01, "minimum": 10},
        {"metric": "backlog", "above": 5, "clear": 0, "topics": ["orders-*"]},
        {"runbook": "https://wiki.example/run?book=1", "owner": "payments"},
    ],
)
def test_a_right_rule_has_no_problem(given: dict[str, object]) -> None:
    assert wrong(**given) == []


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"metric": "latency_p98"}, "metric", "Unknown metric 'latency_p98'"),
        ({"name": "Slow!"}, "name", "Expected small letters, digits and hyphens"),
        ({"above": math.nan}, "above", "Expected a finite number"),
        ({"above": math.inf}, "above", "Expected a finite number"),
        ({"above": "nan"}, "above", "Expected a finite number"),
        ({"above": -1}, "above", "Expected 0 or more"),
        ({"above": "soon"}, "above", "Expected '250ms' or '5m', got 'soon'"),
        ({"metric": "error_rate", "above": "lots%", "clear": 0}, "above", "Expected '2%' or 0.02, got 'lots%'"),
        ({"metric": "dead_letters", "above": "5m", "clear": 0}, "above", "Expected a number, got '5m'"),
        ({"above": None}, "above", "Expected above or below, one of them"),
        ({"below": 1}, "above", "Expected above or below, one of them"),
        ({"clear": "300ms"}, "clear", "Expected the limit or less"),
        ({"above": None, "below": 10, "clear": 5}, "clear", "Expected the limit or more"),
        ({"clear": math.nan}, "clear", "Expected a finite number"),
        ({"for": "2d"}, "for", "Expected at most 1d: metrics are not kept longer"),
        ({"keep_firing_for": "30d"}, "keep_firing_for", "Expected at most 7d"),
        ({"sources": ["shop"]}, "sources", "latency_p95 knows no source; it can be narrowed by types"),
        ({"by": "source"}, "by", "latency_p95 cannot be told apart by 'source'"),
        ({"metric": "breaker", "above": 0.5, "clear": 0, "by": "type"}, "by", "breaker cannot be told apart"),
        ({"metric": "breaker", "above": 0.5, "clear": 0, "types": ["A"]}, "types", "breaker knows no type"),
        ({"metric": "throughput", "above": 5, "clear": 1, "minimum": 5}, "minimum", "throughput counts no volume"),
        ({"minimum": math.inf}, "minimum", "Expected a finite number, 0 or more"),
        ({"consumers": ["x" * 201]}, "consumers", "Expected at most 50 names or globs"),
        ({"members": [""]}, "members", "Expected at most 50 names or globs"),
        ({"runbook": "javascript:alert(1)"}, "runbook", "Expected an address that begins with http"),
        ({"runbook": "https://"}, "runbook", "Expected an address that begins with http"),
        ({"runbook": "http://[::1"}, "runbook", "Expected an address that begins with http"),
        ({"title": "x" * 201}, "title", "Expected at most 200 characters"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_told_with_its_field(
    given: dict[str, object], field: str, message: str
) -> None:
    found = wrong(**given)
    assert [name for name, _ in found] == [field]
    assert found[0][1].startswith(message)


@pytest.mark.parametrize(
    ("value", "unit", "expected"),
    [
        ("250ms", "ms", 250), ("5m", "ms", 300_000), (250, "ms", 250), ("250", "ms", 250),
        ("2%", "share", 0.02), (0.02, "share", 0.02), ("0.02", "share", 0.02), ("3", "count", 3),
    ],
)  # fmt: skip
def test_limits_are_read_in_the_unit_of_the_metric(
    value: float | str, unit: str, expected: float
) -> None:
    assert read_limit(value, unit) == pytest.approx(expected)


@pytest.mark.parametrize("value", ["", "-5", "1e999", "0x10", "5 m"])
def test_what_is_no_limit_is_refused(value: str) -> None:
    with pytest.raises(LimitError):
        read_limit(value, "count")


def test_configured_rules_are_refused_with_file_and_place() -> None:
    rules = [read(), read(name="next", for_=Duration(60)), read(above="fast")]
    with pytest.raises(OptionsError, match=r"^house\.toml: alerts\.rules\[2\]\.above: Expected"):
        check_rules(rules, longest_s=DAY_S, file="house.toml")
    with pytest.raises(OptionsError, match=r"alerts\.rules\[1\]\.name: Expected another name"):
        check_rules([read(), read()], longest_s=DAY_S, file="house.toml")
    check_rules(rules[:2], longest_s=DAY_S, file="house.toml")
