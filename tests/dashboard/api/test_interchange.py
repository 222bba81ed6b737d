"""Letters out and in over HTTP: what one house exports another imports, once."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import async_to_sync
from django.test import Client

from dashboard.accounts.models import AuditEntry
from ingest.models import DeadLetter
from tests.dashboard.recovery.conftest import make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])

NDJSON = "application/x-ndjson"


def export(client: Client, query: str = "") -> bytes:
    answer = client.get(f"/api/v1/dead-letters/export?{query}")
    assert answer.status_code == 200
    assert answer["Content-Type"] == NDJSON

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    return async_to_sync(read)()


def bring(client: Client, content: bytes, broker: str = "main") -> Any:
    path = f"/api/v1/dead-letters/import?broker={broker}"
    return client.post(path, content, content_type=NDJSON)


def test_what_is_exported_is_imported_once(operator: Client) -> None:
    make_original(1, consumer="one")
    make_original(2, consumer="two")
    content = export(operator, "consumer=two&status=open")
    DeadLetter.objects.all().delete()

    first, again = bring(operator, content).json(), bring(operator, content).json()

    assert first == {"letters": 1, "known": 0, "withheld": 0}
    assert again == {"letters": 1, "known": 1, "withheld": 0}
    letter = DeadLetter.objects.get()
    assert (letter.event_id, letter.consumer) == ("evt_2", "two")
    assert bytes(letter.event) == json.dumps(json.loads(bytes(letter.event))).encode()
    actions = set(AuditEntry.objects.values_list("action", flat=True))
    assert {"letters.exported", "letters.imported"} <= actions


@pytest.mark.parametrize(
    ("content", "broker", "word"),
    [(b"{}\n", "main", "line 1"), (b"\n", "main", "file"), (b"{}\n", "nowhere", "broker")],
)
def test_a_file_that_is_wrong_is_told_with_its_lines_and_kept_out(
    operator: Client, content: bytes, broker: str, word: str
) -> None:
    answer = bring(operator, content, broker)
    assert answer.status_code == 400
    assert word in answer.json()["detail"]
    assert answer.json()["errors"][0]["place"]
    assert not DeadLetter.objects.exists()


def test_a_viewer_takes_nothing_out_and_brings_nothing_in(viewer: Client) -> None:
    assert viewer.get("/api/v1/dead-letters/export").status_code == 403
    assert bring(viewer, b"{}").status_code == 403
