"""Retries over HTTP: what waits is listed, and one is tried at once."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry
from tests.dashboard.api.recovering import post
from tests.dashboard.recovery.test_retries import GROUP, TOPIC, broker, fail_once  # noqa: F401
from tests.servers import Valkey

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)

ENTRY = {"broker": "main", "topic": TOPIC, "group": GROUP, "entry": "1-1"}


def test_what_waits_is_listed_and_tried_at_once(
    operator: Client,
    broker: Valkey,  # noqa: F811
) -> None:
    asyncio.run(fail_once(broker.url))
    page = operator.get("/api/v1/dead-letters/retries").json()
    (row,) = page["results"]
    place = {name: row[name] for name in ENTRY}

    done = post(operator, "retries/now", place, 200)

    assert (page["total"], page["away"], row["attempts"], row["overdue"]) == (1, [], 1, False)
    assert done == {"due": True}
    assert AuditEntry.objects.latest("number").action == "retry.now"
    assert operator.get("/api/v1/dead-letters/retries").json()["results"][0]["overdue"] is True


@pytest.mark.parametrize(
    ("change", "status", "word"),
    [
        ({"entry": "x"}, 400, "entry"),
        ({"topic": ""}, 400, "topic"),
        ({"group": "a\0"}, 400, "group"),
        ({"broker": "nowhere"}, 409, "nowhere"),
    ],
)
def test_what_is_no_waiting_entry_is_refused(
    operator: Client,
    broker: Valkey,  # noqa: F811
    change: dict[str, Any],
    status: int,
    word: str,
) -> None:
    assert word in post(operator, "retries/now", {**ENTRY, **change}, status)["detail"]


def test_a_viewer_only_looks(viewer: Client, broker: Valkey) -> None:  # noqa: F811
    assert viewer.get("/api/v1/dead-letters/retries").json()["results"] == []
    post(viewer, "retries/now", ENTRY, 403)
