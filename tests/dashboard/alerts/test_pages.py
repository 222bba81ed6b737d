"""The pages of alerts: what they say, to whom, and what a person can do there."""

from __future__ import annotations

import time
from html import unescape

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import AuditEntry, Role
from dashboard.alerts.models import Episode
from tests.dashboard.care import HOSTILE, client_for, make_episode, make_round

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_list_shows_what_is_open_grouped_by_state_worst_first() -> None:
    at = now_ms()
    make_round(at)
    make_episode(at_ms=at, subject="b", summary="b is bad")
    make_episode(
        at_ms=at, subject="c", state="acknowledged", acknowledged_by="anna", acknowledged_ms=at,
        summary="c is bad",
    )  # fmt: skip
    make_episode(at_ms=at, subject="d", state="pending", fired_ms=None, summary="d is bad")
    make_episode(at_ms=at, subject="e", state="resolved", resolved_ms=at, summary="e was bad")

    text = client_for(Role.VIEWER).get("/alerts/").content.decode()

    places = [text.index(word) for word in ("Firing (1)", "b is bad", "Acknowledged (1)")]
    places += [text.index(word) for word in ("c is bad", "Pending (1)", "d is bad")]
    assert places == sorted(places)
    assert "<b>anna</b> has it" in text
    assert "e was bad" not in text


def test_history_shows_what_is_over_and_pages_by_cursor() -> None:
    at = now_ms()
    for number in range(35):
        make_episode(
            at_ms=at, subject=f"s{number}", state="resolved", resolved_ms=at - number,
            summary=f"number {number}.",
        )  # fmt: skip
    client = client_for(Role.VIEWER)

    first = client.get("/alerts/?show=history")
    second = client.get(f"/alerts/?show=history&cursor={first.context['next_cursor']}")

    assert [row.episode.subject for row in first.context["rows"]] == [f"s{n}" for n in range(30)]
    assert [row.episode.subject for row in second.context["rows"]] == [
        f"s{n}" for n in range(30, 35)
    ]
    assert second.context["next_cursor"] is None


@pytest.mark.parametrize("cursor", ["x", "1-", "-1", "1-2-3", "9" * 60, "١-٢"])
def test_bad_cursor_is_told_not_a_crash(cursor: str) -> None:
    answer = client_for(Role.VIEWER).get("/alerts/", {"show": "history", "cursor": cursor})
    assert answer.status_code == 200
    assert "is not a cursor of this list" in answer.content.decode()


def test_filters_narrow_and_stay_in_the_form() -> None:
    at = now_ms()
    make_episode(at_ms=at, subject="payment", summary="payment fails")
    make_episode(at_ms=at, rule="breaker-open", subject="x", summary="x refuses calls")
    text = client_for(Role.VIEWER).get("/alerts/?rule=breaker-open&text=REFUSES").content.decode()
    assert "x refuses calls" in text
    assert "payment fails" not in text
    assert 'value="breaker-open" selected' in text
    assert 'value="REFUSES"' in text


def test_page_says_when_nobody_watches() -> None:
    client = client_for(Role.VIEWER)
    assert "Nothing has been evaluated yet" in client.get("/alerts/").content.decode()
    make_round(now_ms() - 60_000)
    assert "Nobody is watching" in client.get("/alerts/").content.decode()
    make_round(now_ms())
    text = client.get("/alerts/").content.decode()
    assert "All promises are kept" in text
    assert "Nobody is watching" not in text


def test_operator_acknowledges_with_a_note_and_it_survives_a_reload() -> None:
    episode = make_episode(at_ms=now_ms())
    client = client_for(Role.OPERATOR, "anna")

    answer = client.post(
        f"/alerts/{episode.pk}/acknowledge", {"note": "on it", "from": "list"}, follow=True
    )

    assert answer.redirect_chain == [("/alerts/", 302)]
    text = client_for(Role.VIEWER).get("/alerts/").content.decode()
    assert "<b>anna</b> has it" in text
    assert "on it" in text
    entry = AuditEntry.objects.get(action="alert.acknowledged")
    assert (entry.actor, entry.subject) == ("anna", "error-rate payment")


def test_htmx_gets_the_fragment_that_asked() -> None:
    episode = make_episode(at_ms=now_ms())
    client = client_for(Role.OPERATOR, "anna")
    headers = {"HX-Request": "true"}
    listed = client.post(
        f"/alerts/{episode.pk}/acknowledge", {"from": "list"}, headers=headers
    ).content.decode()
    alone = client.post(f"/alerts/{episode.pk}/note", {"note": "seen"}, headers=headers)
    assert "<html" not in listed
    assert "Acknowledged (1)" in listed
    assert "<html" not in alone.content.decode()
    assert "seen" in alone.content.decode()


def test_second_of_two_is_told_who_was_first() -> None:
    episode = make_episode(at_ms=now_ms())
    client_for(Role.OPERATOR, "anna").post(f"/alerts/{episode.pk}/acknowledge")
    answer = client_for(Role.OPERATOR, "ben").post(f"/alerts/{episode.pk}/acknowledge", follow=True)
    assert "anna has acknowledged it already." in answer.content.decode()
    assert Episode.objects.get().acknowledged_by == "anna"


@pytest.mark.parametrize(
    ("role", "status"), [(Role.VIEWER, 403), (Role.OPERATOR, 302), (Role.ADMIN, 302)]
)
@pytest.mark.parametrize(
    "action", ["acknowledge", "unacknowledge", "snooze", "unsnooze", "note"]
)  # fmt: skip
def test_rights_of_every_action(role: Role, status: int, action: str) -> None:
    episode = make_episode(at_ms=now_ms())
    answer = client_for(role).post(f"/alerts/{episode.pk}/{action}", {"note": "n", "minutes": "30"})
    assert answer.status_code == status
    if role == Role.VIEWER:
        assert Episode.objects.get().state == "firing"
        assert not AuditEntry.objects.filter(action__startswith="alert.").exists()


@pytest.mark.parametrize("path", ["/alerts/", "/alerts/1/"])
def test_pages_want_a_sign_in(path: str, client) -> None:  # type: ignore[no-untyped-def]
    answer = client.get(path)
    assert answer.status_code == 302
    assert answer["Location"].startswith("/sign-in")


def test_actions_want_a_post() -> None:
    episode = make_episode(at_ms=now_ms())
    assert client_for(Role.ADMIN).get(f"/alerts/{episode.pk}/acknowledge").status_code == 405


def test_viewer_sees_why_there_is_no_button() -> None:
    episode = make_episode(at_ms=now_ms())
    text = client_for(Role.VIEWER).get(f"/alerts/{episode.pk}/").content.decode()
    assert "need the role operator" in text
    assert "<textarea" not in text


def test_detail_tells_facts_and_timeline() -> None:
    at = now_ms()
    make_round(at)
    episode = make_episode(at_ms=at)
    for back, value in ((90_000, 0.01), (60_000, 0.03), (30_000, 0.02)):
        episode.entries.create(at_ms=at - back, kind="value", value=value)
    client = client_for(Role.OPERATOR, "anna")
    client.post(f"/alerts/{episode.pk}/snooze", {"minutes": "30", "note": "deploying"})
    text = client.get(f"/alerts/{episode.pk}/").content.decode()
    for word in ("Error rate over objective", "payment", "2.3%", "4%", "0.1%", "<polyline"):
        assert word in text
    for word in ("The condition holds", "Snoozed", "deploying", "End the snooze"):
        assert word in text


def test_unknown_alert_is_a_404() -> None:
    client = client_for(Role.OPERATOR)
    assert client.get("/alerts/99/").status_code == 404
    assert client.post("/alerts/99/acknowledge").status_code == 404


def test_alert_of_a_rule_that_is_gone_still_has_its_page() -> None:
    episode = make_episode(at_ms=now_ms(), rule="of-old", state="resolved", resolved_ms=now_ms())
    text = client_for(Role.VIEWER).get(f"/alerts/{episode.pk}/").content.decode()
    assert "of-old" in text


def test_nothing_in_any_field_can_script_the_page() -> None:
    at = now_ms()
    episode = make_episode(
        at_ms=at, rule=HOSTILE[:60], subject=HOSTILE, summary=HOSTILE, state="acknowledged",
        acknowledged_by=HOSTILE, acknowledged_ms=at, snoozed_until_ms=at + 60_000,
        snoozed_by=HOSTILE,
    )  # fmt: skip
    client = client_for(Role.OPERATOR, "anna")
    client.post(f"/alerts/{episode.pk}/note", {"note": HOSTILE})
    pages = ["/alerts/", f"/alerts/{episode.pk}/", "/alerts/?show=history"]
    for page in [*pages, f"/alerts/?text={HOSTILE}"]:
        text = client.get(page).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text
        assert "{{7*7}}" in unescape(text) or page == "/alerts/?show=history"


@pytest.mark.parametrize("show", ["", "history"])
def test_list_asks_the_same_number_of_queries_for_1_and_for_30(show: str) -> None:
    client = client_for(Role.VIEWER)
    counts = []
    for start, end in ((0, 1), (1, 30)):
        for number in range(start, end):
            extra = {"state": "resolved", "resolved_ms": now_ms()} if show else {}
            make_episode(at_ms=now_ms(), subject=f"s{number}", **extra)
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["events"]) as events,
        ):
            client.get("/alerts/", {"show": show})
        counts.append((len(default), len(events)))
    assert counts[0] == counts[1]
