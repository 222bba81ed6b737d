"""What has no past of its own is sampled once a minute, and rules are tried on that."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import pytest

from dashboard.alerts.answering import Facts
from dashboard.alerts.models import ReadingSample
from dashboard.alerts.readings import Observation
from dashboard.alerts.rule import Rule
from dashboard.alerts.sample_history import history_of
from dashboard.alerts.sampling import (
    KEPT_MS,
    MOST_KEPT,
    SAMPLED,
    Sampled,
    Sampler,
    pack,
    sampled_of,
    unpack,
)
from dashboard.alerts.tallies import Letters
from dashboard.alerts.trying import try_rule
from tests.dashboard.care import make_group

MINUTE = 60_000
STEP = 5 * MINUTE
NOW = 1_800_000_000_000 // STEP * STEP
RULE = Rule(
    "r", "R", "backlog", above=100, clear=80, unit="events", severity="warning",
    explanation="", for_s=60, clear_s=0,
)  # fmt: skip
GROUP = "inventory on orders-topic"


def at(value: float | None, subject: str = "pay on a", **labels: str) -> Sampled:
    return Sampled(subject, value, labels or {"consumer": "pay", "topic": "a"})


def steps(
    rule: Rule, samples: Sequence[tuple[int, list[Sampled]]]
) -> dict[str, list[float | None]]:
    """Four steps from 0 on, by member."""
    found = history_of(rule, samples, times_ms=range(0, 4 * STEP, STEP), step_ms=STEP)
    return {
        name: [None if math.isnan(value) else value for value in found.values[:, place].tolist()]
        for place, name in enumerate(found.subjects)
    }


@pytest.mark.parametrize(
    ("for_s", "below", "expected"),
    [
        (60, None, [9, None, 5, None]),
        (300, None, [1, None, 5, None]),
        (60, 3.0, [1, None, 5, None]),
        (300, 3.0, [9, None, 5, None]),
    ],
)
def test_a_step_is_its_worst_sample_or_what_held_in_all_of_them(
    for_s: float, below: float | None, expected: list[float | None]
) -> None:
    rule = replace(RULE, for_s=for_s, below=below, above=None if below else 100)
    samples = [(0, [at(1)]), (MINUTE, [at(9)]), (2 * MINUTE, [at(None)]), (2 * STEP, [at(5)])]
    assert steps(rule, samples) == {"pay on a": expected}


def test_what_is_counted_and_was_not_there_was_nothing_and_what_is_measured_is_unknown() -> None:
    samples = [(0, [at(4, "A", type="A")]), (STEP, [])]
    assert steps(replace(RULE, metric="stuck_flows"), samples) == {"A": [4, 0, None, None]}
    assert steps(replace(RULE, metric="absence"), samples) == {"A": [4, None, None, None]}


def test_open_letters_are_added_up_by_what_the_rule_tells_apart() -> None:
    samples = [
        (
            0,
            [
                at(4, "", type="A", consumer="pay", topic="t"),
                at(2, "", type="B", consumer="pay", topic="t"),
                at(7, "", type="A", consumer="ship", topic="t"),
            ],
        )
    ]
    rule = replace(RULE, metric="dead_letters_open", by="consumer")
    assert {name: line[0] for name, line in steps(rule, samples).items()} == {"pay": 6, "ship": 7}
    scoped = replace(rule, scope=(("type", ("A",)),), members=("p*",))
    assert {name: line[0] for name, line in steps(scoped, samples).items()} == {"pay": 4}


def test_scope_and_members_narrow_what_was_sampled() -> None:
    samples = [(0, [at(1), at(2, "ship on b", consumer="ship", topic="b")])]
    assert list(steps(replace(RULE, scope=(("topic", ("b",)),)), samples)) == ["ship on b"]
    assert list(steps(replace(RULE, members=("pay*",)), samples)) == ["pay on a"]


def test_packed_members_are_read_back_the_worst_of_too_many_first() -> None:
    seen = [Observation("backlog", f"m{n}", float(n), labels={"topic": "t"}) for n in range(300)]
    seen.append(Observation("backlog", "unknown", None))
    found = unpack(pack(sampled_of("backlog", Facts(listed={"backlog": seen}))))
    assert len(found) == MOST_KEPT
    assert found[0] == Sampled("m299", 299.0, {"topic": "t"})


def test_open_letters_are_kept_by_all_their_names() -> None:
    waiting = [Letters("A", "", "pay", "t", 3)]
    assert sampled_of("dead_letters_open", Facts(waiting=waiting)) == [
        Sampled("", 3.0, {"type": "A", "consumer": "pay", "topic": "t"})
    ]


@pytest.mark.django_db(databases=["default", "events"])
def test_a_minute_is_sampled_once_whoever_comes_and_old_ones_go() -> None:
    make_group(lag=12, pending=3, sampled_ms=NOW)
    ReadingSample.objects.create(metric="backlog", at_ms=NOW - KEPT_MS - 1, data=pack([]))

    assert Sampler().step(now_ms=NOW + 1_000) == len(SAMPLED)
    assert Sampler().step(now_ms=NOW + 59_000) == 0
    assert Sampler().step(now_ms=NOW + MINUTE) == len(SAMPLED)

    rows = ReadingSample.objects.filter(metric="backlog").order_by("at_ms")
    assert [row.at_ms for row in rows] == [NOW, NOW + MINUTE]
    (told,) = unpack(bytes(rows[0].data))
    assert (told.subject, told.value) == (GROUP, 15.0)
    assert told.labels == {"consumer": "inventory", "topic": "orders-topic"}


@pytest.mark.django_db(databases=["default", "events"])
def test_a_backlog_rule_is_tried_on_the_samples_and_says_since_when() -> None:
    first = NOW - 6 * 3_600_000
    for minute in range(60):
        value = 500.0 if 20 <= minute < 30 else 5.0
        told = Sampled(GROUP, value, {"consumer": "inventory", "topic": "orders-topic"})
        ReadingSample.objects.create(
            metric="backlog", at_ms=first + minute * MINUTE, data=pack([told])
        )

    trial = try_rule(RULE, span="24h", now_ms=NOW)

    assert trial.sentence == "It would have fired once in the last 24 hours."
    (span,) = trial.past.spans
    assert (span.subject, span.from_ms, span.peak) == (GROUP, first + 25 * MINUTE, 500.0)
    assert trial.begins_ms == first
    assert trial.figure["data"][0]["name"] == GROUP


@pytest.mark.django_db(databases=["default", "events"])
def test_before_the_first_sample_nothing_can_be_said() -> None:
    trial = try_rule(replace(RULE, metric="component"), now_ms=NOW)
    assert trial.sentence == "What this was is not kept yet; what it is now stands below."
    assert (trial.past.spans, trial.begins_ms, trial.known_share) == ([], None, 0.0)
