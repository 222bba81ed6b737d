from __future__ import annotations

from dataclasses import dataclass

import pytest

from dashboard.explore.story import Handling, build_story
from dashboard.explore.summary import Summary, summarise
from tests.dashboard.explore.test_story import Event


@dataclass(frozen=True)
class Letter:
    pk: int
    consumer: str = "pay"
    status: str = "open"


def handled(event_id: str, outcome: str, consumer: str = "pay", attempt: int = 1) -> Handling:
    return Handling(
        event_id=event_id, consumer=consumer, outcome=outcome, attempt=attempt,
        started_ms=1000 * attempt, ended_ms=1000 * attempt + 10,
        error_type="" if outcome == "success" else "Declined",
    )  # fmt: skip


def summary(
    outcomes: dict[str, str], *handlings: Handling, letters: dict[str, list[Letter]] | None = None
) -> Summary:
    story = build_story("corr", [Event(name, 1000) for name in outcomes], handlings)
    return summarise(story, outcomes, letters or {})


@pytest.mark.parametrize(
    ("outcomes", "expected"),
    [
        ({"a": "delivered", "b": "dead_lettered"}, "failed"),
        ({"a": "retried", "b": "failed"}, "failed"),
        ({"a": "retried", "b": "delivered"}, "retried"),
        ({"a": "unprocessed", "b": "delivered"}, "delivered"),
        ({"a": "unprocessed", "b": ""}, "unprocessed"),
    ],
)
def test_outcome_is_the_worst_of_all(outcomes: dict[str, str], expected: str) -> None:
    assert summary(outcomes).outcome == expected


def test_like_failures_are_one_and_lead_to_the_letter_of_that_consumer() -> None:
    told = summary(
        {"a": "failed", "b": "failed", "c": "dead_lettered"},
        handled("a", "failed"),
        handled("b", "failed"),
        handled("c", "dead_lettered", "mail"),
        letters={"c": [Letter(1, "pay"), Letter(2, "mail"), Letter(3, "mail"), Letter(4, "pay")]},
    )

    assert [(one.step.event_id, one.count, one.letter) for one in told.failures] == [
        ("c", 1, Letter(3, "mail")),
        ("a", 2, None),
    ]


def test_what_needed_retries_is_told_with_its_last_attempt() -> None:
    told = summary({"a": "retried"}, handled("a", "retry"), handled("a", "success", attempt=3))

    assert [(one.step.event_id, one.attempts) for one in told.retried] == [("a", 3)]


def test_longest_stretch_is_told_only_where_it_is_long() -> None:
    quick = summary({"a": "delivered"}, handled("a", "success"))
    slow = summary({"a": "retried"}, handled("a", "retry"), handled("a", "success", attempt=3))

    assert quick.slow is None
    assert slow.slow is not None
    assert (slow.slow.kind, slow.slow.service, slow.slow.duration_ms) == ("retry", "pay", 1990)


def test_services_are_publishers_and_consumers() -> None:
    assert summary({"a": "delivered"}, handled("a", "success")).services == ["pay", "service"]
