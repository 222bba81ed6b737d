"""Signed links: what they let their bearer do, for how long, and that looking does nothing."""

from __future__ import annotations

import pytest
from django.core import signing
from django.test import Client

from dashboard.accounts.models import AuditEntry
from dashboard.alerts.links import LIFETIME_S, PURPOSE, LinkError, action_link, read_link
from dashboard.alerts.models import Episode
from tests.dashboard.care import HOSTILE, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def token_of(path: str) -> str:
    assert path.startswith("/alerts/act/")
    return path.removeprefix("/alerts/act/")


def test_a_link_tells_which_alerts_which_act_and_for_whom() -> None:
    order = read_link(token_of(action_link([3, 1], "acknowledge", "on-call")))
    assert (order.ids, order.act, order.receiver) == ((3, 1), "acknowledge", "on-call")
    assert order.actor == "on-call (by link)"


def test_a_link_is_for_fifty_alerts_at_most() -> None:
    order = read_link(token_of(action_link(range(80), "resolve", "on-call")))
    assert order.ids == tuple(range(50))


def test_only_what_links_do_is_linked() -> None:
    with pytest.raises(LinkError, match="'assign' is not done by a link"):
        action_link([1], "assign", "on-call")


# The last by a name: a token holds the second, and both workers of the suite must collect the same.
@pytest.mark.parametrize(
    "token",
    ["", "x", "a:b:c", pytest.param(signing.dumps({"ids": [1]}, salt="another"), id="another")],
)
def test_what_was_not_signed_for_this_is_refused(token: str) -> None:
    with pytest.raises(LinkError, match="not a link that Eventscope has sent"):
        read_link(token)


def test_a_changed_link_is_refused() -> None:
    token = token_of(action_link([1], "acknowledge", "on-call"))
    with pytest.raises(LinkError, match="not a link"):
        read_link(token[:-1] + ("A" if token[-1] != "A" else "B"))


def test_a_link_works_for_three_days(monkeypatch: pytest.MonkeyPatch) -> None:
    token = token_of(action_link([1], "acknowledge", "on-call"))
    now = signing.time.time()
    monkeypatch.setattr(signing.time, "time", lambda: now + LIFETIME_S - 5)
    assert read_link(token).ids == (1,)
    monkeypatch.setattr(signing.time, "time", lambda: now + LIFETIME_S + 5)
    with pytest.raises(LinkError, match="too old"):
        read_link(token)


def test_looking_at_a_link_asks_and_changes_nothing() -> None:
    episode = make_episode(summary=HOSTILE)
    answer = Client().get(action_link([episode.pk], "acknowledge", "on-call"))
    text = answer.content.decode()
    assert answer.status_code == 200
    assert "As <b>on-call</b>" in text
    assert "<script>alert(1)" not in text
    assert Episode.objects.get().state == "firing"
    assert not AuditEntry.objects.exists()


def test_posting_a_link_acts_as_its_receiver_without_signing_in() -> None:
    episode = make_episode()
    link = action_link([episode.pk], "acknowledge", "on-call")
    answer = Client().post(link, {"note": "driving, ten minutes"})
    assert "Done for 1 alert." in answer.content.decode()
    assert Episode.objects.get().acknowledged_by == "on-call (by link)"
    assert AuditEntry.objects.get().actor == "on-call (by link)"
    assert episode.entries.get(kind="acknowledged").note == "driving, ten minutes"


def test_a_link_does_its_one_act_whatever_the_form_says() -> None:
    episode = make_episode()
    Client().post(action_link([episode.pk], "acknowledge", "on-call"), {"act": "resolve"})
    assert Episode.objects.get().state == "acknowledged"


def test_who_was_first_is_told_to_who_comes_second() -> None:
    episode = make_episode(state="acknowledged", acknowledged_by="anna")
    answer = Client().post(action_link([episode.pk], "acknowledge", "on-call"))
    assert "anna has acknowledged it already." in answer.content.decode()


def test_a_snooze_by_link_asks_for_how_long() -> None:
    link = action_link([make_episode().pk], "snooze", "on-call")
    answer = Client().post(link, {"minutes": "7"})
    assert "Choose for how long." in answer.content.decode()
    assert Episode.objects.get().snoozed_until_ms is None
    Client().post(link, {"minutes": "30"})
    assert Episode.objects.get().snoozed_by == "on-call (by link)"


def test_a_bad_link_answers_410_in_words() -> None:
    answer = Client().get(f"/alerts/act/{PURPOSE}")
    assert answer.status_code == 410
    assert "not a link that Eventscope has sent" in answer.content.decode()


def test_alerts_that_are_no_longer_kept_are_told_so() -> None:
    answer = Client().get(action_link([4711], "resolve", "on-call"))
    assert "no longer kept" in answer.content.decode()
