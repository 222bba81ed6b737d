"""The outbox: written with the log or not at all, taken by one, tried again, given up."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.notifying.deciding import Forget, Keep, Log, Tell, Told
from dashboard.notifying.models import GroupLog, Notification
from dashboard.notifying.outbox import (
    CLAIM_MS,
    Overtaken,
    claim,
    due_receivers,
    enqueue,
    forget_old,
    mark_failed,
    mark_sent,
    next_try_ms,
    put_back,
    read_logs,
    sent_since,
    write_down,
)
from dashboard.notifying.queries import Tally, tallies
from dashboard.notifying.routing import Alert
from tests.dashboard.notifying.makers import NOW_MS, content

pytestmark = pytest.mark.django_db

DAY_MS = 86_400_000
LOG = Log("k" * 32, "hook", NOW_MS)
TOLD = replace(LOG, told_ms=NOW_MS, told={7: Told("firing", NOW_MS)})


def tell(*logs: Log, thread: str = "k" * 32) -> Tell:
    firing = (Alert(7, "firing", "critical", {}, NOW_MS),)
    return Tell("hook", "firing", thread, "all", {}, firing, (), (), logs or (TOLD,))


def write(*intents: Keep | Forget | Tell, now_ms: int = NOW_MS) -> int:
    _, versions = read_logs()
    return write_down(list(intents), versions, lambda _: ("title", content()), now_ms)


def test_a_message_is_written_with_its_log_and_read_back() -> None:
    assert write(Keep(LOG)) == 0
    assert write(tell()) == 1
    logs, versions = read_logs()
    assert logs == {TOLD.key: TOLD}
    assert versions == {TOLD.key: 2}
    [message] = Notification.objects.all()
    assert (message.receiver, message.state, message.tries) == ("hook", "waiting", 0)


def test_a_log_of_which_all_is_over_is_dropped_with_the_message_that_says_so() -> None:
    write(tell())
    write(tell(replace(TOLD, told={})))
    assert read_logs() == ({}, {})
    assert Notification.objects.count() == 2


def test_who_decided_on_an_old_log_writes_nothing() -> None:
    write(Keep(LOG))
    _, versions = read_logs()
    write(tell())
    for intent in (tell(), Forget(LOG.key), Keep(LOG)):
        with pytest.raises(Overtaken):
            write_down([intent], dict(versions), lambda _: ("title", content()), NOW_MS)
    assert Notification.objects.count() == 1


def test_of_two_that_tell_a_new_group_one_does() -> None:
    write(tell())
    with pytest.raises(Overtaken):
        write_down([tell()], {}, lambda _: ("title", content()), NOW_MS)
    assert Notification.objects.count() == 1


def test_a_message_that_cannot_be_composed_leaves_the_log_as_it_was() -> None:
    def compose(_: Tell) -> tuple[str, dict[str, object]]:
        raise KeyError("x")

    with pytest.raises(KeyError):
        write_down([tell()], {}, compose, NOW_MS)
    assert GroupLog.objects.count() == Notification.objects.count() == 0


def test_a_message_is_taken_by_one_and_free_again_when_that_one_is_gone() -> None:
    write(tell())
    assert due_receivers(NOW_MS) == ["hook"]
    taken = claim("hook", NOW_MS)
    assert taken is not None
    assert taken.tries == 1
    assert claim("hook", NOW_MS) is None
    assert due_receivers(NOW_MS) == []
    again = claim("hook", NOW_MS + CLAIM_MS)
    assert again is not None
    assert (again.uid, again.tries) == (taken.uid, 2)
    assert not mark_sent(taken, "late", NOW_MS)
    assert mark_sent(again, "taken", NOW_MS)


def test_messages_of_a_thread_keep_their_order_and_hold_up_no_other() -> None:
    write(tell())
    write(tell(TOLD))
    write(tell(replace(TOLD, key="other"), thread="other"))
    first = claim("hook", NOW_MS)
    other = claim("hook", NOW_MS)
    assert first is not None
    assert other is not None
    assert (first.thread, other.thread) == ("k" * 32, "other")
    assert claim("hook", NOW_MS) is None
    mark_sent(first, "", NOW_MS)
    second = claim("hook", NOW_MS)
    assert second is not None
    assert second.pk > first.pk


def test_what_failed_is_tried_later_and_in_the_end_given_up() -> None:
    write(tell())
    now, tries, pauses = NOW_MS, 0, []
    while message := claim("hook", now):
        tries += 1
        given_up = mark_failed(
            message, "down", for_good=False, give_up_ms=36 * 3_600_000, now_ms=now
        )
        if given_up:
            break
        next_ms = Notification.objects.get().next_ms
        pauses.append(next_ms - now)
        now = next_ms
    assert now - NOW_MS > 1.4 * DAY_MS
    assert 70 < tries < 110
    assert pauses == sorted(pauses, key=lambda pause: min(pause, 1_600_000))
    assert Notification.objects.get().state == "given_up"
    assert Notification.objects.get().error == "down"


def test_a_pause_that_was_asked_for_holds_all_messages_of_that_receiver_and_no_other() -> None:
    write(tell())
    write(tell(replace(TOLD, key="other"), thread="other"))
    enqueue("boss", reason="test", title="A test", content=content(), now_ms=NOW_MS)
    message = claim("hook", NOW_MS)
    assert message is not None

    mark_failed(message, "busy", for_good=False, give_up_ms=DAY_MS, now_ms=NOW_MS, pause_s=600)

    assert due_receivers(NOW_MS + 599_999) == ["boss"]
    assert due_receivers(NOW_MS + 600_000) == ["boss", "hook"]


def test_a_pause_shorter_than_our_own_changes_nothing() -> None:
    write(tell())
    message = claim("hook", NOW_MS)
    assert message is not None
    mark_failed(message, "busy", for_good=False, give_up_ms=DAY_MS, now_ms=NOW_MS, pause_s=1)
    assert Notification.objects.get().next_ms >= NOW_MS + 4_500


def test_counters_go_on_when_messages_are_forgotten() -> None:
    write(tell())
    write(tell(TOLD))
    first = claim("hook", NOW_MS)
    assert first is not None
    mark_failed(first, "down", for_good=False, give_up_ms=DAY_MS, now_ms=NOW_MS)
    again = claim("hook", NOW_MS + 10_000)
    assert again is not None
    assert mark_sent(again, "", NOW_MS + 10_000)
    assert not mark_sent(first, "late", NOW_MS + 10_000)
    assert tallies() == {"hook": Tally(sent=1, failed=1, waiting=1, oldest_ms=NOW_MS)}

    last = claim("hook", NOW_MS + 10_000)
    assert last is not None
    mark_failed(last, "no", for_good=True, give_up_ms=DAY_MS, now_ms=NOW_MS + 10_000)
    forget_old(NOW_MS + DAY_MS)

    assert not Notification.objects.exists()
    assert tallies() == {"hook": Tally(sent=1, failed=2, given_up=1)}


def test_what_is_refused_for_good_is_not_tried_again() -> None:
    write(tell())
    message = claim("hook", NOW_MS)
    assert message is not None
    assert mark_failed(message, "no", for_good=True, give_up_ms=DAY_MS, now_ms=NOW_MS)
    assert due_receivers(NOW_MS + DAY_MS) == []
    assert put_back(message.uid, NOW_MS + DAY_MS)
    assert not put_back(message.uid, NOW_MS + DAY_MS)
    assert due_receivers(NOW_MS + DAY_MS) == ["hook"]


@pytest.mark.parametrize(
    ("tries", "least", "most"),
    [(1, 4_500, 5_500), (2, 9_000, 11_000), (9, 1_152_000, 1_408_000), (100, 1_620_000, 1_980_000)],
)
def test_pauses_double_up_to_half_an_hour_a_little_apart(tries: int, least: int, most: int) -> None:
    assert next_try_ms(tries, 0, 0.0) == least
    assert next_try_ms(tries, 0, 1.0) == most


def test_words_that_are_about_no_alert_count_towards_no_storm() -> None:
    write(tell())
    enqueue("hook", reason="test", title="A test", content=content(), now_ms=NOW_MS)
    assert sent_since(NOW_MS - 1) == {"hook": 1}
    assert sent_since(NOW_MS) == {}


def test_what_was_finished_long_ago_is_forgotten_and_what_waits_is_not() -> None:
    write(tell())
    write(tell(TOLD))
    message = claim("hook", NOW_MS)
    assert message is not None
    mark_sent(message, "", NOW_MS)
    assert forget_old(NOW_MS) == 0
    assert forget_old(NOW_MS + 1) == 1
    assert Notification.objects.count() == 1
