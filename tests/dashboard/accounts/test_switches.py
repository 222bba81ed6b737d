"""What an admin allows for the whole house."""

from __future__ import annotations

import pytest

from dashboard.accounts.models import AuditEntry, Role
from dashboard.accounts.switches import EDITING, is_on, list_switches, set_switch
from tests.dashboard.accounts.factories import client_of, make_user

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def test_everything_is_off_until_an_admin_says_so() -> None:
    assert [switch.on for switch in list_switches()] == [False] * len(list_switches())
    admin = client_of(make_user(Role.ADMIN, "root"))

    answer = admin.post(f"/settings/switches/{EDITING}/", {"on": "1"})

    assert answer.status_code == 302
    assert is_on(EDITING)
    page = admin.get("/settings/").content.decode()
    assert "Forbid: Editing of dead letters" in page
    entry = AuditEntry.objects.get()
    assert (entry.actor, entry.action, entry.subject) == ("root", "switch.on", EDITING)


def test_to_set_it_as_it_is_changes_nothing_and_is_not_noted() -> None:
    assert set_switch(EDITING, on=True, by="ada")
    assert not set_switch(EDITING, on=True, by="bob")
    assert [one.changed_by for one in list_switches() if one.name == EDITING] == ["ada"]
    assert AuditEntry.objects.count() == 1


def test_others_neither_see_nor_turn_them() -> None:
    operator = client_of(make_user(Role.OPERATOR, "op"))
    assert operator.post(f"/settings/switches/{EDITING}/", {"on": "1"}).status_code == 403
    assert "Editing of dead letters" not in operator.get("/settings/").content.decode()
    assert not is_on(EDITING)


def test_a_switch_that_there_is_not_is_not_found() -> None:
    admin = client_of(make_user(Role.ADMIN, "root"))
    assert admin.post("/settings/switches/other/", {"on": "1"}).status_code == 404
