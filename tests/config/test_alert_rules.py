"""Rules of alerts in the configuration: read when Eventscope starts, refused with their place."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.config.test_options import load, refusal

DOCS = Path(__file__).resolve().parents[2] / "docs"
RULE = '[[alerts.rules]]\nname = "slow"\nmetric = "latency_p95"\nabove = "250ms"\n'


def test_the_example_of_the_documents_is_a_rule(tmp_path: Path) -> None:
    text = (DOCS / "alert-rules.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    (rule,) = load(tmp_path, example).dashboard.alerts.rules
    assert (rule.name, rule.above, rule.for_, rule.consumers) == (
        "payments-slow", "250ms", 300, ("payment-*",),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (RULE + 'colour = "red"', "alerts.rules[0]: Object contains unknown field `colour`"),
        (RULE.replace("latency_p95", "latency"), "alerts.rules[0].metric: Unknown metric 'latency'"),
        (RULE.replace('"250ms"', "nan"), "alerts.rules[0].above: Expected a finite number"),
        (RULE.replace('"250ms"', "inf"), "alerts.rules[0].above: Expected a finite number"),
        (RULE + 'clear = "1s"', "alerts.rules[0].clear: Expected the limit or less"),
        (RULE + RULE, "alerts.rules[1].name: Expected another name; slow stands above already"),
        (RULE + 'for = "15d"', "alerts.rules[0].for: Expected at most 14d"),
        (RULE + 'for = "15d"\n[retention.metrics]\n"1m" = "30d"', ""),
        (RULE + 'for = "2h"\n[retention.metrics]\n"1m" = "1h"', "alerts.rules[0].for: Expected at most 1h"),
        (RULE + 'severity = "loud"', "alerts.rules[0].severity: Invalid enum value 'loud'"),
        (RULE + 'runbook = "file:///etc/passwd"', "alerts.rules[0].runbook: Expected an address"),
    ],
)  # fmt: skip
def test_a_wrong_rule_is_refused_with_its_place(tmp_path: Path, text: str, message: str) -> None:
    if message:
        assert refusal(tmp_path, text).startswith(f"eventscope.toml: {message}")
    else:
        assert len(load(tmp_path, text).dashboard.alerts.rules) == 1
