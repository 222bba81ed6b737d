"""What the API tells equals what was published, though workers were killed and all was restarted."""

from __future__ import annotations

import json
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.servers import Valkey
from tests.system.running import System

pytestmark = [pytest.mark.timeout(240)]

ROUNDS, EACH = 12, 150
FINISHED = ("success", "failed", "dead_lettered")
OUTCOMES = ("success", "success", "success", "retry", "failed", "dead_lettered", "skipped")


@dataclass
class Published:
    """What was put on the broker: the recount that everything is held against."""

    ids: dict[str, list[str]] = field(default_factory=dict)
    letters: list[str] = field(default_factory=list)
    outcomes: Counter[str] = field(default_factory=Counter)
    poison: int = 0

    def add(self, type: str, event_id: str) -> None:
        self.ids.setdefault(type, []).append(event_id)

    @property
    def events(self) -> int:
        return sum(map(len, self.ids.values()))


class Publisher:
    """Raw XADDs, seeded; it knows nothing of Eventscope but CONTRACT §3."""

    def __init__(self, valkey: Valkey) -> None:
        self.told = Published()
        self._random = random.Random(7)
        self._client = valkey.client()

    def close(self) -> None:
        self._client.close()

    def round(self, number: int) -> None:
        natives = [self._native(f"n-{number}-{one}") for one in range(EACH)]
        for event in natives:
            self._add("orders-topic", event)
            self.told.add("ORDER_CREATED", event["eventId"])
        for event in self._random.sample(natives, 5):
            self._add("orders-topic", event)
            self.told.add("ORDER_CREATED", event["eventId"])
        for one in range(20):
            self._cloud(f"c-{number}-{one}", natives[one]["eventId"])
        for one in range(10):
            place = self._add("notifications-topic", f"plain text {number} {one}")
            self.told.add("notifications-topic", f"notifications-topic@{place}")
        for body in (b"\xff\xfe{", b"{not json", b""):
            self._client.xadd("payments-topic", {b"event": body})
            self.told.poison += 1
        self._receipts(number, natives)
        self._letter(number, natives[0])

    def _native(self, event_id: str) -> dict[str, Any]:
        return {
            "eventId": event_id,
            "eventType": "ORDER_CREATED",
            "timestamp": time.time() * 1000,
            "payload": {"orderId": f"O-{event_id}"},
            "metadata": {"source": "orders", "correlationId": f"corr-{event_id}"},
        }

    def _cloud(self, event_id: str, cause: str) -> None:
        told = {"specversion": "1.0", "id": event_id, "type": "paid", "source": "payments"}
        chain = {"correlationid": f"corr-{cause}", "causationid": cause}
        self._add("payments-topic", told | chain | {"data": {"amount": 1}})
        self.told.add("paid", event_id)

    def _receipts(self, number: int, events: list[dict[str, Any]]) -> None:
        receipts = []
        for event in events:
            outcome = self._random.choice(OUTCOMES)
            self.told.outcomes[outcome] += 1
            at = time.time() * 1000
            names = {
                "eventId": event["eventId"],
                "eventType": "ORDER_CREATED",
                "topic": "orders-topic",
            }
            times = {"startedAt": at - 5, "endedAt": at, "durationMs": 5}
            receipts.append(names | times | {"consumer": "inventory", "outcome": outcome})
        self._system("ProcessingReceipts", f"r-{number}", {"receipts": receipts})

    def _letter(self, number: int, event: dict[str, Any]) -> None:
        error = {"type": "Refused", "message": "no stock"}
        payload = {"event": event, "error": error, "consumer": "shipping", "attempts": 3}
        self._system("DeadLettered", f"d-{number}", payload, topic="failed-events")
        self.told.letters.append(event["eventId"])

    def _system(
        self, type: str, event_id: str, payload: dict[str, Any], topic: str = "system-events"
    ) -> None:
        metadata = {"source": "inventory"}
        self._add(
            topic,
            {"eventId": event_id, "eventType": type, "payload": payload} | {"metadata": metadata},
        )

    def _add(self, topic: str, event: object) -> str:
        return self._client.xadd(topic, {b"event": json.dumps(event).encode()}).decode()


@dataclass
class Asked:
    """The running system, through its public API only."""

    system: System
    token: str

    def get(self, path: str) -> Any:
        return self.system.get_json(path, self.token)

    def all(self, path: str) -> Iterator[dict[str, Any]]:
        cursor = ""
        while True:
            page = self.get(f"{path}&limit=1000" + (f"&cursor={quote(cursor)}" if cursor else ""))
            yield from page["results"]
            cursor = page["next"] or ""
            if not cursor:
                return

    def counted(self, resolution: str, group_by: str, since_ms: int, until_ms: int) -> Any:
        """The series by name."""
        table = self.get(
            f"/api/v1/metrics?resolution={resolution}&groupBy={group_by}"
            f"&since={since_ms}&until={until_ms}"
        )
        return {one["name"]: one for one in table["series"]}


@pytest.fixture
def publisher(valkey: Valkey) -> Iterator[Publisher]:
    made = Publisher(valkey)
    yield made
    made.close()


def kill_worker(system: System) -> None:
    os.kill(system.child("manage.py ingest"), signal.SIGKILL)


def test_what_is_told_is_what_was_published(
    tmp_path: Path, valkey: Valkey, publisher: Publisher
) -> None:
    since_ms = int(time.time()) * 1000
    system = System(tmp_path, REDIS_URL=valkey.url).start()
    try:
        system.wait_for_link()
        for number in range(ROUNDS):
            if number in (2, 5):
                kill_worker(system)
            if number == 8:
                system.stop()
            publisher.round(number)
            if number == 9:
                system = System(tmp_path, REDIS_URL=valkey.url).start()
                system.wait_for_link()
            time.sleep(0.4)
        token = system.manage("token", "create", "truth").splitlines()[-1]
        compare(Asked(system, token), publisher.told, since_ms)
    finally:
        system.stop()
    assert not [line for line in system.lines if "Traceback" in line]


def compare(asked: Asked, told: Published, since_ms: int) -> None:
    def stored() -> bool:
        ingest = asked.get("/readyz")["checks"]["ingest"]
        return bool(
            ingest["lag"] == 0
            and sum(1 for _ in asked.all("/api/v1/events?type=paid")) >= len(told.ids["paid"])
        )

    asked.system.until(stored)
    for type, ids in told.ids.items():
        found = Counter(row["eventId"] for row in asked.all(f"/api/v1/events?type={type}"))
        assert found == Counter(ids), type
    ingest = asked.get("/readyz")["checks"]["ingest"]
    assert (ingest["undecoded"], ingest["lost"]) == (told.poison, 0)
    assert_counts(asked, told, since_ms)
    letters = [row["eventId"] for row in asked.all("/api/v1/dead-letters?status=open")]
    assert sorted(letters) == sorted(told.letters)
    story = asked.get("/api/v1/correlations/corr-n-3-0")
    assert {event["eventId"] for event in story["events"]} == {"n-3-0", "c-3-0"}
    assert story["edges"] == [{"cause": "n-3-0", "effect": "c-3-0"}]


def assert_counts(asked: Asked, told: Published, since_ms: int) -> None:
    """Over whole minutes, so that no bucket of the coarser resolution is cut."""
    since_ms = since_ms // 60_000 * 60_000
    finished = sum(told.outcomes[name] for name in FINISHED)
    failed = told.outcomes["failed"] + told.outcomes["dead_lettered"]
    for resolution in ("1s", "1m"):
        until_ms = int(time.time() + 60) // 60 * 60_000
        [published] = asked.counted(resolution, "", since_ms, until_ms).values()
        handled = asked.counted(resolution, "consumer", since_ms, until_ms)["inventory"]
        assert (published["total"], handled["total"]) == (told.events, finished), resolution
        assert handled["totalErrorRate"] == pytest.approx(failed / finished)
    seconds = asked.counted("1s", "", since_ms, until_ms)
    [published] = seconds.values()
    assert round(sum(value or 0 for value in published["throughput"])) == told.events
