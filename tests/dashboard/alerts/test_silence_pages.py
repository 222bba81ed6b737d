"""The page of silences: what it lists, what its forms make, and what it says to a bad one."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import Role
from dashboard.alerts.models import Episode, Silence
from tests.dashboard.care import HOSTILE, client_for, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])

HOUR = 3_600_000
PAGE = "/alerts/silences/"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def make_silence(**given: Any) -> Silence:
    at = now_ms()
    values: dict[str, Any] = {
        "matchers": ["consumer = payment"],
        "comment": "deploy",
        "starts_ms": at - HOUR,
        "ends_ms": at + HOUR,
        "created_ms": at - HOUR,
        "created_by": "anna",
        **given,
    }
    return Silence.objects.create(**values)


def silence_form(**given: Any) -> dict[str, Any]:
    return {
        "silence-matchers": "consumer = payment\n\nrule = error-rate\n",
        "silence-minutes": "60",
        "silence-comment": "deploy",
        **given,
    }


def maintenance_form(**given: Any) -> dict[str, Any]:
    return {
        "maintenance-matchers": "service = payment-service",
        "maintenance-starts": time.strftime("%Y-%m-%dT%H:%M", time.gmtime(time.time() + 86_400)),
        "maintenance-hours": "2",
        "maintenance-zone": "UTC",
        "maintenance-comment": "database",
        **given,
    }


def test_the_page_tells_what_hushes_now_what_will_and_what_did() -> None:
    at = now_ms()
    active = make_silence(comment="the active one")
    make_episode(suppressed_by=active.name)
    make_silence(comment="the planned one", starts_ms=at + HOUR, ends_ms=at + 2 * HOUR)
    make_silence(comment="the ended one", ends_ms=at - 1)
    make_silence(comment="ended by hand", ended_ms=at - 5, ended_by="ben")
    text = client_for(Role.VIEWER).get(PAGE).content.decode()
    now, over = text.split('id="si-ended"')
    assert ("the active one" in now, "the planned one" in now) == (True, True)
    assert "hushes <b>1</b> alert now" in now
    assert ("the ended one" in over, "ended by ben" in over) == (True, True)
    assert "Extend" not in text


def test_a_silence_is_made_by_the_form_a_matcher_a_line() -> None:
    answer = client_for(Role.OPERATOR).post(f"{PAGE}add", silence_form())
    assert (answer.status_code, answer["Location"]) == (302, PAGE)
    silence = Silence.objects.get()
    assert silence.matchers == ["consumer = payment", "rule = error-rate"]
    assert (silence.created_by, silence.comment) == ("a-operator", "deploy")
    assert silence.ends_ms - silence.starts_ms == pytest.approx(HOUR, abs=5000)


@pytest.mark.parametrize(
    ("form", "said"),
    [
        (silence_form(**{"silence-matchers": "nonsense"}), "&#x27;nonsense&#x27; is no matcher"),
        (silence_form(**{"silence-matchers": "rule != x"}), "This would hush everything"),
        (silence_form(**{"silence-matchers": "a =~ ("}), "is no regular expression"),
        (silence_form(**{"silence-minutes": "7"}), "Select a valid choice"),
        (silence_form(**{"silence-comment": ""}), "This field is required"),
        (silence_form(**{"silence-matchers": HOSTILE}), "is no matcher"),
    ],
)
def test_a_bad_silence_is_told_beside_the_form_that_keeps_what_was_written(
    form: dict[str, Any], said: str
) -> None:
    answer = client_for(Role.OPERATOR).post(f"{PAGE}add", form)
    text = answer.content.decode()
    assert answer.status_code == 400
    assert said in text
    assert "<script>alert(1)" not in text
    assert not Silence.objects.exists()


def test_a_weekly_window_is_planned_by_the_clocks_of_its_zone() -> None:
    day = time.strftime("%Y-%m-%d", time.gmtime(time.time() + 3 * 86_400))
    form = maintenance_form(
        **{
            "maintenance-starts": f"{day}T03:00",
            "maintenance-zone": "Asia/Kathmandu",
            "maintenance-weekly": "on",
        }
    )
    assert client_for(Role.OPERATOR).post(f"{PAGE}maintenance", form).status_code == 302
    window = Silence.objects.get()
    assert (window.kind, window.weekly, window.zone) == ("maintenance", True, "Asia/Kathmandu")
    assert window.starts_ms % (24 * HOUR) == (21 * 60 + 15) * 60_000
    assert window.ends_ms - window.starts_ms == 2 * HOUR


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"maintenance-zone": "Mars"}, "Write a time zone such as Europe/Berlin."),
        ({"maintenance-starts": "tomorrow"}, "Enter a valid date/time."),
        ({"maintenance-starts": "2020-01-01T00:00"}, "begin now or within the next year"),
        ({"maintenance-hours": "nan"}, "Enter a number."),
        ({"maintenance-hours": "1000", "maintenance-weekly": "on"}, "6 days if it is weekly"),
    ],
)
def test_a_bad_window_is_told_in_words(change: dict[str, Any], said: str) -> None:
    answer = client_for(Role.OPERATOR).post(f"{PAGE}maintenance", maintenance_form(**change))
    assert answer.status_code == 400
    assert said in answer.content.decode()


def test_what_a_form_would_hush_is_counted_live() -> None:
    make_episode(labels={"consumer": "payment"}, summary=HOSTILE)
    client = client_for(Role.OPERATOR)
    fits = client.get(f"{PAGE}preview", {"silence-matchers": "consumer = payment"}).content.decode()
    assert "<b>1</b> open alert would be hushed now" in fits
    assert "<script>alert(1)" not in fits
    none = client.get(f"{PAGE}preview", {"matcher": ["consumer = payment", "rule = x"]})
    assert "Fits no alert" in none.content.decode()
    bad = client.get(f"{PAGE}preview", {"maintenance-matchers": "consumer"}).content.decode()
    assert "is no matcher" in bad
    assert "is told here" in client.get(f"{PAGE}preview").content.decode()


def test_from_an_alerts_page_what_is_like_it_is_hushed_in_one_click() -> None:
    episode = make_episode(labels={"rule": "error-rate", "consumer": "payment"})
    client = client_for(Role.OPERATOR)
    page = client.get(f"/alerts/{episode.pk}/").content.decode()
    assert 'value="consumer = payment" checked' in page
    form = {"matcher": ["consumer = payment"], "minutes": "60", "comment": "looked into"}
    text = client.post(f"/alerts/{episode.pk}/silence", form, follow=True).content.decode()
    assert f"Hushed by silence {Silence.objects.get().pk}." in text
    assert Episode.objects.get().shown_state() == "suppressed"


@pytest.mark.parametrize(
    ("form", "said"),
    [
        ({"minutes": "60", "comment": "x"}, "Say what is to be hushed"),
        ({"minutes": "1", "comment": "x", "matcher": "rule = x"}, "Choose for how long."),
        ({"minutes": "60", "comment": "", "matcher": "rule = x"}, "Say why"),
    ],
)
def test_a_click_that_lacks_something_is_told_so(form: dict[str, str], said: str) -> None:
    episode = make_episode()
    answer = client_for(Role.OPERATOR).post(f"/alerts/{episode.pk}/silence", form, follow=True)
    assert said in answer.content.decode()
    assert not Silence.objects.exists()


def test_a_silence_begins_with_what_the_chosen_alerts_share() -> None:
    one = make_episode(labels={"rule": "error-rate", "consumer": "payment"})
    two = make_episode(subject="b", labels={"rule": "latency-p95", "consumer": "payment"})
    client = client_for(Role.OPERATOR)
    text = client.get(PAGE, {"id": [one.pk, two.pk]}).content.decode()
    assert ">\nconsumer = payment</textarea>" in text
    assert "is not the number of an alert" in client.get(PAGE, {"id": "x"}).content.decode()


def test_a_silence_is_extended_and_ended_on_the_page() -> None:
    silence = make_silence()
    before = silence.ends_ms
    client = client_for(Role.OPERATOR)
    client.post(f"{PAGE}{silence.pk}/extend", {"minutes": "60"})
    assert Silence.objects.get().ends_ms == before + HOUR
    text = client.post(f"{PAGE}{silence.pk}/extend", {"minutes": "x"}, follow=True).content.decode()
    assert "Choose by how long." in text
    client.post(f"{PAGE}{silence.pk}/end")
    assert Silence.objects.get().ended_by == "a-operator"
    assert f"End {silence.name}" not in client.get(PAGE).content.decode()


@pytest.mark.parametrize("action", ["end", "extend"])
def test_no_such_silence_is_a_404(action: str) -> None:
    answer = client_for(Role.OPERATOR).post(f"{PAGE}4711/{action}", {"minutes": "60"})
    assert answer.status_code == 404


@pytest.mark.parametrize("path", ["add", "maintenance", "1/end", "1/extend"])
def test_a_viewer_hushes_nothing(path: str) -> None:
    make_silence()
    client = client_for(Role.VIEWER)
    assert client.post(f"{PAGE}{path}", silence_form()).status_code == 403
    assert client.get(f"{PAGE}preview").status_code == 403
    text = client.get(PAGE).content.decode()
    assert ("need the role operator" in text, "silence-matchers" in text) == (True, False)


def test_ended_ones_are_paged() -> None:
    at = now_ms()
    for number in range(35):
        make_silence(ends_ms=at - 1000 - number, comment=f"number {number}.")
    client = client_for(Role.VIEWER)
    first = client.get(PAGE)
    second = client.get(PAGE, {"cursor": first.context["next"]})
    assert [row.silence.comment for row in first.context["ended"]] == [
        f"number {n}." for n in range(30)
    ]
    assert [row.silence.comment for row in second.context["ended"]] == [
        f"number {n}." for n in range(30, 35)
    ]
    bad = client.get(PAGE, {"cursor": "x"}).content.decode()
    assert "&#x27;x&#x27; is not a cursor of this list." in bad


def test_the_page_reads_as_often_for_1_as_for_30() -> None:
    client = client_for(Role.VIEWER)
    counts = []
    for more in (1, 29):
        for _ in range(more):
            make_episode(suppressed_by=make_silence().name, subject=str(Silence.objects.count()))
            make_silence(ends_ms=now_ms() - 1)
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["events"]) as events,
        ):
            client.get(PAGE)
        counts.append((len(default), len(events)))
    assert counts[0] == counts[1]
