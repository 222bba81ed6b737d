"""docs/alerts.md tells the rules and duties that are in the code."""

from __future__ import annotations

import re
from pathlib import Path

from dashboard.alerts.models import Episode
from dashboard.alerts.rules import Rule, built_in_rules
from dashboard.alerts.wording import format_value
from dashboard.monitor.duties import all_duties
from dashboard.options import DashboardOptions

TEXT = (Path(__file__).resolve().parents[2] / "docs" / "alerts.md").read_text(encoding="utf-8")


def table(header: str) -> list[list[str]]:
    """The cells of the rows below the header that begins so."""
    body = TEXT.partition(f"\n| {header} |")[2].partition("\n\n")[0]
    return [[cell.strip() for cell in line.split("|")[1:-1]] for line in body.split("\n")[2:]]


def row_of(rule: Rule) -> tuple[str, ...]:
    if rule.unit == "state":
        fires, resolves = "open", "closed"
    else:
        fires = f"over {format_value(rule.above, rule.unit)}"
        resolves = f"at {format_value(rule.clear, rule.unit)}"
    return (
        f"`{rule.name}`",
        f"`{rule.metric}`",
        f"{fires} for {rule.for_s:g} s",
        f"{resolves} for {rule.clear_s:g} s",
        rule.severity,
    )


def test_table_of_rules_is_that_of_the_code() -> None:
    told = [(name, metric, *rest) for name, metric, _, *rest in table("rule")]
    assert told == [row_of(rule) for rule in built_in_rules(DashboardOptions())]


def test_every_rule_is_explained_in_words() -> None:
    names = {rule.name for rule in built_in_rules(DashboardOptions())}
    assert set(re.findall(r"\*\*([a-z0-9-]+)\*\*", TEXT)) == names


def test_every_state_is_explained() -> None:
    states = re.findall(r"^\d\. \*\*(\w+)\*\*", TEXT, re.MULTILINE)
    assert [state.lower() for state in states] == list(Episode.State.values)


def test_table_of_duties_is_that_of_the_code() -> None:
    told = [(name, every) for name, every, _ in table("duty")]
    every = {"probes": "`[health] interval`"}
    assert told == [
        (f"`{duty.name}`", every.get(duty.name, f"{duty.every:g} s"))
        for duty in all_duties(lambda: False)
    ]
