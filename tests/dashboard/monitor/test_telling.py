"""From episodes to messages: what monitor reads, writes down and notes."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.alerts.models import Episode, EpisodeEntry
from dashboard.monitor.telling import forget_notifications, note_on_timelines, tell_alerts
from dashboard.notifying import delivering
from dashboard.notifying.delivering import send_one
from dashboard.notifying.models import GroupLog, Notification
from tests.dashboard.care import NOW_MS, make_episode
from tests.dashboard.notifying.conftest import Configure, configure, http
from tests.dashboard.notifying.servers import HttpSide

__all__ = ["configure", "http"]

pytestmark = pytest.mark.django_db

OPS = {"receiver": "ops", "receivers": {"ops": {"type": "slack", "private": True}}}
SECRET = {"ops": "http://127.0.0.1:9/"}


def rounds(*seconds: float) -> int:
    return sum(tell_alerts(now_ms=NOW_MS + int(second * 1000)) for second in seconds)


def test_without_receivers_nothing_is_read_but_the_logs(configure: Configure) -> None:
    configure({})
    make_episode()
    with CaptureQueriesContext(connection) as queries:
        assert rounds(0, 60) == 0
    assert len(queries) == 2


def test_an_alert_is_told_with_its_words_and_its_address(configure: Configure) -> None:
    configure(OPS, SECRET)
    episode = make_episode(labels={"consumer": "payment"})
    assert rounds(0, 29) == 0
    assert rounds(30) == 1
    message = Notification.objects.get()
    assert message.title == "Critical: 2.3% of payment's handlings fail, objective 0.1%"
    [told] = message.content["alerts"]
    assert told["url"] == f"https://eventscope.example/alerts/{episode.pk}/"
    assert (told["status"], told["labels"]) == ("firing", {"consumer": "payment"})


def test_a_message_has_a_link_by_which_its_receiver_acknowledges(
    configure: Configure, client: Client
) -> None:
    configure(OPS, SECRET)
    make_episode()
    rounds(0, 30)
    url = Notification.objects.get().content["acknowledgeUrl"]
    path = url.removeprefix("https://eventscope.example")
    assert client.get(path).status_code == 200
    assert Episode.objects.get().state == "firing"
    assert client.post(path).status_code == 200
    episode = Episode.objects.get()
    assert (episode.state, episode.acknowledged_by) == ("acknowledged", "ops (by link)")


@pytest.mark.parametrize(
    "given",
    [
        {"state": "pending", "fired_ms": None},
        {"suppressed_by": "silence 3"},
        {"snoozed_until_ms": NOW_MS + 3_600_000},
        {"state": "acknowledged", "acknowledged_by": "anna"},
        {"origin": "alertmanager", "external_id": "f" * 16},
    ],
)
def test_what_is_not_to_be_told_is_not(configure: Configure, given: dict[str, object]) -> None:
    configure(OPS, SECRET)
    make_episode(**given)
    assert rounds(0, 60, 400) == 0
    assert GroupLog.objects.count() == 0


def test_what_was_told_and_then_silenced_is_told_when_it_is_over(configure: Configure) -> None:
    configure(OPS, SECRET)
    make_episode()
    rounds(0, 30)
    Episode.objects.update(suppressed_by="maintenance 2")
    assert rounds(20_000) == 0
    Episode.objects.update(state="resolved", resolved_ms=NOW_MS + 20_000_000)
    assert rounds(20_400) == 1
    assert Notification.objects.latest("pk").title.startswith("Resolved: ")
    assert GroupLog.objects.count() == 0


def test_a_message_that_was_sent_stands_in_the_timeline(
    http: HttpSide, configure: Configure, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(delivering, "now_ms", lambda: NOW_MS + 30_000)
    configure(OPS, {"ops": http.url})
    episode = make_episode()
    rounds(0, 30)
    assert send_one("ops", note_on_timelines)
    entry = EpisodeEntry.objects.get(kind="notified")
    assert entry.episode_id == episode.pk
    assert entry.note == f"ops by slack: {Notification.objects.get().title}"


def test_a_round_takes_few_queries_however_many_alerts_there_are(configure: Configure) -> None:
    configure({**OPS, "group_by": ["subject"]}, SECRET)
    counts = []
    for many in (1, 30):
        for number in range(many):
            make_episode(subject=f"s{many}-{number}")
        rounds(0)
        with CaptureQueriesContext(connection) as queries:
            rounds(5)
        counts.append(len(queries))
    assert counts == [3, 3]


def test_a_storm_is_told_in_one_message_of_bounded_size(configure: Configure) -> None:
    configure({**OPS, "group_by": ["subject"]}, SECRET)
    values = Episode.objects.filter(pk=make_episode().pk).values().get()
    del values["id"]
    Episode.objects.bulk_create(
        Episode(**{**values, "subject": f"subject {number}"}) for number in range(999)
    )
    assert rounds(0, 30) == 1
    message = Notification.objects.get()
    assert message.title == "Many at once: 1,000 alerts of error-rate"
    assert len(message.content["alerts"]) == 20
    assert message.content["omitted"] == 980
    assert len(str(message.content)) < 20_000
    assert message.content["acknowledgeUrl"] == "", "one link is for fifty at most"
    Episode.objects.update(state="resolved", resolved_ms=NOW_MS)
    assert rounds(331) == 1
    assert Notification.objects.latest("pk").title == "Resolved: 1,000 alerts of error-rate"
    assert GroupLog.objects.count() == 0


def test_messages_are_forgotten_after_their_time(configure: Configure) -> None:
    configure({**OPS, "keep_deliveries": "1d"}, SECRET)
    make_episode()
    rounds(0, 30)
    Notification.objects.update(state="sent", finished_ms=NOW_MS)
    assert forget_notifications(now_ms=NOW_MS + 86_400_000) == 0
    assert forget_notifications(now_ms=NOW_MS + 86_400_001) == 1
