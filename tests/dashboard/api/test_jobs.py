"""Redriving, discarding and jobs over HTTP."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry, Role
from dashboard.recovery.models import Job
from dashboard.recovery.working import Worker
from tests.dashboard.care import make_stream
from tests.dashboard.recovery.conftest import Shop, make_original, shop  # noqa: F401

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def post(client: Client, path: str, body: Any, expected: int) -> dict[str, Any]:
    answer = client.post(f"/api/v1/{path}", body, content_type="application/json")
    assert answer.status_code == expected, answer.content
    told: dict[str, Any] = answer.json()
    return told


def test_a_redrive_answers_a_job_that_tells_what_became_of_it(
    operator: Client,
    shop: Shop,  # noqa: F811
) -> None:
    letters = [make_original(number) for number in range(3)]
    job = post(operator, "dead-letters/redrive", {"ids": [letters[0].pk, letters[1].pk]}, 202)

    shop.worker.step()
    told = operator.get(f"/api/v1/jobs/{job['id']}").json()

    assert (job["state"], job["expected"], job["createdBy"]) == ("running", 2, "token:test")
    assert told["state"] == "settling"
    assert told["counts"] == {
        "requested": 0,
        "published": 2,
        "processed": 0,
        "failed": 0,
        "unknown": 0,
        "skipped": 0,
        "cancelled": 0,
        "sent": 2,
    }
    assert shop.ids() == ["evt_0", "evt_1"]
    assert operator.get("/api/v1/jobs").json()["results"] == [told]


def test_a_dry_run_changes_nothing_and_tells_what_would_be(operator: Client, shop: Shop) -> None:  # noqa: F811
    make_original(1)
    make_original(2, topic="")

    told = post(operator, "dead-letters/redrive", {"filter": {}, "dryRun": True}, 200)
    shop.worker.step()

    assert (told["state"], told["dryRun"]) == ("planned", True)
    plan = told["plan"]
    assert (plan["letters"], plan["sendable"]) == (2, 1)
    assert plan["skipped"] == [
        {"reason": "no_topic", "text": "it does not tell where it came from", "letters": 1}
    ]
    assert [way["topic"] for way in plan["ways"]] == ["orders-topic"]
    assert shop.ids() == []
    assert operator.get("/api/v1/jobs").json()["results"] == []
    assert AuditEntry.objects.count() == 0


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"group": "f" * 16}, {"evt_1", "evt_3"}),
        ({"filter": {"type": "ORDER_CREATED", "consumer": "inventory"}}, {"evt_1", "evt_2"}),
        ({"filter": {"errorType": "OUT_OF_STOCK", "group": "a"}}, {"evt_2"}),
        ({"filter": {"eventId": "evt_3"}}, {"evt_3"}),
    ],
)
def test_letters_are_chosen_by_group_or_filter(
    operator: Client,
    shop: Shop,  # noqa: F811
    body: dict[str, Any],
    expected: set[str],
) -> None:
    make_original(1)
    make_original(2, fingerprint="a")
    make_original(3, consumer="shipping")
    post(operator, "dead-letters/redrive", body, 202)

    shop.worker.step()

    assert set(shop.ids()) == expected


def test_a_discard_answers_a_job(operator: Client) -> None:
    letter = make_original(1)
    job = post(operator, "dead-letters/discard", {"ids": [letter.pk], "note": "a test"}, 202)
    Worker().step()

    letter.refresh_from_db()
    told = operator.get(f"/api/v1/jobs/{job['id']}").json()
    assert letter.status == "discarded"
    assert (told["kind"], told["state"], told["counts"]["processed"]) == ("discard", "completed", 1)


def test_a_job_is_paused_resumed_and_cancelled(operator: Client) -> None:
    make_original(1)
    job = post(operator, "dead-letters/redrive", {"filter": {}}, 202)
    states = [
        post(operator, f"jobs/{job['id']}/{word}", {}, 200)["state"]
        for word in ("pause", "resume", "cancel")
    ]
    assert states == ["paused", "running", "cancelling"]
    refused = post(operator, f"jobs/{job['id']}/pause", {}, 409)
    assert "is cancelling" in refused["detail"]


@pytest.mark.parametrize(
    ("body", "place"),
    [
        ({}, "ids"),
        ({"ids": []}, "ids"),
        ({"ids": [1], "group": "a"}, "ids"),
        ({"ids": [123_456]}, "ids"),
        ({"filter": {"type": "NONE"}}, "filter"),
        ({"filter": {"since": "yesterday-ish"}}, "filter.since"),
        ({"filter": {}, "ratePerSecond": -1}, "ratePerSecond"),
        ({"filter": {}, "canary": 1_000}, "canary"),
        ({"filter": {}, "startAt": "2999-01-01T00:00:00Z"}, "startAt"),
    ],
)
def test_what_is_wrong_is_named(operator: Client, body: dict[str, Any], place: str) -> None:
    make_original(1)
    told = post(operator, "dead-letters/redrive", body, 400)
    assert told["errors"][0]["place"] == place
    assert Job.objects.count() == 0


@pytest.mark.parametrize("body", [{"ids": "all"}, {"filter": {"colour": "red"}}, {"bogus": 1}, []])
def test_what_is_no_such_body_is_refused(operator: Client, body: Any) -> None:
    answer = operator.post("/api/v1/dead-letters/redrive", body, content_type="application/json")
    assert answer.status_code in (400, 422)
    assert Job.objects.count() == 0


def test_a_viewer_looks_on(caller: Any) -> None:
    letter = make_original(1)
    viewer, operator = caller(Role.VIEWER), caller(Role.OPERATOR)
    post(viewer, "dead-letters/redrive", {"ids": [letter.pk]}, 403)
    post(viewer, "dead-letters/discard", {"ids": [letter.pk]}, 403)
    job = post(operator, "dead-letters/redrive", {"ids": [letter.pk]}, 202)
    post(viewer, f"jobs/{job['id']}/cancel", {}, 403)
    assert viewer.get(f"/api/v1/jobs/{job['id']}").status_code == 200
    assert viewer.get("/api/v1/jobs/999999").status_code == 404


def test_an_admin_redirects_and_a_topic_that_will_not_do_is_told(
    operator: Client,
    admin: Client,
    shop: Shop,  # noqa: F811
) -> None:
    make_stream("other-topic")
    shop.client.xadd("other-topic", {"event": b"{}"})
    body = {"ids": [make_original(1).pk], "topic": "other-topic"}
    post(operator, "dead-letters/redirect", body, 403)
    refused = {
        topic: post(admin, "dead-letters/redirect", {**body, "topic": topic}, 400)["errors"][0]
        for topic in ("nowhere", "failed-events", "", "a\0b")
    }
    assert {error["place"] for error in refused.values()} == {"topic", "body.topic"}
    assert "not among the watched" in refused["nowhere"]["message"]
    assert "dead-letter topic" in refused["failed-events"]["message"]

    plan = post(admin, "dead-letters/redirect", {**body, "dryRun": True}, 200)["plan"]
    assert plan["sendable"] == 1
    job = post(admin, "dead-letters/redirect", {**body, "note": "moved"}, 202)
    shop.worker.step()
    assert (job["kind"], job["note"]) == ("redirect", "moved")
    assert (shop.ids("other-topic"), shop.ids()) == (["evt_1"], [])


def test_an_unwatched_topic_has_to_be_confirmed(admin: Client, shop: Shop) -> None:  # noqa: F811
    body = {"ids": [make_original(1).pk], "topic": "nowhere", "unwatched": True}
    assert post(admin, "dead-letters/redirect", body, 202)["kind"] == "redirect"


def test_letters_are_archived_with_a_note_and_restored(operator: Client) -> None:
    letter = make_original(1)
    refused = post(operator, "dead-letters/archive", {"ids": [letter.pk]}, 400)
    assert "note" in str(refused)

    post(operator, "dead-letters/archive", {"ids": [letter.pk], "note": "old"}, 202)
    Worker().step()
    letter.refresh_from_db()
    assert letter.status == "archived"
    job = post(operator, "dead-letters/restore", {"filter": {}}, 202)
    assert (job["kind"], job["expected"]) == ("restore", 1)
