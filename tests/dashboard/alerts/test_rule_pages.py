"""The pages of rules: who may what, what is refused where, what it costs."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from dashboard.accounts.models import AuditEntry, Role
from dashboard.alerts.models import AlertRule, EvaluationRound
from dashboard.alerts.rounds import evaluate_alerts
from dashboard.alerts.rule_actions import delete_rule, save_rule, switch_rule
from dashboard.alerts.ruleset import all_rules, rules_in_force
from dashboard.rule_options import RuleOptions
from tests.dashboard.care import HOSTILE, NOW_MS, client_for, make_breaker, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])

FORM = {
    "name": "pay-slow", "title": "", "metric": "latency_p99", "side": "above", "limit": "1s",
    "clear": "", "for_": "5m", "keep_firing_for": "1m", "minimum": "20", "by": "consumer",
    "consumers": "pay*, ship", "severity": "critical", "no_data": "firing", "owner": "payments",
    "runbook": "https://wiki.example/pay", "enabled": "on",
}  # fmt: skip
OPTIONS = RuleOptions(name="pay-slow", metric="latency_p99", above="1s")


@pytest.fixture
def admin() -> Client:
    return client_for(Role.ADMIN)


@pytest.fixture
def viewer() -> Client:
    return client_for(Role.VIEWER)


def test_an_admin_makes_a_rule_and_it_is_in_force_and_told(admin: Client) -> None:
    answer = admin.post("/alerts/rules/new", FORM)
    assert (answer.status_code, answer["Location"]) == (302, "/alerts/rules/pay-slow/")
    rule = all_rules()["pay-slow"]
    assert (rule.title, rule.above, rule.clear, rule.for_s) == ("Pay slow", 1000, 800, 300)
    assert rule.scope == (("consumer", ("pay*", "ship")),)
    assert (rule.no_data, rule.owner, rule.minimum) == ("firing", "payments", 20)
    entry = AuditEntry.objects.latest("number")
    assert (entry.action, entry.subject, entry.actor) == ("alert-rule.saved", "pay-slow", "a-admin")
    page = admin.get("/alerts/rules/pay-slow/").content.decode()
    assert 'value="pay*, ship"' in page
    assert "Delete the rule" in page


def test_a_built_in_rule_is_tuned_and_forgotten_again(admin: Client) -> None:
    told = FORM | {"name": "error-rate", "metric": "error_rate", "limit": "2%", "no_data": "keep"}
    assert admin.post("/alerts/rules/error-rate/", told).status_code == 302
    assert all_rules()["error-rate"].above == 0.02
    assert "built-in, tuned here" in admin.get("/alerts/rules/").content.decode()
    assert admin.post("/alerts/rules/error-rate/delete").status_code == 302
    assert all_rules()["error-rate"].above == 0.001
    assert admin.post("/alerts/rules/error-rate/delete").status_code == 404


def test_a_rule_is_switched_off_and_what_it_has_open_ends(admin: Client) -> None:
    make_breaker()
    evaluate_alerts(now_ms=NOW_MS)
    admin.post("/alerts/rules/breaker-open/switch", {"enabled": "0"})
    assert "breaker-open" not in {rule.name for rule in rules_in_force()}
    evaluate_alerts(now_ms=NOW_MS + 2000)
    page = admin.get("/alerts/?show=history").content.decode()
    assert "payment-provider refuses calls" in page
    admin.post("/alerts/rules/breaker-open/switch", {"enabled": "1"})
    assert "breaker-open" in {rule.name for rule in rules_in_force()}
    actions = AuditEntry.objects.order_by("number").values_list("action", flat=True)
    assert list(actions)[-2:] == ["alert-rule.off", "alert-rule.on"]


@pytest.mark.parametrize(
    ("given", "field", "message"),
    [
        ({"limit": "soon"}, "limit", "Expected &#x27;250ms&#x27; or &#x27;5m&#x27;, got &#x27;soon&#x27;"),
        ({"limit": "nan"}, "limit", "Expected a finite number"),
        ({"clear": "2s"}, "clear", "Expected the limit or less: the rule holds above it"),
        ({"for_": "400d"}, "for_", "metrics are not kept longer"),
        ({"for_": "a while"}, "for_", "is not a duration"),
        ({"sources": "shop"}, "sources", "latency_p99 knows no source"),
        ({"metric": "nothing"}, "metric", "nothing is not one of the available choices"),
        ({"runbook": "javascript:alert(1)"}, "runbook", "begins with http:// or https://"),
        ({"name": "error-rate"}, "name", "There is a rule of this name"),
        ({"name": "Bad Name"}, "name", "Expected small letters, digits and hyphens"),
        ({"minimum": "-1"}, "minimum", "Expected a finite number, 0 or more"),
    ],
)  # fmt: skip
def test_what_is_wrong_stands_beside_its_field(
    admin: Client, given: dict[str, str], field: str, message: str
) -> None:
    answer = admin.post("/alerts/rules/new", FORM | given)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == [field]
    assert message in answer.content.decode()
    assert not AlertRule.objects.exists()


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_only_admins_change_rules(role: Role) -> None:
    client = client_for(role)
    save_rule(OPTIONS, by="anna")
    for path in ("rules/new", "rules/pay-slow/", "rules/pay-slow/switch", "rules/pay-slow/delete"):
        assert client.post(f"/alerts/{path}", FORM).status_code == 403
    page = client.get("/alerts/rules/pay-slow/").content.decode()
    assert "rules are changed by admins" in page
    assert "Save" not in page
    assert "/switch" not in client.get("/alerts/rules/").content.decode()
    assert AlertRule.objects.count() == 1


def test_a_copy_begins_with_what_the_other_says_but_its_name(admin: Client) -> None:
    save_rule(OPTIONS, by="anna")
    form = admin.get("/alerts/rules/new?copy=pay-slow").context["form"]
    assert (form["name"].value(), form["limit"].value()) == ("", "1000ms")
    assert admin.get("/alerts/rules/new?copy=gone").status_code == 404


def test_a_trial_tells_and_stores_nothing(viewer: Client) -> None:
    answer = viewer.post("/alerts/rules/preview", FORM | {"span": "24h"})
    assert answer.status_code == 200
    assert answer.context["trial"].sentence == (
        "No 5 minutes of the last 24 hours were wholly observed: nothing can be said."
    )
    wrong = viewer.post("/alerts/rules/preview", FORM | {"limit": "x"}).content.decode()
    assert "It cannot be tried yet." in wrong
    assert "got &#x27;x&#x27;" in wrong
    assert not AlertRule.objects.exists()


def test_a_trial_of_what_was_not_sampled_yet_tells_its_members_now(viewer: Client) -> None:
    told = FORM | {"metric": "component", "limit": "2", "by": "", "consumers": "", "minimum": ""}
    trial = viewer.post("/alerts/rules/preview", told).context["trial"]
    assert trial.sentence == "What this was is not kept yet; what it is now stands below."
    assert trial.past.spans == []


def test_hostile_words_are_words(admin: Client) -> None:
    told = FORM | {"title": HOSTILE, "owner": HOSTILE[:100], "consumers": "<img src=x>"}
    assert admin.post("/alerts/rules/new", told).status_code == 302
    for path in ("/alerts/rules/", "/alerts/rules/pay-slow/", "/alerts/"):
        page = admin.get(path).content.decode()
        assert "<script>alert(1)" not in page
        assert "<img src=x" not in page
    figure = admin.post("/alerts/rules/preview", told).content.decode()
    assert "<img src=x" not in figure


@pytest.mark.parametrize("own", [0, 30])
def test_the_list_costs_the_same_for_any_number_of_rules(
    admin: Client, django_assert_num_queries: DjangoAssertNumQueries, own: int
) -> None:
    for number in range(own):
        save_rule(RuleOptions(name=f"own-{number}", metric="retries", above=number), by="anna")
        make_episode(rule=f"own-{number}")
    admin.get("/alerts/rules/")
    with django_assert_num_queries(5):
        admin.get("/alerts/rules/")


def test_members_beyond_the_bound_are_told(admin: Client) -> None:
    EvaluationRound.objects.create(pk=1, at_ms=NOW_MS, left_out={"error-rate": 1234})
    assert "1,234 members beyond the bound" in admin.get("/alerts/rules/").content.decode()


def test_a_definition_that_is_not_known_any_more_leaves_the_rest_in_force(admin: Client) -> None:
    AlertRule.objects.create(name="old", definition={"name": "old", "metric": "gone"}, changed_ms=1)
    assert "error-rate" in all_rules()
    assert "old" not in all_rules()
    assert admin.get("/alerts/rules/").status_code == 200
    assert admin.get("/alerts/rules/old/").status_code == 404


def test_budgets_of_a_house_that_saw_nothing_say_so(viewer: Client) -> None:
    page = viewer.get("/alerts/budgets/").content.decode()
    assert "error rate at most 0.1%" in page
    assert page.count("not observed") == 3
    assert "Nothing of the 30 days was observed yet." in page


def test_what_is_written_is_what_is_stored(admin: Client) -> None:
    save_rule(RuleOptions(name="x", metric="retries", above=3.0, title="T"), by="anna")
    told: dict[str, Any] = AlertRule.objects.get().definition
    assert json.loads(json.dumps(told)) == {
        "name": "x", "metric": "retries", "above": 3.0, "title": "T",
    }  # fmt: skip
    switch_rule("x", enabled=False, by="anna")
    assert all_rules()["x"].enabled is False
    assert all_rules()["x"].above == 3.0
    assert delete_rule("x", by="anna") is None


def test_an_alert_leads_to_its_rule_and_its_runbook(admin: Client) -> None:
    save_rule(
        RuleOptions(
            name="x", metric="retries", above=3, runbook="https://wiki.example/x", owner="payments"
        ),
        by="anna",
    )
    page = admin.get(f"/alerts/{make_episode(rule='x').pk}/").content.decode()
    assert 'href="https://wiki.example/x" rel="noopener noreferrer"' in page
    assert 'href="/alerts/rules/x/"' in page
    assert "payments" in page
