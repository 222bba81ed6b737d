"""Failures over HTTP: whose they are, fixed, muted, merged, split; as on their pages."""

from __future__ import annotations

import time
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry
from dashboard.recovery.models import FailureGroup, GroupEntry
from tests.dashboard.api.recovering import post
from tests.dashboard.care import make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])

ONE, OTHER = "a" * 32, "b" * 32
HOUR_MS = 3_600_000


@pytest.fixture(autouse=True)
def letters(db: None) -> None:
    make_letter(1, fingerprint=ONE)
    make_letter(2, fingerprint=OTHER)
    make_letter(3, fingerprint="")


def get(client: Client, fingerprint: str) -> Any:
    return client.get(f"/api/v1/dead-letters/groups/{fingerprint}").json()


def test_a_failure_nobody_spoke_of_is_told_with_nothing_in_it(viewer: Client) -> None:
    told = get(viewer, "none")
    assert (told["id"], told["owner"], told["mutedUntil"], told["history"]) == (
        "none",
        "",
        None,
        [],
    )
    assert not FailureGroup.objects.exists()


def test_what_is_not_given_stays_as_it_is(operator: Client) -> None:
    post(operator, f"groups/{ONE}/describe", {"owner": "ada", "ticket": "https://t.example/1"}, 200)
    told = post(operator, f"groups/{ONE}/describe", {"note": "since Monday"}, 200)

    assert (told["owner"], told["note"], told["ticket"]) == (
        "ada",
        "since Monday",
        "https://t.example/1",
    )
    assert [entry["kind"] for entry in told["history"]] == ["described", "described"]
    assert told["history"][0]["by"] == "token:test"
    assert AuditEntry.objects.filter(action="failure.described").count() == 2


def test_it_is_fixed_muted_merged_and_split(operator: Client) -> None:
    until = time.time_ns() // 1_000_000 + HOUR_MS
    assert post(operator, f"groups/{ONE}/fixed", {"how": "restarted"}, 200)["fixedAt"]
    assert post(operator, f"groups/{ONE}/mute", {"until": str(until)}, 200)["mutedUntil"]
    assert post(operator, f"groups/{ONE}/mute", {"until": None}, 200)["mutedUntil"] is None
    assert post(operator, f"groups/{ONE}/merge", {"into": OTHER}, 200)["mergedInto"] == OTHER
    told = post(operator, f"groups/{ONE}/split", {}, 200)

    assert told["mergedInto"] is None
    kinds = [entry["kind"] for entry in told["history"]]
    assert kinds == ["split", "merged", "unmuted", "muted", "fixed"]
    assert get(operator, ONE) == told


@pytest.mark.parametrize(
    ("path", "body", "place"),
    [
        (f"groups/{ONE}/describe", {"ticket": "javascript:alert(1)"}, "ticket"),
        (f"groups/{ONE}/fixed", {"how": " "}, "how"),
        (f"groups/{ONE}/mute", {"until": "2020-01-01T00:00:00Z"}, "until"),
        (f"groups/{ONE}/mute", {"until": "soon"}, "until"),
        (f"groups/{ONE}/merge", {"into": ONE}, "into"),
        (f"groups/{ONE}/merge", {"into": "nowhere"}, "into"),
        (f"groups/{ONE}/split", {}, "fingerprint"),
        (f"groups/{ONE}/describe", {"mood": "bad"}, "body.mood"),
    ],
)
def test_what_is_wrong_is_named(
    operator: Client, path: str, body: dict[str, Any], place: str
) -> None:
    told = post(operator, path, body, 400)
    assert place in told["detail"]
    assert not GroupEntry.objects.exists()


def test_a_failure_that_no_letter_has_is_not_there(operator: Client) -> None:
    assert operator.get("/api/v1/dead-letters/groups/nowhere").status_code == 404
    post(operator, "groups/nowhere/fixed", {"how": "x"}, 404)


def test_a_viewer_only_looks(viewer: Client) -> None:
    assert get(viewer, ONE)["id"] == ONE
    post(viewer, f"groups/{ONE}/fixed", {"how": "x"}, 403)
