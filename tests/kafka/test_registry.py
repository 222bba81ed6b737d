"""Values by schemas of a registry, from Kafka to the pages and back to Kafka."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from confluent_kafka import Consumer, TopicPartition
from django.test import Client
from pytest_django.fixtures import Settings

from dashboard.accounts.models import Role, User
from dashboard.monitor.probes import probe_component
from dashboard.options import ComponentOptions
from dashboard.recovery.actions import Options, create_job
from dashboard.recovery.exporting import line_of
from dashboard.recovery.importing import import_letters
from dashboard.recovery.interchange import Origin, write_line
from dashboard.recovery.items import count_items
from dashboard.recovery.selection import Selection
from dashboard.recovery.steps import Counts
from dashboard.recovery.working import Worker
from ingest import registry as registry_room
from ingest.folds.foreign import header_pairs
from ingest.models import DeadLetter, QuarantinedMessage, Stream
from ingest.options import (
    BrokerOptions,
    IngestOptions,
    LimitOptions,
    PrivacyOptions,
    RegistryOptions,
)
from ingest.queries.events import find_correlation, find_events
from ingest.queries.letters import LetterFilter
from ingest.queries.opening import NotAsItWas, open_letter
from ingest.registry import schemas
from ingest.store import open_store
from ingest.store.base import EventFilter
from ingest.store.sql import read_headers
from ingest.wire import wire_of
from tests.dashboard.care import make_letter
from tests.ingest.pipeline.test_pipeline import processed, run_until
from tests.ingest.registry.factories import KINDS, avro_bytes, envelope, serialized
from tests.ingest.registry.servers import Registry
from tests.kafka.servers import ApacheKafka, Broker, MockKafka

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.stop()


@pytest.fixture
def visitor() -> Client:
    client = Client()
    user = User.objects.create_user("vera", password="x", role=Role.VIEWER)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def configured(
    settings: Settings, broker: Broker, registry: Registry, topic: str, **more: Any
) -> IngestOptions:
    main = BrokerOptions(
        type="kafka",
        bootstrap_servers=(broker.address,),
        topics=(topic,),
        dead_letter_topics=(f"{topic}-letters",),
        registry=RegistryOptions(url=registry.url, timeout=30.0),  # type: ignore[arg-type]
    )
    limits = LimitOptions(batch_events=50, linger=0.01, lease=5.0, discovery=0.2)  # type: ignore[arg-type]
    options = IngestOptions(brokers={"main": main}, limits=limits, **more)
    settings.INGEST = options
    return options


def page(visitor: Client, url: str, **asked: str) -> str:
    answer = visitor.get(url, asked)
    assert answer.status_code == 200
    return answer.content.decode()


def test_events_of_every_kind_are_found_and_shown(
    mock_kafka: MockKafka, registry: Registry, topic: str, settings: Settings, visitor: Client
) -> None:
    options = configured(settings, mock_kafka, registry, topic)
    values = [serialized(registry, kind, topic, n) for n, kind in enumerate(KINDS)]
    mock_kafka.publish(topic, *values, json.dumps(envelope(3)).encode())

    run_until(options, processed(4))
    run_until(options, processed(4))

    assert sum(Stream.objects.values_list("stored", flat=True)) == 4
    for number, kind in enumerate((*KINDS, "")):
        [event] = find_correlation(f"corr_{number}")
        assert (event.event_id, event.source) == (f"evt_{number}", "shop")
        assert [one.event_id for one in find_events([f"ORD_{number}"])] == [f"evt_{number}"]
        assert event.payload["note"] == f"gift wrapping {number}"
        listed = visitor.get("/api/v1/events", {"q": f"wrapping {number}"}).json()
        assert [one["eventId"] for one in listed["results"]] == [f"evt_{number}"]
        told = page(visitor, f"/events/evt_{number}/")
        assert f"gift wrapping {number}" in told
        assert "no schema made it readable" not in told
        assert (f"{kind} " in dict(event.headers).get(":schema", "")) is bool(kind)
        assert ":wire" not in told


def test_without_its_registry_an_event_is_kept_and_shown_when_that_is_back(
    mock_kafka: MockKafka,
    registry: Registry,
    topic: str,
    settings: Settings,
    visitor: Client,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(schemas, "AWAY_FOR", 0.0)
    options = configured(settings, mock_kafka, registry, topic)
    value = serialized(registry, "avro", topic, 1)
    registry.mood = "failing"
    mock_kafka.publish(topic, value, headers=[("correlation-id", b"corr-of-header")])
    mock_kafka.publish(topic, json.dumps(envelope(2)).encode())

    run_until(options, processed(2))

    assert not QuarantinedMessage.objects.exists()
    assert [one.event_id for one in find_correlation("corr_2")] == ["evt_2"]
    [event] = find_correlation("corr-of-header")
    assert (event.event_type, event.format, event.body) == (topic, "opaque", value)
    assert "answered 500" in event.undecoded
    away = page(visitor, f"/events/{event.event_id}/")
    assert "no schema made it readable: the schema registry at" in away
    assert "gift wrapping" not in away

    registry.mood = "well"
    until = time.monotonic() + 90
    back = ""
    while "gift wrapping 1" not in back and time.monotonic() < until:
        back = page(visitor, f"/events/{event.event_id}/")
    assert "Its schema can be had by now" in back
    [again] = find_correlation("corr-of-header")
    assert again.body == value


def test_a_broker_whose_registry_fails_is_degraded(
    mock_kafka: MockKafka, registry: Registry, topic: str, settings: Settings
) -> None:
    configured(settings, mock_kafka, registry, topic)
    component = ComponentOptions(name="kafka", check="broker:main")

    well = probe_component(component, timeout=60)
    registry.mood = "failing"
    failing = probe_component(component, timeout=60)

    assert (well.status, well.output) == ("healthy", "")
    assert failing.status == "degraded"
    assert failing.output == (
        f"the schema registry at 127.0.0.1:{registry.port} answered 500; values are stored unread"
    )


def test_whatever_the_registry_does_each_value_is_stored_once_with_its_bytes(
    mock_kafka: MockKafka,
    registry: Registry,
    topic: str,
    settings: Settings,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Garbage and schemas that nobody has seen are among the values; workers end and others go on."""
    monkeypatch.setattr(schemas, "AWAY_FOR", 0.0)
    rng = random.Random(11)
    options = configured(settings, mock_kafka, registry, topic)
    produced: list[bytes] = []
    for turn in range(8):
        registry.mood = "well"
        values = [value_of(rng, registry, topic, turn) for _ in range(25)]
        registry.mood = rng.choice(["well", "failing", "odd"])
        mock_kafka.publish(topic, *values)
        produced += values
        registry_room._unframer_of.cache_clear()  # as another process has it
        run_until(options, processed(len(produced)))

    where = EventFilter(topics=(topic,))
    stored = open_store().scan(where, limit=1000, newest_first=False).events
    bodies = [wire_of(read_headers(one)) or one.body for one in stored]
    assert bodies == produced
    assert not QuarantinedMessage.objects.exists()
    assert sum(Stream.objects.values_list("stored", flat=True)) == len(produced)


def value_of(rng: random.Random, registry: Registry, topic: str, turn: int) -> bytes:
    kind = rng.choice([*KINDS, "plain", "garbage", "new"])
    if kind == "plain":
        return json.dumps(envelope(rng.randrange(1000))).encode()
    if kind == "garbage":
        return b"\0" + rng.randbytes(rng.randrange(40))
    if kind == "new":
        name = f"New{turn}x{rng.randrange(1000)}"
        field = {"name": "eventId", "type": "string"}
        schema = {"type": "record", "name": name, "fields": [field]}
        return avro_bytes(registry, schema, b"\x06abc")
    return serialized(registry, kind, topic, rng.randrange(1000))


def test_a_letter_that_a_schema_made_readable_goes_back_byte_for_byte(
    apache_kafka: ApacheKafka, registry: Registry, topic: str, settings: Settings
) -> None:
    apache_kafka.create(topic, 2)
    apache_kafka.create(f"{topic}-letters")
    options = configured(settings, apache_kafka, registry, topic)
    value = serialized(registry, "avro", topic, 1)
    headers = [
        ("kafka_dlt-original-topic", topic.encode()),
        ("kafka_dlt-original-partition", (1).to_bytes(4, "big")),
        ("kafka_dlt-original-offset", (7).to_bytes(8, "big")),
        ("kafka_dlt-exception-message", b"no such customer"),
        ("tenant", b"a"),
    ]
    apache_kafka.publish(f"{topic}-letters", value, headers=headers)
    run_until(options, processed(1))
    [letter] = DeadLetter.objects.select_related("stream")
    job = create_job(actor="ada", selection=Selection.of_filter(LetterFilter()), options=Options())
    worker = Worker()

    worker.step()

    worker.close()
    assert (letter.event_id, letter.correlation_id) == ("evt_1", "corr_1")
    assert count_items(job) == Counts(published=1)
    [put_back] = read_back(apache_kafka, topic, 1)
    told = dict(put_back.headers() or ())
    assert put_back.value() == value
    assert told.keys() == {"tenant", "eventscope-redrive"}
    assert json.loads(told["eventscope-redrive"])["attempt"] == 1


def test_an_exported_letter_has_its_bytes_once_and_those_only(
    mock_kafka: MockKafka, registry: Registry, topic: str, settings: Settings
) -> None:
    options = configured(settings, mock_kafka, registry, topic)
    value = serialized(registry, "protobuf", topic, 1)
    mock_kafka.publish(f"{topic}-letters", value, headers=[("tenant", b"a")])
    run_until(options, processed(1))
    [letter] = DeadLetter.objects.select_related("stream")

    line = line_of(letter, host="here")
    forged = msgspec.structs.replace(
        line,
        headers=[*line.headers, (b":schema", b"avro 1"), (b":wire", b"others")],
        origin=Origin("there", "main", topic, "1-1"),
    )
    import_letters([write_line(forged)], broker="main", by="ada")

    assert (line.event, dict(line.headers)) == (value, {b"tenant": b"a"})
    imported = DeadLetter.objects.select_related("stream").latest("pk")
    assert imported.pk != letter.pk
    assert open_letter(imported) == value


@pytest.mark.parametrize(("kind", "put_back"), [("redis", b"{}"), ("kafka", b"other bytes")])
def test_only_kafka_has_bytes_beside_what_is_shown(
    settings: Settings, kind: str, put_back: bytes
) -> None:
    """On Redis these are fields that anybody may write."""
    settings.INGEST = IngestOptions(brokers={"main": BrokerOptions(type=kind)})  # type: ignore[arg-type]
    headers = [(b":schema", b"avro 1"), (b":wire", b"other bytes")]
    letter = make_letter(event=b"{}", size=2, headers=msgspec.msgpack.encode(headers))

    assert open_letter(letter) == put_back


def read_back(server: ApacheKafka, topic: str, partition: int) -> list[Any]:
    consumer = Consumer({"bootstrap.servers": server.address, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, partition, 0)])
    for _ in range(60):
        found = [one for one in consumer.consume(10, 1) if one.error() is None]
        if found:
            break
    consumer.close()
    return found


def test_a_letter_whose_bytes_are_not_kept_is_not_put_back(
    mock_kafka: MockKafka, registry: Registry, topic: str, settings: Settings
) -> None:
    privacy = PrivacyOptions(redact=("payload.card",))
    options = configured(settings, mock_kafka, registry, topic, privacy=privacy)
    mock_kafka.publish(f"{topic}-letters", serialized(registry, "protobuf", topic, 1))

    run_until(options, processed(1))

    [letter] = DeadLetter.objects.select_related("stream")
    with pytest.raises(NotAsItWas, match="its bytes are not kept"):
        open_letter(letter)


def test_a_letter_of_ours_keeps_the_original_that_it_carries(
    mock_kafka: MockKafka, registry: Registry, topic: str, settings: Settings
) -> None:
    options = configured(settings, mock_kafka, registry, topic)
    letter = {
        "eventId": "letter_1",
        "eventType": "DeadLettered",
        "timestamp": "2026-11-26T12:00:00Z",
        "payload": {"event": envelope(1), "error": {"type": "E", "message": "m"}, "attempts": 1},
        "metadata": {"source": "shop"},
    }
    plain = serialized(registry, "json", topic, 1)
    mock_kafka.publish(f"{topic}-letters", plain[:5] + json.dumps(letter).encode())

    run_until(options, processed(1))

    [kept] = DeadLetter.objects.select_related("stream")
    assert wire_of(header_pairs(bytes(kept.headers))) is None
    assert json.loads(open_letter(kept)) == envelope(1)
