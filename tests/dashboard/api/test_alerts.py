from __future__ import annotations

import json
import time
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry, Role, User
from dashboard.alerts.models import Episode
from tests.dashboard.api.test_calls import problem
from tests.dashboard.explore.factories import START

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def episode(rule: str = "error-rate", state: str = "firing", **fields: Any) -> Episode:
    values = {
        "severity": "critical",
        "summary": "4 % of events fail",
        "threshold": 0.001,
        "value": 0.04,
        "started_ms": START,
        "fired_ms": START + 60_000,
        "evaluated_ms": START,
        "sampled_ms": START,
    }
    return Episode.objects.create(rule=rule, state=state, **{**values, **fields})


def post(client: Client, alert: int, action: str, body: object) -> Any:
    url = f"/api/v1/alerts/{alert}/{action}"
    return client.post(url, json.dumps(body), content_type="application/json")


def test_alerts_are_listed_by_state_newest_first(viewer: Client) -> None:
    for number in range(3):
        episode(f"rule-{number}", started_ms=START + number)
    episode("rule-x", "resolved", resolved_ms=START + 9)

    first = viewer.get("/api/v1/alerts?state=firing&limit=2").json()
    rest = viewer.get(
        "/api/v1/alerts", {"state": "firing", "limit": 2, "cursor": first["next"]}
    ).json()

    found = [(one["rule"], one["state"]) for one in first["results"] + rest["results"]]
    assert found == [("rule-2", "firing"), ("rule-1", "firing"), ("rule-0", "firing")]
    assert rest["next"] is None
    problem(viewer.get("/api/v1/alerts", {"cursor": first["next"]}), 400)


def test_history_is_narrowed_by_all_that_is_asked(viewer: Client) -> None:
    hour = 3_600_000
    old = {"started_ms": START, "resolved_ms": START + hour, "subject": "pay"}
    episode("error-rate", "resolved", **old)
    episode("error-rate", "resolved", **{**old, "subject": "ship"})
    episode("latency-p95", "resolved", **old, severity="warning")
    episode("latency-p95", subject="pay", started_ms=START + 2 * hour, severity="warning")
    episode("throughput", "acknowledged", acknowledged_by="anna", started_ms=START + 3 * hour)

    def found(**asked: Any) -> list[tuple[str, str]]:
        told = viewer.get("/api/v1/alerts", asked).json()["results"]
        return [(one["rule"], one["subject"]) for one in told]

    assert found(state="resolved", rule="error-rate", subject="pay") == [("error-rate", "pay")]
    assert found(state="firing,acknowledged") == [("throughput", ""), ("latency-p95", "pay")]
    assert found(severity="warning", until=START + hour) == [("latency-p95", "pay")]
    assert found(since=START + hour + 1) == [("throughput", ""), ("latency-p95", "pay")]
    assert found(text="SHIP") == [("error-rate", "ship")]
    assert found(by="anna") == [("throughput", "")]


def test_every_page_of_a_narrowed_list_is_of_the_same_filters(viewer: Client) -> None:
    for number in range(5):
        episode(f"rule-{number}", subject="pay" if number % 2 else "ship")
    asked = {"subject": "ship", "limit": 2}

    first = viewer.get("/api/v1/alerts", asked).json()
    rest = viewer.get("/api/v1/alerts", {**asked, "cursor": first["next"]}).json()

    found = [one["rule"] for one in first["results"] + rest["results"]]
    assert found == ["rule-4", "rule-2", "rule-0"]
    problem(viewer.get("/api/v1/alerts", {"subject": "pay", "cursor": first["next"]}), 400)


@pytest.mark.parametrize(
    "asked",
    [{"state": "burning"}, {"since": "soon"}, {"since": "1h", "until": "2h"}, {"text": "a\x00b"}],
)
def test_filter_that_cannot_be_read_is_refused_by_its_name(
    viewer: Client, asked: dict[str, str]
) -> None:
    answer = viewer.get("/api/v1/alerts", asked)

    problem(answer, 400)
    assert next(iter(asked)) in answer.content.decode()


def test_operator_acknowledges_with_a_note_once(operator: Client) -> None:
    alert = episode()

    told = post(operator, alert.pk, "acknowledge", {"note": "looking"}).json()
    again = post(operator, alert.pk, "acknowledge", {"note": "me too"}).json()

    assert (told["state"], told["acknowledgedBy"]) == ("acknowledged", "token:test")
    assert [(note["by"], note["note"]) for note in again["notes"]] == [("token:test", "looking")]
    assert told["acknowledgedAt"] == again["acknowledgedAt"]
    assert AuditEntry.objects.get().action == "alert.acknowledged"


def test_acknowledgement_can_be_taken_back(operator: Client) -> None:
    alert = episode()
    post(operator, alert.pk, "acknowledge", {})

    told = post(operator, alert.pk, "unacknowledge", {"note": "not me"}).json()

    assert (told["state"], told["acknowledgedBy"], told["acknowledgedAt"]) == ("firing", None, None)


def test_snooze_lasts_until_the_moment_asked(operator: Client) -> None:
    alert = episode()
    until = (time.time_ns() // 1_000_000_000 + 3600) * 1000

    told = post(operator, alert.pk, "snooze", {"until": str(until)}).json()

    assert Episode.objects.get().snoozed_until_ms == until
    assert told["snoozedUntil"].endswith(".000Z")


@pytest.mark.parametrize("action", ["acknowledge", "unacknowledge", "snooze"])
def test_viewer_changes_no_alert(viewer: Client, action: str) -> None:
    alert = episode()
    problem(
        post(
            viewer,
            alert.pk,
            action,
            {"until": "2026-11-25T10:00:00Z"} if action == "snooze" else {},
        ),
        403,
    )
    alert.refresh_from_db()
    assert (alert.state, alert.snoozed_until_ms) == ("firing", None)


@pytest.mark.parametrize(
    ("action", "body", "status"),
    [
        ("acknowledge", {"note": "x" * 2001}, 400),
        ("acknowledge", {"note": 5}, 400),
        ("acknowledge", {"colour": "red"}, 400),
        ("acknowledge", [], 400),
        ("snooze", {}, 400),
        ("snooze", {"until": "tomorrow"}, 400),
        ("snooze", {"until": "1990-01-01T00:00:00Z"}, 409),
        ("unacknowledge", {}, 200),
    ],
)
def test_wrong_body_or_moment_is_refused(
    operator: Client, action: str, body: object, status: int
) -> None:
    alert = episode()
    response = post(operator, alert.pk, action, body)
    assert response.status_code == status
    if status != 200:
        problem(response, status)


def test_resolved_alert_cannot_be_acknowledged(operator: Client) -> None:
    problem(post(operator, episode(state="resolved").pk, "acknowledge", {}), 409)


def test_unknown_alert_is_404(operator: Client) -> None:
    problem(post(operator, 999, "acknowledge", {}), 404)


def test_operator_assigns_and_resolves(operator: Client) -> None:
    User.objects.create_user(username="olga", password="x", role=Role.OPERATOR)
    alert = episode()

    assigned = post(operator, alert.pk, "assign", {"to": "olga"}).json()
    resolved = post(operator, alert.pk, "resolve", {"note": "restarted"}).json()

    assert assigned["assignedTo"] == "olga"
    assert (resolved["state"], resolved["resolvedBy"]) == ("resolved", "token:test")
    assert [note["note"] for note in resolved["notes"]] == ["to olga", "restarted"]
    problem(post(operator, alert.pk, "assign", {"to": "olga"}), 409)


def test_many_are_changed_by_one_call_and_the_others_told_with_their_reason(
    operator: Client,
) -> None:
    first = episode()
    second = episode("rule-b", state="acknowledged", acknowledged_by="anna")
    body = {"ids": [first.pk, second.pk], "act": "acknowledge"}

    told = operator.post("/api/v1/alerts/act", body, content_type="application/json").json()

    assert told == {
        "changed": [first.pk],
        "others": [{"id": second.pk, "reason": "anna has acknowledged it already."}],
    }


@pytest.mark.parametrize(
    ("body", "status"),
    [
        ({"ids": [], "act": "resolve"}, 400),
        ({"ids": [1] * 501, "act": "resolve"}, 400),
        ({"ids": [1], "act": "explode"}, 400),
        ({"ids": [1], "act": "snooze"}, 409),
        ({"ids": [1], "act": "snooze", "until": "soon"}, 400),
        ({"ids": ["x"], "act": "resolve"}, 400),
    ],
)
def test_an_act_that_is_not_one_is_refused(
    operator: Client, body: dict[str, Any], status: int
) -> None:
    problem(operator.post("/api/v1/alerts/act", body, content_type="application/json"), status)


def test_viewer_acts_on_none(viewer: Client) -> None:
    body = {"ids": [episode().pk], "act": "resolve"}
    problem(viewer.post("/api/v1/alerts/act", body, content_type="application/json"), 403)


def test_what_is_hushed_is_told_as_suppressed_and_not_as_firing(viewer: Client) -> None:
    episode("rule-a", suppressed_by="silence 3")
    episode("rule-b")
    rules = {
        state: [
            one["rule"] for one in viewer.get("/api/v1/alerts", {"state": state}).json()["results"]
        ]
        for state in ("suppressed", "firing")
    }
    assert rules == {"suppressed": ["rule-a"], "firing": ["rule-b"]}


@pytest.mark.parametrize("action", ["acknowledge", "unacknowledge", "resolve"])
def test_a_change_without_a_body_has_no_note(operator: Client, action: str) -> None:
    alert = episode(state="acknowledged" if action == "unacknowledge" else "firing")
    answer = operator.generic("POST", f"/api/v1/alerts/{alert.pk}/{action}")
    assert answer.status_code == 200
    assert [one["note"] for one in answer.json()["notes"]] == [""]


def test_snooze_takes_milliseconds_as_a_number_too(operator: Client) -> None:
    until = int(time.time() * 1000) + 3_600_000
    assert post(operator, episode().pk, "snooze", {"until": until}).status_code == 200
    assert Episode.objects.get().snoozed_until_ms == until
