"""A success that was stored before the letter that it answers."""

from __future__ import annotations

import json
import time
from typing import Any

import msgspec
import pytest

from ingest.answering import AnsweredLetters
from ingest.models import DeadLetter
from tests.ingest.pipeline.test_pipeline import add, configured, processed, run_until
from tests.servers import Valkey

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)


@pytest.mark.parametrize(
    ("seconds", "outcome", "consumer", "status"),
    [
        (5, "success", "shipping", "resolved"),
        (5, "failed", "shipping", "open"),
        (5, "success", "another", "open"),
        (-5, "success", "shipping", "open"),  # of the copy before the letter
    ],
)
def test_letter_stored_after_its_success_is_resolved(
    valkey: Valkey, seconds: int, outcome: str, consumer: str, status: str
) -> None:
    at = int(time.time() * 1000) - 20_000
    receipt = {"eventId": "e1", "consumer": consumer, "outcome": outcome, "topic": "t-orders"}
    receipt["offset"] = f"{at + seconds * 1000}-0"
    add(valkey, "t-system", event("ProcessingReceipts", {"receipts": [receipt]}))
    options = configured(valkey)
    run_until(options, processed(1))
    letter = {"event": {"eventId": "e1", "eventType": "T"}, "consumer": "shipping"}
    with valkey.client() as client:
        client.xadd("t-late", {b"event": event("DeadLettered", letter)}, id=f"{at}-0")
    run_until(msgspec.structs.replace(options), processed(2))
    assert DeadLetter.objects.get().status == "open"

    answered = AnsweredLetters(at_once=1)
    steps = [answered.step() for _ in range(3)]

    assert DeadLetter.objects.get().status == status
    assert steps == [0, int(status == "resolved"), 0]


def event(type: str, payload: dict[str, Any]) -> bytes:
    return json.dumps({"eventId": type, "eventType": type, "payload": payload}).encode()
