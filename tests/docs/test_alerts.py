"""docs/alerts.md tells the rules and duties that are in the code."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from dashboard.alerts.models import Episode
from dashboard.alerts.rules import Rule, built_in_rules
from dashboard.alerts.wording import condition_of, format_value
from dashboard.measures import MEASURES
from dashboard.monitor.duties import all_duties
from dashboard.options import DashboardOptions
from dashboard.rule_options import RuleOptions

DOCS = Path(__file__).resolve().parents[2] / "docs"
TEXT = (DOCS / "alerts.md").read_text(encoding="utf-8")
RULES = (DOCS / "alert-rules.md").read_text(encoding="utf-8")
CONFIGURATION = (DOCS / "configuration.md").read_text(encoding="utf-8")


def table(header: str, text: str = TEXT) -> list[list[str]]:
    """The cells of the rows below the header that begins so."""
    body = text.partition(f"\n| {header} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in body.split("\n")[2:]]


def row_of(rule: Rule) -> tuple[str, ...]:
    fires = condition_of(rule) or "open"
    resolves = "closed" if rule.unit == "state" else f"at {format_value(rule.clear, rule.unit)}"
    return (
        f"`{rule.name}`",
        f"`{rule.metric}`",
        f"{fires} for {rule.for_s:g} s",
        f"{resolves} for {rule.clear_s:g} s",
        rule.severity if rule.enabled else f"{rule.severity}, off",
    )


def test_table_of_rules_is_that_of_the_code() -> None:
    told = [(name, metric, *rest) for name, metric, _, *rest in table("rule")]
    assert told == [row_of(rule) for rule in built_in_rules(DashboardOptions())]


def test_every_metric_is_told_with_what_narrows_it() -> None:
    told = [(name, by, scope, past) for name, _, by, scope, past in table("a rule on", RULES)]
    assert told == [
        (
            f"`{one.name}`",
            ", ".join(f"`{name}`" for name in one.by) or one.member,
            ", ".join(f"`{name}s`" for name in one.scope) or "—",
            one.past,
        )
        for one in MEASURES.values()
    ]


def test_every_key_of_a_rule_is_documented() -> None:
    text = CONFIGURATION.partition("`[[alerts.rules]]`")[2].partition("\n## ")[0]
    keys = {field.encode_name for field in msgspec.structs.fields(RuleOptions)}
    assert {key for key in keys if f"`{key}`" not in text} == set()


def test_every_rule_is_explained_in_words() -> None:
    names = {rule.name for rule in built_in_rules(DashboardOptions())}
    assert set(re.findall(r"\*\*([a-z0-9-]+)\*\*", TEXT)) == names


def test_every_state_is_explained() -> None:
    states = re.findall(r"^\d\. \*\*(\w+)\*\*", TEXT, re.MULTILINE)
    assert [state.lower() for state in states] == list(Episode.State.values)


def test_table_of_duties_is_that_of_the_code() -> None:
    told = [(name, every) for name, every, _ in table("duty")]
    every = {
        "probes": "`[health] interval`",
        "breaker-polls": "`[circuit_breakers] poll`",
    }
    assert told == [
        (f"`{duty.name}`", every.get(duty.name, f"{duty.every:g} s"))
        for duty in all_duties(lambda: False)
    ]
