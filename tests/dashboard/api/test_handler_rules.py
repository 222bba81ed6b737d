"""Rules over HTTP: off at first, tried, then on; by admins."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry
from dashboard.recovery.firing import carry_out_rules
from dashboard.recovery.models import HandlerRule
from tests.dashboard.api.recovering import post
from tests.dashboard.care import make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])

BODY = {"match": "error", "value": "Refused", "actions": ["log", "discard after 7d"]}


def listed(client: Client, path: str = "rules") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = client.get(f"/api/v1/dead-letters/{path}").json()["results"]
    return rows


def test_a_rule_is_added_off_tried_and_turned_on(admin: Client, viewer: Client) -> None:
    rule = post(admin, "rules", BODY, 201)
    assert (rule["mode"], rule["actions"], rule["wrong"]) == ("off", BODY["actions"], None)
    path = f"rules/{rule['id']}/mode"

    assert "try it first" in post(admin, path, {"mode": "on"}, 409)["detail"].lower()
    assert post(admin, path, {"mode": "tried"}, 200)["mode"] == "tried"
    make_letter(1, error_type="Refused")
    carry_out_rules()
    (firing,) = listed(viewer, "rules/firings")
    assert (firing["rule"], firing["step"], firing["tried"], firing["job"]) == (
        rule["id"],
        "log",
        True,
        None,
    )
    assert post(admin, path, {"mode": "on"}, 200)["mode"] == "on"
    assert [row["id"] for row in listed(viewer)] == [rule["id"]]
    told = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"rule.added", "rule.tried", "rule.on"} <= told


def test_a_rule_is_removed(admin: Client) -> None:
    rule = post(admin, "rules", BODY, 201)
    assert admin.delete(f"/api/v1/dead-letters/rules/{rule['id']}").status_code == 204
    assert admin.delete(f"/api/v1/dead-letters/rules/{rule['id']}").status_code == 404
    assert not HandlerRule.objects.exists()


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"actions": ["dance"]}, 400, "actions"),
        ({"actions": []}, 400, "actions"),
        ({"match": "mood"}, 400, "match"),
        ({"value": ""}, 400, "value"),
        ({}, 409, "rule for these letters"),
    ],
)
def test_what_is_no_rule_is_refused(
    admin: Client, change: dict[str, Any], status: int, word: str
) -> None:
    post(admin, "rules", BODY, 201)
    assert word in post(admin, "rules", {**BODY, **change}, status)["detail"]
    assert HandlerRule.objects.count() == 1


def test_an_operator_makes_no_rules(operator: Client) -> None:
    post(operator, "rules", BODY, 403)
    assert listed(operator) == []
