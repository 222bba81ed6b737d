"""Lines of receivers: what is sent, noted, and said when it could not be."""

from __future__ import annotations

from pathlib import Path

import pytest

from dashboard.notifying import delivering
from dashboard.notifying.delivering import Sender, send_one
from dashboard.notifying.models import Notification
from tests.dashboard.notifying.conftest import Configure
from tests.dashboard.notifying.makers import NOW_MS, make_notification
from tests.dashboard.notifying.servers import HttpSide, http_side
from tests.ingest.faults.conftest import Host

KEYS = {"hook": "key", "admin": "key", "other": "key"}


@pytest.fixture
def hooks(http: HttpSide, configure: Configure, monkeypatch: pytest.MonkeyPatch) -> HttpSide:
    names = ("hook", "admin", "other")
    receivers = {
        name: {"type": "webhook", "url": f"{http.url}/{name}", "private": True} for name in names
    }
    configure({"receivers": receivers, "give_up_after": "1h"}, KEYS)
    monkeypatch.setattr(delivering, "now_ms", lambda: NOW_MS)
    return http


def make(uid: str, receiver: str = "hook", **given: object) -> Notification:
    return make_notification(receiver, save=True, **{"uid": uid, **given})


@pytest.mark.django_db
def test_sent_messages_are_noted_and_told_to_who_asked(hooks: HttpSide) -> None:
    make("one")
    noted: list[tuple[str, int]] = []
    assert send_one("hook", lambda message, at_ms: noted.append((message.uid, at_ms)))
    assert not send_one("hook")
    message = Notification.objects.get()
    assert (message.state, message.answer, message.finished_ms) == ("sent", "answered 200", NOW_MS)
    assert noted == [("one", NOW_MS)]


@pytest.mark.django_db
def test_a_failure_is_noted_and_ends_the_line_for_now(hooks: HttpSide) -> None:
    make("one")
    make("two", thread="another")
    hooks.script = [503]
    assert not send_one("hook")
    message = Notification.objects.get(uid="one")
    assert (message.state, message.error) == ("waiting", "127.0.0.1 answered 503: said so")
    assert message.next_ms > NOW_MS


@pytest.mark.django_db
def test_a_receiver_that_asks_for_a_pause_is_left_in_peace_with_all_its_messages(
    hooks: HttpSide,
) -> None:
    make("one")
    make("two", thread="another")
    make("boss", receiver="other")
    hooks.script = [(429, {"Retry-After": "300"}, "slowly")]

    assert not send_one("hook")
    assert not send_one("hook"), "the second message would only hear the same"
    assert send_one("other")

    assert [came.path for came in hooks.received] == ["/hook", "/other"]
    waits = Notification.objects.filter(receiver="hook").order_by("uid")
    assert [message.next_ms - NOW_MS for message in waits] == [300_000, 300_000]


@pytest.mark.django_db
def test_a_message_that_is_refused_for_good_is_given_up_and_the_house_is_told(
    hooks: HttpSide,
) -> None:
    make("one")
    hooks.script = [400]
    assert send_one("hook")
    assert Notification.objects.get(uid="one").state == "given_up"
    notice = Notification.objects.get(receiver="admin")
    assert (notice.reason, notice.title) == ("notice", "hook could not be told")
    assert "127.0.0.1 answered 400" in notice.content["text"]


@pytest.mark.django_db
def test_that_the_house_itself_cannot_be_told_is_told_to_nobody_again(hooks: HttpSide) -> None:
    make("one", "admin")
    hooks.script = [400]
    send_one("admin")
    assert Notification.objects.count() == 1


@pytest.mark.django_db
def test_a_receiver_that_was_down_for_longer_than_anybody_waits_is_given_up(
    hooks: HttpSide,
) -> None:
    make("one", created_ms=NOW_MS - 3_600_000)
    hooks.script = [503]
    assert not send_one("hook")
    assert Notification.objects.get(uid="one").state == "given_up"


@pytest.mark.django_db
def test_a_receiver_that_is_no_longer_configured_is_told_so(hooks: HttpSide) -> None:
    make("one", "gone")
    assert send_one("gone")
    message = Notification.objects.get(uid="one")
    assert message.error == "No receiver is called 'gone' any more."
    assert message.state == "given_up"


@pytest.mark.django_db
def test_a_message_that_we_cannot_send_is_noted_tried_again_and_raised(hooks: HttpSide) -> None:
    make("one", content={})
    with pytest.raises(KeyError):
        send_one("hook")
    message = Notification.objects.get()
    assert (message.state, message.error) == (
        "waiting",
        "Eventscope failed: KeyError; see its log.",
    )
    assert message.next_ms > NOW_MS


@pytest.mark.django_db(transaction=True)
def test_an_error_of_ours_in_a_line_is_raised_where_the_duty_tells_it(hooks: HttpSide) -> None:
    def fail(*_: object) -> None:
        raise KeyError("ours")

    make("one")
    sender = Sender(fail)
    sender.step()
    sender.close()
    with pytest.raises(KeyError, match="ours"):
        sender.step()
    assert Notification.objects.get().state == "waiting"


def test_a_receiver_that_is_silent_holds_up_no_other(tmp_path: Path) -> None:
    host = Host(tmp_path, module="tests.dashboard.notifying.host")
    try:
        with http_side() as side:
            side.script = ["silent"]
            assert host.do("lines", url=side.url) == [["slow", "waiting", 1], ["other", "sent", 1]]
    finally:
        host.close()
