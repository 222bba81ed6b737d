"""The loop in this process, on a real broker and database."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest
from django.db import DataError

from ingest import committing
from ingest.committing import BatchRefused
from ingest.models import QuarantinedMessage, Stream
from ingest.options import BrokerOptions, IngestOptions, LimitOptions, PrivacyOptions
from ingest.pipeline import Pipeline
from ingest.records import Batch
from ingest.reporting import Report, line
from ingest.store import open_store
from ingest.store.base import EventFilter, StoredEvent
from tests.servers import Valkey

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)


def configured(valkey: Valkey, **limits: Any) -> IngestOptions:
    small = {"batch_events": 50, "linger": 0.01, "lease": 5.0, "discovery": 0.2}
    return IngestOptions(
        brokers={"main": BrokerOptions(url=valkey.url, topics=("t-*",))},
        limits=LimitOptions(**(small | limits)),
    )


def run_until(
    options: IngestOptions, done: Callable[[], bool], report: Callable[[Report], None] | None = None
) -> None:
    """Run a worker in this thread until ``done``, looked at between two turns."""
    pipeline = Pipeline(options, open_store(), report=report)
    deadline = time.monotonic() + 120
    turn = pipeline._turn

    def watched() -> None:
        turn()
        assert time.monotonic() < deadline, "it did not happen in time"
        if done():
            pipeline.stop()

    pipeline._turn = watched  # type: ignore[method-assign]
    pipeline.run()


def processed(count: int) -> Callable[[], bool]:
    return lambda: sum(map(sum, Stream.objects.values_list("stored", "undecoded"))) >= count


def add(valkey: Valkey, topic: str, *bodies: bytes) -> None:
    with valkey.client() as client:
        pipe = client.pipeline(transaction=False)
        for body in bodies:
            pipe.xadd(topic, {b"event": body})
        pipe.execute()


def event(number: int, **more: Any) -> bytes:
    return json.dumps({"eventId": f"e{number}", "eventType": "T", "payload": {}, **more}).encode()


def stored(topic: str = "t-orders") -> list[StoredEvent]:
    where = EventFilter(topics=(topic,))
    return open_store().scan(where, limit=1000, newest_first=False).events


def test_what_is_published_is_stored_as_it_was(valkey: Valkey) -> None:
    bodies = [event(number) for number in range(120)]
    add(valkey, "t-orders", *bodies)

    run_until(configured(valkey), processed(120))

    assert [one.body for one in stored()] == bodies
    row = Stream.objects.get()
    assert (row.stored, row.lag, row.owner, row.ordinal) == (120, 0, "", 120)
    assert row.observed_until_ms >= row.newest_ms > 0


def test_second_run_goes_on_where_the_first_stopped(valkey: Valkey) -> None:
    add(valkey, "t-orders", event(1), event(2))
    run_until(configured(valkey), processed(2))
    add(valkey, "t-orders", event(3))
    run_until(configured(valkey), processed(3))

    assert [json.loads(one.body)["eventId"] for one in stored()] == ["e1", "e2", "e3"]


def test_poison_is_quarantined_beside_what_is_stored(valkey: Valkey) -> None:
    add(valkey, "t-orders", event(1), b"poison", event(2))

    run_until(configured(valkey), processed(3))

    assert len(stored()) == 2
    row = QuarantinedMessage.objects.get()
    assert (bytes(row.body), row.size) == (b"poison", 6)
    assert "not valid JSON" in row.reason


def test_idle_streams_are_known_to_be_idle(valkey: Valkey) -> None:
    add(valkey, "t-orders", event(1))
    before = time.time_ns() // 1_000_000

    run_until(
        configured(valkey),
        lambda: (
            all(
                ms > before + 1200
                for ms in Stream.objects.values_list("observed_until_ms", flat=True)
            )
            and processed(1)()
        ),
    )

    assert Stream.objects.get().observed_until_ms <= time.time_ns() // 1_000_000 + 1


@pytest.mark.usefixtures("every_store")
def test_message_that_cannot_be_stored_is_quarantined_alone(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Folds stand here for whatever may refuse a record; all but that one are stored."""
    fold = committing.apply_folds

    def refusing(batch: Batch, series: Any) -> None:
        for part in batch.slices:
            for record in part.records:
                if record.event_id == "e77":
                    raise DataError("value out of range")
        fold(batch, series)

    monkeypatch.setattr(committing, "apply_folds", refusing)
    add(valkey, "t-orders", *[event(number) for number in range(100)])
    add(valkey, "t-other", *[event(number) for number in range(200, 230)])

    run_until(configured(valkey, batch_events=1000), processed(130))

    assert len(stored()) == 99
    assert len(stored("t-other")) == 30
    row = QuarantinedMessage.objects.get()
    assert json.loads(bytes(row.body))["eventId"] == "e77"
    assert row.reason.startswith("could not be stored: DataError")
    assert sorted(Stream.objects.values_list("stored", "undecoded", "ordinal")) == [
        (30, 0, 30),
        (99, 1, 100),
    ]


@pytest.mark.usefixtures("every_store")
def test_fault_of_ours_stops_the_worker_and_blames_no_message(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(batch: Batch, series: Any) -> None:
        raise KeyError("a bug")

    add(valkey, "t-orders", *[event(number) for number in range(60)])
    with monkeypatch.context() as patch:
        patch.setattr(committing, "apply_folds", broken)
        with pytest.raises(BatchRefused, match=r"no message of a batch of 60 .*KeyError"):
            run_until(configured(valkey, batch_events=1000), processed(1))
    left = Stream.objects.get()
    assert (left.major, left.stored, left.undecoded, left.owner) == (0, 0, 0, "")
    assert not QuarantinedMessage.objects.exists()

    run_until(configured(valkey), processed(60))

    assert len(stored()) == 60


@pytest.mark.usefixtures("every_store")
def test_many_messages_to_blame_do_not_stop_the_worker(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    fold = committing.apply_folds

    def refusing(batch: Batch, series: Any) -> None:
        if any(record.event_type == "BAD" for part in batch.slices for record in part.records):
            raise DataError("value out of range")
        fold(batch, series)

    monkeypatch.setattr(committing, "apply_folds", refusing)
    bodies = [event(number, eventType="BAD" if number != 17 else "T") for number in range(40)]
    add(valkey, "t-orders", *bodies)

    run_until(configured(valkey, batch_events=1000), processed(40))

    assert [json.loads(one.body)["eventId"] for one in stored()] == ["e17"]
    assert QuarantinedMessage.objects.count() == 39


def test_own_streams_are_never_watched(valkey: Valkey) -> None:
    """Neither found anew nor gone on with, had an earlier version begun with one."""
    names = ("eventscope:waiting", "eventscope:probe", "t-orders")
    for name in names:
        add(valkey, name, event(1))
    Stream.objects.create(broker="main", topic="eventscope:probe", partition=0)
    broad = configured(valkey)
    broker = BrokerOptions(
        url=valkey.url, topics=("*", "eventscope:*"), dead_letter_topics=("eventscope:waiting",)
    )

    run_until(IngestOptions(brokers={"main": broker}, limits=broad.limits), processed(1))

    assert sorted(Stream.objects.values_list("topic", "stored")) == [
        ("eventscope:probe", 0),
        ("t-orders", 1),
    ]


def test_redacted_values_never_reach_the_database(valkey: Valkey) -> None:
    add(valkey, "t-orders", event(1, payload={"card": "4111", "keep": 1}))
    options = configured(valkey)
    private = IngestOptions(
        brokers=options.brokers,
        limits=options.limits,
        privacy=PrivacyOptions(redact=("payload.card",)),
    )

    run_until(private, processed(1))

    assert json.loads(stored()[0].body)["payload"] == {"card": "[redacted]", "keep": 1}


def test_new_topic_is_picked_up_while_running(valkey: Valkey) -> None:
    add(valkey, "t-orders", event(1))
    added = []

    def done() -> bool:
        if not added and processed(1)():
            added.append(1)
            add(valkey, "t-new", event(2))
        return processed(2)()

    run_until(configured(valkey), done)

    assert len(stored("t-new")) == 1


def test_worker_reports_once_a_second(valkey: Valkey) -> None:
    reports: list[Report] = []
    add(valkey, "t-orders", *[event(number) for number in range(10)])

    run_until(configured(valkey), lambda: len(reports) > 1, reports.append)

    first, second = reports[:2]
    assert (first.events, first.streams, first.lag, first.broker_gone) == (10, 1, 0, False)
    assert (second.events, second.newest_age_ms is not None) == (0, True)
    assert "10 events/s" in line(first._replace(seconds=1.0))
    assert "LOST 5" in line(first._replace(lost=5))
