from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry
from dashboard.alerts.models import AlertRule
from dashboard.alerts.ruleset import all_rules
from tests.dashboard.api.test_calls import problem

pytestmark = pytest.mark.django_db(databases=["default", "events"])

URL = "/api/v1/alert-rules"
BODY = {
    "name": "pay-slow", "metric": "latency_p95", "above": "250ms", "for": "5m",
    "keepFiringFor": 30, "consumers": ["pay*"], "noData": "ok", "minimum": 10,
}  # fmt: skip


def send(client: Client, method: str, path: str, body: object) -> Any:
    call = getattr(client, method)
    return call(f"{URL}{path}", json.dumps(body), content_type="application/json")


def test_an_admin_makes_changes_and_deletes_a_rule(admin: Client) -> None:
    made = send(admin, "post", "", BODY)
    assert made.status_code == 201
    told = made.json()
    assert (told["id"], told["above"], told["clear"], told["for"]) == ("pay-slow", 250, 200, 300)
    assert (told["by"], told["consumers"], told["noData"]) == ("consumer", ["pay*"], "ok")
    assert (told["origin"], told["own"]) == ("own", True)

    changed = send(admin, "patch", "/pay-slow", {"above": "1s", "enabled": False}).json()
    assert (changed["above"], changed["clear"], changed["for"]) == (1000, 800, 300)
    assert changed["enabled"] is False
    assert admin.get(f"{URL}/pay-slow").json() == changed

    assert admin.delete(f"{URL}/pay-slow").status_code == 204
    problem(admin.get(f"{URL}/pay-slow"), 404)
    problem(admin.delete(f"{URL}/pay-slow"), 404)
    actions = AuditEntry.objects.order_by("number").values_list("action", "actor")
    assert list(actions) == [
        ("alert-rule.saved", "token:test"),
        ("alert-rule.saved", "token:test"),
        ("alert-rule.deleted", "token:test"),
    ]


def test_a_built_in_rule_is_tuned_and_is_as_it_was_after_deleting(admin: Client) -> None:
    tuned = send(admin, "patch", "/error-rate", {"above": "2%", "owner": "payments"}).json()
    assert (tuned["above"], tuned["origin"], tuned["own"]) == (0.02, "built-in", True)
    assert tuned["explanation"].startswith("Share of handlings")
    admin.delete(f"{URL}/error-rate")
    assert all_rules()["error-rate"].above == 0.001


def test_a_limit_turns_round(admin: Client) -> None:
    turned = send(admin, "patch", "/throughput", {"below": 8}).json()
    assert (turned["above"], turned["below"], turned["clear"]) == (None, 8, 10)


def test_every_rule_is_listed(viewer: Client) -> None:
    told = viewer.get(URL).json()
    assert [one["name"] for one in told["results"]] == list(all_rules())
    assert told["next"] is None


@pytest.mark.parametrize(
    ("given", "place", "message"),
    [
        ({"metric": "gone"}, "metric", "Unknown metric 'gone'"),
        ({"above": "soon"}, "above", "Expected '250ms' or '5m', got 'soon'"),
        ({"above": None}, "above", "Expected above or below, one of them"),
        ({"clear": 900}, "clear", "Expected the limit or less"),
        ({"for": "400d"}, "for", "Expected at most 14d"),
        ({"for": "a while"}, "for", "Expected a duration"),
        ({"sources": ["x"]}, "sources", "latency_p95 knows no source"),
        ({"runbook": "javascript:1"}, "runbook", "Expected an address"),
        ({"name": "error-rate"}, "name", "There is a rule of this name"),
        ({"name": "preview"}, "name", "Expected another name"),
        ({"noData": "maybe"}, "body.noData", "Input should be"),
        ({"colour": "red"}, "body.colour", "Extra inputs"),
    ],
)
def test_what_is_wrong_is_told_with_its_field(
    admin: Client, given: dict[str, object], place: str, message: str
) -> None:
    told = problem(send(admin, "post", "", BODY | given), 400)
    assert told["errors"][0]["place"] == place
    assert told["errors"][0]["message"].startswith(message)
    assert not AlertRule.objects.exists()


def test_a_number_that_is_none_is_refused(admin: Client) -> None:
    text = json.dumps(BODY).replace('"250ms"', "NaN")
    answer = admin.post(URL, text, content_type="application/json")
    assert "finite" in problem(answer, 400)["detail"]


def test_only_admins_change_rules_and_all_may_try(operator: Client, viewer: Client) -> None:
    problem(send(operator, "post", "", BODY), 403)
    problem(send(operator, "patch", "/error-rate", {"enabled": False}), 403)
    problem(operator.delete(f"{URL}/error-rate"), 403)
    told = send(viewer, "post", "/preview", {"rule": BODY, "span": "24h"}).json()
    assert (told["fired"], told["spans"], told["knownShare"]) == (0, [], 0)
    assert told["sentence"].startswith("No 5 minutes of the last 24 hours")
    problem(send(viewer, "post", "/preview", {"rule": BODY | {"above": "x"}}), 400)


def test_budgets_are_told(viewer: Client) -> None:
    told = viewer.get("/api/v1/error-budgets").json()["results"]
    assert [(one["id"], one["left"]) for one in told] == [
        ("error rate at most 0.1%", None),
        ("p95 within 200ms", None),
        ("p99 within 500ms", None),
    ]
    assert told[0]["allowed"] == 0.001
