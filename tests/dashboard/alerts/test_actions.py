"""What people do to alerts: who was first, what is refused, what is written down."""

from __future__ import annotations

import pytest
from django.db import IntegrityError, transaction

from dashboard.accounts.models import AuditEntry
from dashboard.alerts.actions import (
    ActionError,
    AlertNotFound,
    acknowledge_alert,
    add_note,
    snooze_alert,
    unacknowledge_alert,
    unsnooze_alert,
)
from dashboard.alerts.models import Episode
from tests.dashboard.care import NOW_MS, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def kinds(episode: Episode) -> list[str]:
    return list(episode.entries.order_by("pk").values_list("kind", flat=True))


def test_acknowledging_tells_who_when_and_why() -> None:
    episode = make_episode()
    outcome = acknowledge_alert(episode.pk, by="anna", note=" on it ", now_ms=NOW_MS + 5)
    assert outcome.changed
    assert outcome.message == ""
    assert (outcome.episode.state, outcome.episode.acknowledged_by) == ("acknowledged", "anna")
    entry = episode.entries.get(kind="acknowledged")
    assert (entry.at_ms, entry.by, entry.note) == (NOW_MS + 5, "anna", "on it")
    audited = AuditEntry.objects.get()
    assert (audited.actor, audited.action) == ("anna", "alert.acknowledged")


def test_second_acknowledgement_changes_nothing_and_names_the_first() -> None:
    episode = make_episode()
    acknowledge_alert(episode.pk, by="anna")
    outcome = acknowledge_alert(episode.pk, by="ben", note="mine")
    assert not outcome.changed
    assert outcome.message == "anna has acknowledged it already."
    assert kinds(episode) == ["pending", "acknowledged"]
    assert AuditEntry.objects.count() == 1


def test_taking_back_makes_it_fire_again_with_nobody_on_it() -> None:
    episode = make_episode()
    acknowledge_alert(episode.pk, by="anna")
    outcome = unacknowledge_alert(episode.pk, by="ben", note="not anna")
    assert (outcome.episode.state, outcome.episode.acknowledged_by) == ("firing", "")
    assert outcome.episode.acknowledged_ms is None
    assert kinds(episode)[-1] == "unacknowledged"


@pytest.mark.parametrize("state", ["pending", "resolved"])
def test_only_what_fires_can_be_acknowledged_or_snoozed(state: str) -> None:
    episode = make_episode(state=state)
    with pytest.raises(ActionError, match=f"this one is {state}"):
        acknowledge_alert(episode.pk, by="anna")
    with pytest.raises(ActionError, match=f"this one is {state}"):
        snooze_alert(episode.pk, by="anna", until_ms=NOW_MS + 1000, now_ms=NOW_MS)
    with pytest.raises(ActionError, match=f"it is {state}"):
        unacknowledge_alert(episode.pk, by="anna")
    assert not AuditEntry.objects.exists()


def test_snooze_lasts_until_its_end_or_until_it_is_ended() -> None:
    episode = make_episode()
    snoozed = snooze_alert(episode.pk, by="anna", until_ms=NOW_MS + 60_000, now_ms=NOW_MS).episode
    assert snoozed.is_snoozed(NOW_MS + 59_999)
    assert not snoozed.is_snoozed(NOW_MS + 60_000)
    ended = unsnooze_alert(episode.pk, by="ben", now_ms=NOW_MS + 1000)
    assert ended.changed
    assert not ended.episode.is_snoozed(NOW_MS + 1001)
    assert kinds(episode)[1:] == ["snoozed", "unsnoozed"]
    assert not unsnooze_alert(episode.pk, by="ben", now_ms=NOW_MS + 2000).changed


@pytest.mark.parametrize("until_ms", [NOW_MS, NOW_MS - 1, NOW_MS + 31 * 86_400_000])
def test_snooze_ends_in_the_future_and_within_30_days(until_ms: int) -> None:
    episode = make_episode()
    with pytest.raises(ActionError, match="next 30 days"):
        snooze_alert(episode.pk, by="anna", until_ms=until_ms, now_ms=NOW_MS)


def test_notes_are_bounded_not_empty_and_allowed_on_what_is_over() -> None:
    episode = make_episode(state="resolved", resolved_ms=NOW_MS)
    assert add_note(episode.pk, by="anna", note="it was\x00 DNS").note == "it was DNS"
    with pytest.raises(ActionError, match="Write something"):
        add_note(episode.pk, by="anna", note=" \x00 ")
    with pytest.raises(ActionError, match="2000 characters; this has 2001"):
        add_note(episode.pk, by="anna", note="x" * 2001)


def test_unknown_alert_is_named_so() -> None:
    for action in (acknowledge_alert, unacknowledge_alert):
        with pytest.raises(AlertNotFound):
            action(4711, by="anna")


def test_at_most_one_open_episode_per_rule_and_subject() -> None:
    make_episode(state="resolved", resolved_ms=NOW_MS)
    make_episode(state="resolved", resolved_ms=NOW_MS)
    make_episode(state="acknowledged")
    with pytest.raises(IntegrityError), transaction.atomic():
        make_episode(state="pending")
    assert Episode.objects.count() == 3
