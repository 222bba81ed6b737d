from __future__ import annotations

from typing import Any

import pytest

from dashboard.recovery.rule_steps import Step, StepError, due_before_ms, read_rule

MINUTE = 60_000


@pytest.mark.parametrize(
    "text",
    [
        "notify-admin",
        "log",
        "redrive after 5m up to 3",
        "discard after 7d",
    ],
)
def test_a_sentence_reads_as_it_is_written(text: str) -> None:
    assert read_rule([text]).texts == [text]


def test_a_rule_has_its_steps_and_what_holds_it_up() -> None:
    rule = read_rule(["  log ", "", "redrive  after 90s up to 2", "hold while breaker pay is open"])
    assert rule.steps == (Step("log"), Step("redrive", 90.0, 2))
    assert [hold.breaker for hold in rule.holds] == ["pay"]
    assert rule.texts[1] == "redrive after 1m30s up to 2"


@pytest.mark.parametrize(
    ("texts", "said"),
    [
        ([], "at least one thing"),
        (["dance"], "'dance' is not known; write notify-admin"),
        (["redrive after soon up to 3"], "is not a duration"),
        (["redrive after 5m up to 0"], "up to 1 to 20 times"),
        (["redrive after 5m up to 999"], "up to 1 to 20 times"),
        (["discard after 0s"], "wait from 1s to 90d"),
        (["discard after 91d"], "wait from 1s to 90d"),
        (["log", "log"], "log stands twice"),
        (["log", "hold while breaker x is open"], "only redrives are held"),
        (["log"] * 11, "at most 10 lines"),
    ],
)
def test_another_sentence_is_refused_with_what_there_is(texts: list[str], said: str) -> None:
    with pytest.raises(StepError) as caught:
        read_rule(texts)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("step", "redrives", "expected"),
    [
        (Step("redrive", 60.0, 3), 0, -MINUTE),
        (Step("redrive", 60.0, 3), 1, -2 * MINUTE),
        (Step("redrive", 60.0, 3), 2, -4 * MINUTE),
        (Step("redrive", 60.0, 3), 3, None),
        (Step("discard", 60.0), 7, -MINUTE),
    ],
)
def test_each_redrive_waits_twice_as_long_and_there_is_a_last(
    step: Step, redrives: int, expected: Any
) -> None:
    assert due_before_ms(step, redrives, 0) == expected
