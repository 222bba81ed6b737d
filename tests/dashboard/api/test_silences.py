from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from dashboard.alerts.models import Silence
from tests.dashboard.api.test_calls import problem
from tests.dashboard.care import make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])

HOUR = 3_600_000


def in_hours(hours: float) -> str:
    return str(time.time_ns() // 1_000_000 + round(hours * HOUR))


def post(client: Client, path: str, body: object) -> Any:
    return client.post(f"/api/v1/silences{path}", body, content_type="application/json")


def body(**given: Any) -> dict[str, Any]:
    return {"matchers": ["consumer = payment"], "endsAt": in_hours(1), "comment": "deploy", **given}


def test_operator_hushes_and_is_told_what_is_so(operator: Client, viewer: Client) -> None:
    episode = make_episode(labels={"consumer": "payment"})
    answer = post(operator, "", body())
    silence = answer.json()
    assert answer.status_code == 201
    assert (silence["state"], silence["createdBy"]) == ("active", "token:test")
    (alert,) = viewer.get("/api/v1/alerts").json()["results"]
    assert (alert["id"], alert["state"]) == (episode.pk, "suppressed")
    assert alert["suppressedBy"] == silence["name"]


def test_current_and_ended_ones_are_listed(operator: Client) -> None:
    first, second = (post(operator, "", body(comment=text)).json()["id"] for text in "ab")
    ended = post(operator, f"/{first}/end", {}).json()
    assert (ended["state"], ended["endedBy"]) == ("ended", "token:test")
    listed = {
        state: [
            one["id"]
            for one in operator.get("/api/v1/silences", {"state": state}).json()["results"]
        ]
        for state in ("current", "ended")
    }
    assert listed == {"current": [second], "ended": [first]}


def test_ended_ones_are_paged_by_cursor(operator: Client) -> None:
    for number in range(3):
        Silence.objects.create(
            matchers=["rule = x"], starts_ms=1, ends_ms=10 + number, created_ms=1, created_by="a"
        )
    first = operator.get("/api/v1/silences", {"state": "ended", "limit": 2}).json()
    second = operator.get("/api/v1/silences", {"state": "ended", "cursor": first["next"]}).json()
    assert (len(first["results"]), len(second["results"]), second["next"]) == (2, 1, None)
    problem(operator.get("/api/v1/silences", {"state": "ended", "cursor": "x"}), 400)


def test_a_silence_is_extended(operator: Client) -> None:
    silence = post(operator, "", body()).json()
    until = in_hours(5)
    told = post(operator, f"/{silence['id']}/extend", {"endsAt": until}).json()
    assert told["endsAt"] > silence["endsAt"]
    assert Silence.objects.get().ends_ms == int(until)


def test_a_preview_counts_and_changes_nothing(viewer: Client) -> None:
    episode = make_episode(labels={"consumer": "payment"})
    told = post(viewer, "/preview", {"matchers": ["consumer = pay*"]}).json()
    assert told == {"hushes": 1, "alerts": [episode.pk]}
    assert not Silence.objects.exists()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"matchers": ["nonsense"]}, "is no matcher"),
        ({"matchers": []}, "Say what is to be hushed"),
        ({"endsAt": "soon"}, "endsAt"),
        ({"endsAt": "1990-01-01T00:00:00Z"}, "has to end after it begins"),
        ({"zone": "Mars", "kind": "maintenance"}, "is no time zone"),
        ({"weekly": True}, "Only maintenance is weekly"),
        ({"comment": ""}, "Say why"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_a_bad_silence_is_refused_with_the_reason(
    operator: Client, change: dict[str, Any], said: str
) -> None:
    answer = post(operator, "", body(**change))
    problem(answer, 400)
    assert said in answer.content.decode()


def test_no_such_silence_is_a_404(operator: Client) -> None:
    problem(post(operator, "/4711/end", {}), 404)
    problem(post(operator, "/4711/extend", {"endsAt": in_hours(1)}), 404)


@pytest.mark.parametrize("path", ["", "/1/end", "/1/extend"])
def test_viewer_hushes_nothing(viewer: Client, path: str) -> None:
    problem(
        post(
            viewer,
            path,
            body() if not path else {"endsAt": in_hours(1)} if "extend" in path else {},
        ),
        403,
    )
