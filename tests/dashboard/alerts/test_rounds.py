"""Rounds of evaluation over the database: what is written, and what a person's word survives."""

from __future__ import annotations

from dataclasses import replace

import pytest
from django.conf import settings

from dashboard.alerts.actions import acknowledge_alert, unacknowledge_alert
from dashboard.alerts.evaluate import Keep, Observation, evaluate
from dashboard.alerts.models import Episode, EpisodeEntry, EvaluationRound
from dashboard.alerts.rounds import apply_intents, evaluate_alerts, open_standings
from dashboard.alerts.rules import Rule
from ingest.models import Stream
from tests.dashboard.care import (
    NOW_MS,
    make_breaker,
    make_component,
    make_episode,
    make_group,
    make_letter,
)

pytestmark = pytest.mark.django_db(databases=["default", "events"])

RULE = Rule(
    "errors", "Errors", "error_rate", above=0.1, clear=0.08, unit="share", severity="critical",
    explanation="", for_s=4, clear_s=4,
)  # fmt: skip


def play(second: float, value: float | None, rule: Rule = RULE) -> None:
    now = NOW_MS + int(second * 1000)
    seen = [Observation("error_rate", "payment", value, detail="500 handled")]
    apply_intents(evaluate([rule], seen, open_standings(), now), [rule], now)


def kinds() -> list[str]:
    return list(EpisodeEntry.objects.order_by("pk").values_list("kind", flat=True))


def test_an_episode_from_its_beginning_to_its_end() -> None:
    for second, value in ((0, 0.2), (2, 0.3), (4, 0.2), (6, 0.0), (8, 0.0), (10, 0.0)):
        play(second, value)
    episode = Episode.objects.get()
    assert (episode.rule, episode.subject, episode.severity) == ("errors", "payment", "critical")
    assert (episode.started_ms, episode.fired_ms, episode.resolved_ms) == (
        NOW_MS,
        NOW_MS + 4000,
        NOW_MS + 8000,
    )
    assert (episode.state, episode.value, episode.peak) == ("resolved", 0.0, 0.3)
    assert episode.summary == "20% of payment's handlings fail, objective 10% (500 handled)"
    assert kinds() == ["pending", "firing", "resolved"]
    assert episode.labels == {"rule": "errors", "severity": "critical", "subject": "payment"}


def test_what_comes_from_elsewhere_is_not_ours_to_judge() -> None:
    make_episode(origin="alertmanager", external_id="abc", rule="KubePodCrash", threshold=None)
    play(0, 0.0)
    assert Episode.objects.get().state == "firing"


def test_pending_that_clears_leaves_no_trace() -> None:
    play(0, 0.2)
    play(2, 0.0)
    assert not Episode.objects.exists()
    assert not EpisodeEntry.objects.exists()


def test_acknowledged_stays_so_while_it_holds_and_resolves_when_it_clears() -> None:
    for second in (0, 2, 4):
        play(second, 0.2)
    acknowledge_alert(Episode.objects.get().pk, by="anna", now_ms=NOW_MS + 4500)
    for second in (6, 60, 120):
        play(second, 0.5)
    episode = Episode.objects.get()
    assert (episode.state, episode.acknowledged_by) == ("acknowledged", "anna")
    for second in (122, 124, 126):
        play(second, 0.0)
    episode.refresh_from_db()
    assert (episode.state, episode.acknowledged_by) == ("resolved", "anna")


def test_a_word_said_between_reading_and_writing_is_not_overwritten() -> None:
    for second in (0, 2, 4):
        play(second, 0.2)
    standings = open_standings()
    acknowledge_alert(standings[0].id, by="anna")
    now = NOW_MS + 60_000
    seen = [Observation("error_rate", "payment", 0.9)]
    apply_intents(evaluate([RULE], seen, standings, now), [RULE], now)
    episode = Episode.objects.get()
    assert (episode.state, episode.acknowledged_by) == ("acknowledged", "anna")


def test_after_a_resolved_episode_and_the_window_comes_a_new_one() -> None:
    rule = replace(RULE, for_s=0, clear_s=0)
    for second, value in ((0, 0.2), (2, 0.0), (603, 0.2)):
        play(second, value, rule)
    assert list(Episode.objects.order_by("pk").values_list("state", flat=True)) == [
        "resolved",
        "firing",
    ]


def test_not_measured_is_marked_and_told_once() -> None:
    rule = replace(RULE, for_s=0)
    for second, value in ((0, 0.2), (2, None), (4, None), (6, 0.3)):
        play(second, value, rule)
        if second == 4:
            assert Episode.objects.get().no_data
    episode = Episode.objects.get()
    assert (episode.state, episode.no_data, episode.value) == ("firing", False, 0.3)
    assert kinds() == ["firing", "no_data", "data"]


def test_two_rounds_at_the_same_time_open_one_episode() -> None:
    now = NOW_MS
    seen = [Observation("error_rate", "payment", 0.9)]
    intents = evaluate([RULE], seen, [], now)
    apply_intents(intents, [RULE], now)
    report = apply_intents(intents, [RULE], now)
    assert report.opened == 0
    assert Episode.objects.count() == 1


def test_quiet_rounds_of_a_firing_episode_write_seldom() -> None:
    play(0, 0.2, replace(RULE, for_s=0))
    before = open_standings()[0]
    (intent,) = evaluate(
        [RULE], [Observation("error_rate", "payment", 0.2)], [before], NOW_MS + 1000
    )
    assert isinstance(intent, Keep)
    apply_intents([intent], [RULE], NOW_MS + 1000)
    assert Episode.objects.get().evaluated_ms == NOW_MS


def test_taken_back_acknowledgement_is_acknowledged_again_by_another() -> None:
    play(0, 0.2, replace(RULE, for_s=0))
    id = Episode.objects.get().pk
    acknowledge_alert(id, by="anna")
    unacknowledge_alert(id, by="anna")
    assert acknowledge_alert(id, by="ben").changed
    assert Episode.objects.get().acknowledged_by == "ben"


def test_a_round_over_what_is_stored_raises_what_the_guide_asks_for() -> None:
    """Breaker, component, backlog, dead letter, stalled ingest: each with its own subject."""
    Stream.objects.create(
        broker="main", topic="orders-topic", observed_from_ms=1, observed_until_ms=NOW_MS - 90_000,
        newest_ms=NOW_MS - 90_000, leased_until=1, lag=5000, stored=10,
    )  # fmt: skip
    make_breaker()
    make_breaker("quiet", state="closed")
    make_component(status="unhealthy", failures=3)
    make_component("cache", status="unhealthy", failures=2)
    make_group(lag=1500)
    make_letter()

    for second in range(0, 100, 2):
        now = NOW_MS + second * 1000
        make_sampled(now)
        evaluate_alerts(now_ms=now)

    found = set(Episode.objects.filter(state="firing").values_list("rule", "subject"))
    assert found == {
        ("breaker-open", "payment-service / payment-provider"),
        ("component-unhealthy", "order-service / database"),
        ("consumer-backlog", "inventory on orders-topic"),
        ("dead-letters", "inventory"),
        ("ingest-stalled", "ingest"),
        ("ingest-lag", "ingest"),
    }
    assert EvaluationRound.objects.get().at_ms == NOW_MS + 98_000


def make_sampled(now_ms: int) -> None:
    """The broker tells of its groups again, and components of themselves."""
    from ingest.models import ConsumerGroup, HealthComponent

    ConsumerGroup.objects.update(sampled_ms=now_ms)
    HealthComponent.objects.update(seen_ms=now_ms)


def test_nothing_known_raises_nothing() -> None:
    report = evaluate_alerts(now_ms=NOW_MS)
    assert (report.opened, Episode.objects.count()) == (0, 0)


def test_alerts_can_be_switched_off(settings_off: None) -> None:
    make_breaker()
    evaluate_alerts(now_ms=NOW_MS)
    assert not Episode.objects.exists()


@pytest.fixture
def settings_off(monkeypatch: pytest.MonkeyPatch) -> None:
    from dashboard.options import AlertOptions, DashboardOptions

    monkeypatch.setattr(settings, "DASHBOARD", DashboardOptions(alerts=AlertOptions(enabled=False)))
