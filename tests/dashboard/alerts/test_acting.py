"""One act for many alerts: what changed, what was left and why."""

from __future__ import annotations

import pytest

from dashboard.accounts.models import AuditEntry, Role, User
from dashboard.alerts import acting
from dashboard.alerts.actions import ActionError, AlertNotFound, assign_alert, resolve_alert
from dashboard.alerts.models import Episode
from tests.dashboard.care import NOW_MS, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def make_many(count: int = 3) -> list[int]:
    return [make_episode(subject=f"consumer-{number}").pk for number in range(count)]


def make_person(name: str, role: Role) -> None:
    User.objects.create_user(username=name, password="x", role=role)


def test_many_are_acknowledged_each_with_its_line_and_audit_entry() -> None:
    ids = make_many()
    acted = acting.acknowledge(ids, by="anna", note="mine", now_ms=NOW_MS)
    assert (acted.changed, acted.others, acted.message) == (ids, {}, "")
    assert set(Episode.objects.values_list("state", "acknowledged_by")) == {
        ("acknowledged", "anna")
    }
    assert AuditEntry.objects.filter(action="alert.acknowledged").count() == 3


def test_what_cannot_be_changed_holds_nothing_up_and_says_who_was_first() -> None:
    first, second = make_many(2)
    acting.acknowledge([first], by="ben")
    pending = make_episode(subject="new", state="pending").pk
    acted = acting.acknowledge([first, second, pending, 4711], by="anna")
    assert acted.changed == [second]
    assert acted.others == {
        first: "ben has acknowledged it already.",
        pending: "Only a firing alert can be acknowledged; this one is pending.",
        4711: "There is no alert with this id.",
    }
    assert acted.message.startswith("1 changed, 3 not: ben has acknowledged it already.")


def test_of_one_alert_the_reason_alone_is_told() -> None:
    (id,) = make_many(1)
    acting.acknowledge([id], by="ben")
    assert acting.acknowledge([id], by="anna").message == "ben has acknowledged it already."


def test_the_same_id_twice_is_changed_once() -> None:
    (id,) = make_many(1)
    acted = acting.snooze([id, id], by="anna", until_ms=NOW_MS + 60_000, now_ms=NOW_MS)
    assert (acted.changed, acted.others) == ([id], {})


def test_too_many_at_once_are_refused_before_any_is_changed() -> None:
    make_many(1)
    with pytest.raises(ActionError, match="At most 500 alerts at once; these are 501"):
        acting.resolve(range(1, 502), by="anna")
    assert Episode.objects.get().state == "firing"


def test_acknowledgements_are_taken_back_together() -> None:
    ids = make_many(2)
    acting.acknowledge(ids, by="anna")
    assert acting.take_back(ids, by="ben").changed == ids
    assert set(Episode.objects.values_list("state", "acknowledged_by")) == {("firing", "")}


def test_assigned_to_somebody_who_may_act_and_to_nobody_again() -> None:
    make_person("olga", Role.OPERATOR)
    (id,) = make_many(1)
    assert acting.assign([id], by="anna", to="olga").changed == [id]
    assert Episode.objects.get().assigned_to == "olga"
    assert not assign_alert(id, by="anna", to="olga").changed
    assert acting.assign([id], by="anna", to="").changed == [id]
    notes = Episode.objects.get().entries.filter(kind="assigned").order_by("pk")
    assert [entry.note for entry in notes] == ["to olga", "to nobody"]


@pytest.mark.parametrize("name", ["vera", "nobody"])
def test_nobody_is_assigned_who_could_not_act(name: str) -> None:
    make_person("vera", Role.VIEWER)
    (id,) = make_many(1)
    with pytest.raises(ActionError, match=f"'{name}' is not somebody who may act"):
        assign_alert(id, by="anna", to=name)


@pytest.mark.parametrize("state", ["firing", "acknowledged"])
def test_resolved_by_a_person_with_a_note(state: str) -> None:
    episode = make_episode(state=state, suppressed_by="silence 1")
    outcome = resolve_alert(episode.pk, by="anna", note="restarted", now_ms=NOW_MS + 5)
    found = outcome.episode
    assert (found.state, found.resolved_by, found.resolved_ms) == ("resolved", "anna", NOW_MS + 5)
    assert found.suppressed_by == ""
    assert episode.entries.get(kind="resolved").note == "restarted"
    again = resolve_alert(episode.pk, by="ben")
    assert (again.changed, again.message) == (False, "anna has resolved it already.")


def test_what_has_not_fired_is_not_resolved() -> None:
    episode = make_episode(state="pending")
    with pytest.raises(ActionError, match="not fired yet"):
        resolve_alert(episode.pk, by="anna")
    with pytest.raises(AlertNotFound):
        resolve_alert(4711, by="anna")
