from __future__ import annotations

import time

import pytest
from django.test import Client

from tests.dashboard.api.test_calls import problem
from tests.dashboard.care import make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def test_incidents_tell_cause_reasons_and_what_happened(viewer: Client) -> None:
    at = time.time_ns() // 1_000_000 - 60_000
    labels = {"service": "payment-service"}
    first = make_episode(started_ms=at, subject="a", labels=labels, summary="a fails")
    second = make_episode(
        started_ms=at + 1, subject="b", labels={**labels, "breaker": "b"}, summary="b refuses calls"
    )
    (incident,) = viewer.get("/api/v1/incidents").json()["results"]
    assert (incident["id"], incident["endedAt"], incident["firing"]) == (first.pk, None, 2)
    assert incident["cause"] == 1
    assert incident["why"][0] == "it began within 2 min of the first"
    assert [(one["alert"], one["kind"], one["state"]) for one in incident["happenings"]] == [
        (first.pk, "alert", "firing"),
        (second.pk, "alert", "firing"),
    ]


def test_those_that_began_before_are_left_out(viewer: Client) -> None:
    at = time.time_ns() // 1_000_000 - 7_200_000
    for subject in "ab":
        make_episode(started_ms=at, subject=subject, labels={"service": "payment-service"})
    counts = [
        len(viewer.get("/api/v1/incidents", {"since": since}).json()["results"])
        for since in ("1h", "3h")
    ]
    assert counts == [0, 1]


@pytest.mark.parametrize("since", ["soon", "60d", "-1"])
def test_a_bad_time_is_refused(viewer: Client, since: str) -> None:
    problem(viewer.get("/api/v1/incidents", {"since": since}), 400)
