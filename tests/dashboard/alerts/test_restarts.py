"""Our own absence raises nothing and forgets nothing, in table form: when a round is, what it sees,
what stands after it. Each round is that of a new process: nothing is carried over but what is stored."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.alerts.evaluate import evaluate_readings
from dashboard.alerts.models import Episode
from dashboard.alerts.readings import Observation, Readings
from dashboard.alerts.rounds import apply_intents, open_standings
from dashboard.alerts.rule import Rule
from tests.dashboard.care import NOW_MS

pytestmark = pytest.mark.django_db(databases=["default", "events"])

RULE = Rule(
    "errors", "Errors", "error_rate", above=0.1, clear=0.08, unit="share", severity="critical",
    explanation="", for_s=60, clear_s=30,
)  # fmt: skip
UNKNOWN = None
HOUR = 3600


def state() -> str:
    episode = Episode.objects.exclude(state="resolved").first()
    if episode is None:
        return "resolved" if Episode.objects.exists() else "-"
    return episode.state + "?" * episode.no_data


def play(rule: Rule, rounds: list[tuple[int, float | None]]) -> list[str]:
    states = []
    for second, value in rounds:
        now = NOW_MS + second * 1000
        readings = Readings.of("error_rate", [Observation("error_rate", "pay", value)])
        intents = evaluate_readings([(rule, readings)], open_standings(), now)
        apply_intents(intents, [rule], now)
        states.append(state())
    return states


HELD = [(0, 0.5), (10, 0.5), (20, 0.5)]
FIRING = [(second, 0.5) for second in range(0, 70, 10)]
FIRED = ["pending"] * 6 + ["firing"]


@pytest.mark.parametrize(
    ("name", "rule", "rounds", "expected"),
    [
        ("an hour away does not count towards for", RULE, [*HELD, (HOUR, 0.5)], ["pending"] * 4),
        ("what was held before it counts on", RULE, [*HELD, *[(HOUR + s, 0.5) for s in range(0, 40, 10)]], ["pending"] * 6 + ["firing"]),
        ("it cleared while we were away: pending is forgotten", RULE, [*HELD, (HOUR, 0.0)], ["pending"] * 3 + ["-"]),
        ("what fired fires on", RULE, [*FIRING, (HOUR, 0.5)], [*FIRED, "firing"]),
        ("an hour away does not count as clear", RULE, [*FIRING, (HOUR, 0.0), (HOUR + 10, 0.0), (HOUR + 20, 0.0)], [*FIRED, "firing", "firing", "resolved"]),
        ("we are back before the data are", RULE, [*FIRING, (HOUR, UNKNOWN), (HOUR + 300, UNKNOWN), (HOUR + 310, 0.5)], [*FIRED, "firing?", "firing?", "firing"]),
        ("catching up fires nothing", RULE, [(0, 0.01), (HOUR, UNKNOWN), (HOUR + 120, UNKNOWN), (HOUR + 122, 0.01)], ["-"] * 4),
        ("a clock that was set back counts nothing", RULE, [*HELD, (-HOUR, 0.5), (-HOUR + 10, 0.5)], ["pending"] * 5),
        ("below is the same", replace(RULE, above=None, below=0.1, clear=0.2), [(0, 0.0), (HOUR, 0.0), (2 * HOUR, 0.5)], ["pending", "pending", "-"]),
        ("trouble by silence begins with its for too", replace(RULE, no_data="firing"), [(0, UNKNOWN), (HOUR, UNKNOWN), (HOUR + 10, 0.0)], ["pending", "pending?", "-"]),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
def test_our_absence_raises_nothing(
    name: str, rule: Rule, rounds: list[tuple[int, float | None]], expected: list[str]
) -> None:
    assert play(rule, rounds) == expected, name
