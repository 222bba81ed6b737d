"""Evaluation in table form: time → value → state expected after the round."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from dashboard.alerts.evaluate import (
    LONGEST_STEP_MS,
    Drop,
    Fire,
    Intent,
    Keep,
    Observation,
    Open,
    Resolve,
    Standing,
    evaluate,
)
from dashboard.alerts.rules import Rule

ERRORS = Rule(
    "errors", "Errors", "error_rate", above=0.1, clear=0.08, unit="share", severity="critical",
    explanation="", for_s=10, clear_s=6, minimum=100,
)  # fmt: skip
AT_ONCE = replace(ERRORS, name="at-once", for_s=0, clear_s=0, minimum=0)
UNKNOWN = None


def apply(open_now: dict[tuple[str, str], Standing], intents: list[Intent], now_ms: int) -> None:
    """What `dashboard.alerts.rounds` does, over a dict."""
    for intent in intents:
        if isinstance(intent, Open):
            key = (intent.rule.name, intent.observation.subject)
            assert key not in open_now
            state = "firing" if intent.firing else "pending"
            open_now[key] = Standing(1, *key, state, now_ms, now_ms, now_ms)
        elif isinstance(intent, Keep | Fire):
            open_now[(intent.before.rule, intent.before.subject)] = intent.after
        else:
            del open_now[(intent.before.rule, intent.before.subject)]


def play(rules: list[Rule], rounds: list[tuple[int, float | None, float]]) -> list[str]:
    open_now: dict[tuple[str, str], Standing] = {}
    states = []
    for second, value, volume in rounds:
        seen = [Observation("error_rate", "payments", value, volume)]
        apply(open_now, evaluate(rules, seen, open_now.values(), second * 1000), second * 1000)
        standing = next(iter(open_now.values()), None)
        states.append("-" if standing is None else standing.state + "?" * standing.no_data)
    return states


@pytest.mark.parametrize(
    ("name", "rounds", "expected"),
    [
        (
            "holds long enough, then fires, then clears for long enough, then resolves",
            [(0, 0.2, 500), (5, 0.2, 500), (10, 0.2, 500), (12, 0.01, 500), (15, 0, 500), (16, 0, 500)],
            ["pending", "pending", "firing", "firing", "firing", "-"],
        ),
        (
            "clears while pending: nothing had happened",
            [(0, 0.2, 500), (5, 0.2, 500), (9, 0.01, 500), (12, 0.2, 500), (20, 0.2, 500)],
            ["pending", "pending", "-", "pending", "pending"],
        ),
        (
            "a fifth of three events is no alarm",
            [(0, 0.33, 3), (10, 0.33, 3), (20, 0.33, 99), (30, 0.33, 100)],
            ["-", "-", "-", "pending"],
        ),
        (
            "exactly the threshold does not hold",
            [(0, 0.1, 500), (10, 0.1001, 500)],
            ["-", "pending"],
        ),
        (
            "between clear and threshold it stays firing, and clearing starts anew",
            [(0, 0.2, 500), (10, 0.2, 500), (14, 0, 500), (18, 0.09, 500), (22, 0.08, 500), (26, 0, 500), (30, 0, 500)],
            ["pending", "firing", "firing", "firing", "firing", "-", "-"],
        ),
        (
            "no data keeps firing, marked; never resolves by silence",
            [(0, 0.2, 500), (10, 0.2, 500), (20, UNKNOWN, 0), (200, UNKNOWN, 0), (205, 0.3, 500)],
            ["pending", "firing", "firing?", "firing?", "firing"],
        ),
        (
            "no data opens nothing and lets nothing fire",
            [(0, UNKNOWN, 0), (5, 0.2, 500), (30, UNKNOWN, 0), (60, UNKNOWN, 0), (61, 0.2, 500)],
            ["-", "pending", "pending?", "pending?", "pending"],
        ),
        (
            "traffic that stops is known to be nothing, so it clears",
            [(0, 0.2, 500), (10, 0.2, 500), (16, 0, 0), (22, 0, 0)],
            ["pending", "firing", "-", "-"],
        ),
    ],
)  # fmt: skip
def test_rounds_lead_to_states(
    name: str, rounds: list[tuple[int, float | None, float]], expected: list[str]
) -> None:
    assert play([ERRORS], rounds) == expected, name


def test_a_pause_is_credited_with_one_longest_step_only() -> None:
    slow = replace(ERRORS, for_s=60)
    assert play([slow], [(0, 0.5, 500), (2, 0.5, 500), (900, 0.5, 500)])[-1] == "pending"
    assert LONGEST_STEP_MS < 60_000


def test_rule_without_for_fires_and_resolves_at_once() -> None:
    assert play([AT_ONCE], [(0, 0.2, 1), (1, 0.2, 1), (2, 0, 1)]) == ["firing", "firing", "-"]


def test_each_member_has_an_episode_of_its_own() -> None:
    seen = [Observation("error_rate", name, 0.5, 500) for name in ("a", "b")]
    seen.append(Observation("error_rate", "c", 0.01, 500))
    intents = evaluate([ERRORS], seen, [], 0)
    assert [intent.observation.subject for intent in intents if isinstance(intent, Open)] == [
        "a",
        "b",
    ]


def test_subject_with_a_threshold_of_its_own_clears_in_proportion() -> None:
    own = replace(AT_ONCE, overrides={"payments": 0.5})
    assert play([own], [(0, 0.3, 1), (1, 0.6, 1), (2, 0.45, 1), (3, 0.39, 1)]) == [
        "-",
        "firing",
        "firing",
        "-",
    ]


def test_episode_of_a_rule_that_is_gone_is_resolved_with_the_reason() -> None:
    firing = Standing(7, "gone", "x", "firing", 0, 0, 0)
    pending = msgspec.structs.replace(firing, id=8, subject="y", state="pending")
    done = evaluate([ERRORS], [], [firing, pending], 1000)
    assert isinstance(done[0], Resolve)
    assert done[0].reason == "The rule is no longer in force."
    assert isinstance(done[1], Drop)


def test_vanished_subject_keeps_its_state_and_is_marked() -> None:
    firing = Standing(7, "errors", "gone", "firing", 0, 0, 0, value=0.4)
    (intent,) = evaluate([ERRORS], [], [firing], 60_000)
    assert isinstance(intent, Keep)
    assert (intent.after.state, intent.after.no_data, intent.after.value) == ("firing", True, 0.4)


def test_peak_keeps_the_worst_value() -> None:
    firing = Standing(7, "errors", "x", "firing", 0, 0, 0, value=0.4, peak=0.9)
    (intent,) = evaluate([ERRORS], [Observation("error_rate", "x", 0.5)], [firing], 1000)
    assert isinstance(intent, Keep)
    assert (intent.after.value, intent.after.peak) == (0.5, 0.9)


def test_timeline_of_a_year_long_episode_stays_small() -> None:
    standing, samples = Standing(1, "errors", "x", "firing", 0, 0, 0), 0
    now = 0
    while now < 365 * 86_400_000:
        now += max(60_000, now // 500)
        (intent,) = evaluate([ERRORS], [Observation("error_rate", "x", 0.5)], [standing], now)
        assert isinstance(intent, Keep)
        standing, samples = intent.after, samples + intent.sampled
    assert 100 < samples < 2000


class Episodes(RuleBasedStateMachine):
    """Any order of values, silences, pauses, acknowledgements: the promises of an episode hold."""

    SUBJECTS = ("a", "b")

    @initialize()
    def begin(self) -> None:
        self.now = 1_000_000
        self.open: dict[tuple[str, str], Standing] = {}
        self.acknowledged: set[tuple[str, str]] = set()
        self.held: dict[str, int] = {}

    @rule(
        values=st.tuples(*[st.one_of(st.none(), st.floats(0, 1))] * 2),
        volume=st.sampled_from([0, 50, 1000]),
        pause=st.sampled_from([500, 2000, 9000, 3_600_000]),
    )
    def round(self, values: tuple[float | None, float | None], volume: float, pause: int) -> None:
        self.now += pause
        seen = [
            Observation("error_rate", subject, value, volume)
            for subject, value in zip(self.SUBJECTS, values, strict=True)
        ]
        before = dict(self.open)
        intents = evaluate([ERRORS, AT_ONCE], seen, before.values(), self.now)
        apply(self.open, intents, self.now)
        measured = {item.subject: item.value for item in seen}
        for intent in intents:
            self.check(intent, measured)
        self.acknowledged &= self.open.keys()

    def check(self, intent: Intent, measured: dict[str, float | None]) -> None:
        if isinstance(intent, Open):
            assert measured[intent.observation.subject] is not None
            return
        value = measured[intent.before.subject]
        if isinstance(intent, Resolve | Drop | Fire):
            assert value is not None, "silence changes no state"
        if isinstance(intent, Fire):
            assert intent.before.state == "pending"
            assert intent.after.held_ms >= 10_000
        if isinstance(intent, Keep):
            assert intent.after.state == intent.before.state

    @rule(index=st.integers(0, 3))
    def acknowledge(self, index: int) -> None:
        keys = [key for key, standing in self.open.items() if standing.state == "firing"]
        if keys:
            key = keys[index % len(keys)]
            self.open[key] = msgspec.structs.replace(self.open[key], state="acknowledged")
            self.acknowledged.add(key)

    @invariant()
    def acknowledged_stays_until_resolved(self) -> None:
        for key in getattr(self, "acknowledged", ()):
            assert self.open[key].state == "acknowledged"


TestEpisodes = Episodes.TestCase
TestEpisodes.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
