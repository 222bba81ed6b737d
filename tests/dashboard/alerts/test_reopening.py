"""What comes back: the same episode, counted, marked when it does so often; and a person's word."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.alerts.actions import acknowledge_alert, resolve_alert
from dashboard.alerts.evaluate import Observation, evaluate
from dashboard.alerts.models import Episode, EpisodeEntry
from dashboard.alerts.reopening import REST_MS, calm_down, is_flapping
from dashboard.alerts.rounds import apply_intents, open_standings
from dashboard.alerts.rules import Rule
from tests.dashboard.care import NOW_MS, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])

AT_ONCE = Rule(
    "errors", "Errors", "error_rate", above=0.1, clear=0.08, unit="share", severity="critical",
    explanation="", for_s=0, clear_s=0,
)  # fmt: skip
AFTER_A_WHILE = replace(AT_ONCE, for_s=4)


def play(second: float, value: float | None, rule: Rule = AT_ONCE) -> None:
    now = NOW_MS + int(second * 1000)
    seen = [Observation("error_rate", "payment", value)]
    apply_intents(evaluate([rule], seen, open_standings(), now), [rule], now)


def kinds() -> list[str]:
    return list(EpisodeEntry.objects.order_by("at_ms", "pk").values_list("kind", flat=True))


@pytest.mark.parametrize(
    ("minutes_ago", "flaps"),
    [
        ((), False),
        ((1, 2), False),
        ((0, 1, 59), True),
        ((0, 1, 60), False),
        ((1, 2, 3, 400), True),
    ],
)
def test_flapping_is_three_times_within_the_last_hour(
    minutes_ago: tuple[int, ...], flaps: bool
) -> None:
    times = [NOW_MS - minutes * 60_000 for minutes in minutes_ago]
    assert is_flapping(times, NOW_MS, at_least=3) == flaps


def test_what_fires_again_within_the_window_is_the_same_episode() -> None:
    for second, value in ((0, 0.5), (2, 0.0), (602, 0.3)):
        play(second, value)
    episode = Episode.objects.get()
    assert (episode.state, episode.reopened, episode.started_ms) == ("firing", 1, NOW_MS)
    assert (episode.reopened_ms, episode.resolved_ms) == (NOW_MS + 602_000, None)
    assert (episode.value, episode.peak, episode.flapping) == (0.3, 0.5, False)
    assert kinds() == ["firing", "resolved", "reopened"]


@pytest.mark.parametrize(("again", "worst"), [(2.0, 2.0), (4.0, 3.0)])
def test_the_worst_of_a_rule_for_too_little_is_the_lowest(again: float, worst: float) -> None:
    too_little = replace(AT_ONCE, above=None, below=5.0, clear=6.0)
    for second, value in ((0, 3.0), (2, 9.0), (4, again)):
        play(second, value, too_little)
    episode = Episode.objects.get()
    assert (episode.reopened, episode.value, episode.peak) == (1, again, worst)


def test_with_a_for_the_window_ends_where_the_condition_held_again() -> None:
    for second, value in ((0, 0.5), (4, 0.5), (6, 0.0)):
        play(second, value, AFTER_A_WHILE)
    for second in (606, 608, 610):
        play(second, 0.5, AFTER_A_WHILE)
    episode = Episode.objects.get()
    assert (episode.state, episode.reopened) == ("firing", 1)
    assert kinds() == ["pending", "firing", "resolved", "pending", "reopened"]


def test_what_holds_too_shortly_to_fire_reopens_nothing() -> None:
    for second, value in ((0, 0.5), (4, 0.5), (6, 0.0), (8, 0.5), (10, 0.0)):
        play(second, value, AFTER_A_WHILE)
    episode = Episode.objects.get()
    assert (episode.state, episode.reopened) == ("resolved", 0)
    assert kinds() == ["pending", "firing", "resolved"]


def test_who_had_it_has_it_no_more_when_it_comes_back() -> None:
    play(0, 0.5)
    acknowledge_alert(Episode.objects.get().pk, by="anna", now_ms=NOW_MS + 1000)
    play(2, 0.0)
    play(4, 0.5)
    episode = Episode.objects.get()
    assert (episode.state, episode.acknowledged_by, episode.acknowledged_ms) == ("firing", "", None)


def test_the_third_return_within_an_hour_is_marked_and_an_hour_of_peace_takes_the_mark_away() -> (
    None
):
    for second in range(0, 28, 8):
        play(second, 0.5)
        play(second + 4, 0.0)
    play(32, 0.5)
    episode = Episode.objects.get()
    assert (episode.reopened, episode.flapping) == (4, True)
    assert calm_down(NOW_MS + 32_000 + 3_599_999) == 0
    assert calm_down(NOW_MS + 32_000 + 3_600_000) == 1
    assert not Episode.objects.get().flapping


def test_a_persons_resolution_is_believed_for_five_minutes_and_then_it_comes_back() -> None:
    play(0, 0.5)
    id = Episode.objects.get().pk
    resolve_alert(id, by="anna", note="mended", now_ms=NOW_MS + 1000)
    play(2, 0.5)
    play((1000 + REST_MS - 1) / 1000, 0.5)
    assert Episode.objects.get().state == "resolved"
    play((1000 + REST_MS) / 1000, 0.5)
    episode = Episode.objects.get()
    assert (episode.pk, episode.state, episode.resolved_by) == (id, "firing", "")
    assert kinds() == ["firing", "resolved", "reopened"]


def test_one_that_came_from_elsewhere_is_not_reopened_by_a_rule_of_the_same_name() -> None:
    make_episode(
        rule="errors", state="resolved", resolved_ms=NOW_MS, origin="alertmanager", external_id="x"
    )
    play(2, 0.5)
    assert sorted(Episode.objects.values_list("origin", "state")) == [
        ("alertmanager", "resolved"),
        ("eventscope", "firing"),
    ]
