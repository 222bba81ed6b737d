"""Which alerts a list shows, in history above all: by words, people and days."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.accounts.models import Role
from dashboard.alerts.actions import acknowledge_alert, add_note
from dashboard.alerts.filtering import (
    AlertFilter,
    FilterProblem,
    choose_alerts,
    read_filter,
    read_where,
)
from dashboard.alerts.models import Episode
from tests.dashboard.care import NOW_MS, client_for, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])

DAY = 86_400_000
NOON = 1_799_928_000_000
"""2027-01-14, 12 o'clock UTC."""


def make_over(subject: str, *, ended: int = NOON, lasted: int = 60_000, **given: Any) -> Episode:
    return make_episode(
        subject=subject, state="resolved", resolved_ms=ended, started_ms=ended - lasted, **given
    )


def found(**asked: Any) -> list[str]:
    rows = choose_alerts(Episode.objects.all(), AlertFilter(**asked))
    return sorted(rows.values_list("subject", flat=True))


def read(**given: str) -> AlertFilter:
    return read_filter(read_where(given))


@pytest.mark.parametrize(
    ("text", "subjects"),
    [
        ("PAYMENT", ["payment"]),
        ("refuses", ["mail"]),
        ("latency", ["inventory"]),
        ("dns", ["orders"]),
        ("nothing of it", []),
        ("%", []),
    ],
)
def test_text_is_looked_for_in_subject_summary_rule_and_notes(
    text: str, subjects: list[str]
) -> None:
    make_over("payment", summary="a")
    make_over("mail", summary="it refuses calls")
    make_over("inventory", rule="latency-p95", summary="a")
    add_note(make_over("orders", summary="a").pk, by="anna", note="it was DNS")
    assert found(text=text) == subjects


@pytest.mark.parametrize(
    ("by", "subjects"),
    [("anna", ["a", "e"]), ("ben", ["b"]), ("olga", ["c"]), ("eve", ["d"]), ("nobody", [])],
)
def test_people_are_those_who_had_it_ended_it_were_assigned_or_wrote(
    by: str, subjects: list[str]
) -> None:
    make_over("a", acknowledged_by="anna")
    make_over("b", resolved_by="ben")
    make_over("c", assigned_to="olga")
    make_over("d", snoozed_by="eve")
    add_note(make_over("e").pk, by="anna", note="hm")
    assert found(by=by) == subjects


@pytest.mark.parametrize(
    ("since", "until", "subjects"),
    [
        ("2027-01-14", "", ["long", "that day"]),
        ("", "2027-01-13", ["before", "long"]),
        ("2027-01-14", "2027-01-14", ["long", "that day"]),
        ("2027-01-15", "", []),
    ],
)
def test_days_choose_what_lasted_at_some_time_in_them(
    since: str, until: str, subjects: list[str]
) -> None:
    make_over("that day")
    make_over("before", ended=NOON - DAY)
    make_over("long", lasted=3 * DAY)
    asked = read(since=since, until=until)
    assert found(since_ms=asked.since_ms, until_ms=asked.until_ms) == subjects


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"since": "yesterday"}, "since: 'yesterday' is not a day"),
        ({"until": "2027-13-01"}, "until: '2027-13-01' is not a day"),
        ({"since": "0001-01-01"}, "outside the years"),
        ({"since": "2027-01-02", "until": "2027-01-01"}, "must not be later than until"),
    ],
)
def test_a_bad_day_is_named(given: dict[str, str], said: str) -> None:
    with pytest.raises(FilterProblem, match=said):
        read(**given)
    for show in ("", "history", "acknowledged"):
        text = client_for(Role.VIEWER, f"v{show}").get("/alerts/", {**given, "show": show})
        assert said.split(":")[0] in text.content.decode()
        assert "Begin anew." in text.content.decode()


def test_history_is_searched_on_the_page_and_keeps_what_was_asked() -> None:
    make_over("payment", resolved_by="anna", summary="payment fails")
    make_over("mail", summary="mail fails")
    answer = client_for(Role.VIEWER).get("/alerts/", {"show": "history", "by": "anna"})
    text = answer.content.decode()
    assert [row.episode.subject for row in answer.context["rows"]] == ["payment"]
    assert ('name="by" value="anna"' in text, "?show=acknowledged&amp;by=anna" in text) == (
        True,
        True,
    )


def test_what_somebody_has_is_listed_the_longest_held_first_with_the_last_word() -> None:
    make_episode(subject="free")
    for subject, at in (("young", NOW_MS), ("old", NOW_MS - DAY)):
        acknowledge_alert(
            make_episode(subject=subject).pk, by="anna", note=f"{subject} one", now_ms=at
        )
    answer = client_for(Role.VIEWER).get("/alerts/", {"show": "acknowledged"})
    assert [row.episode.subject for row in answer.context["rows"]] == ["old", "young"]
    assert "old one" in answer.content.decode()


def test_without_any_the_inventory_says_so() -> None:
    text = client_for(Role.VIEWER).get("/alerts/", {"show": "acknowledged"}).content.decode()
    assert "Nobody has one" in text
