"""Programs publish to Kafka by the API."""

from __future__ import annotations

import json
from typing import Any

import pytest
from confluent_kafka import Consumer, TopicPartition
from django.test import Client
from pytest_django.fixtures import Settings

from dashboard.accounts.models import Role
from dashboard.accounts.tokens import issue_token
from ingest.options import BrokerOptions, IngestOptions
from tests.kafka.servers import ApacheKafka
from tests.servers import free_port

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def client() -> Client:
    return Client(headers={"Authorization": f"Bearer {issue_token('test', Role.OPERATOR)}"})


def at(settings: Settings, address: str, topic: str) -> None:
    kafka = BrokerOptions(type="kafka", bootstrap_servers=(address,), topics=(f"{topic}*",))
    settings.INGEST = IngestOptions(brokers={"main": kafka})


def post(client: Client, *events: dict[str, Any]) -> Any:
    return client.post("/api/v1/events", json.dumps(events), content_type="application/json")


def test_events_are_appended_with_their_keys_and_told_where(
    apache_kafka: ApacheKafka, client: Client, settings: Settings, topic: str
) -> None:
    apache_kafka.create(topic)
    at(settings, apache_kafka.address, topic)

    answer = post(
        client,
        {"eventId": "evt_1", "eventType": "A", "topic": topic, "key": "customer"},
        {"eventId": "evt_2", "eventType": "A", "topic": topic},
    )

    assert answer.status_code == 202
    assert [one["position"] for one in answer.json()["results"]] == ["0:0", "0:1"]
    consumer = Consumer({"bootstrap.servers": apache_kafka.address, "group.id": "reader"})
    consumer.assign([TopicPartition(topic, 0, 0)])
    first, second = consumer.consume(2, 30)
    consumer.close()
    assert (first.key(), second.key()) == (b"customer", None)
    assert json.loads(first.value() or b"")["eventId"] == "evt_1"


def test_a_topic_that_is_not_there_is_refused_and_told(
    apache_kafka: ApacheKafka, client: Client, settings: Settings, topic: str
) -> None:
    apache_kafka.create(topic)
    at(settings, apache_kafka.address, topic)

    answer = post(
        client,
        {"eventId": "evt_1", "eventType": "A", "topic": topic},
        {"eventId": "evt_2", "eventType": "A", "topic": f"{topic}-gone"},
    )

    assert answer.status_code == 502
    [error] = answer.json()["errors"]
    assert (error["index"], error["place"]) == (1, "broker")
    assert answer.json()["published"] == [{"eventId": "evt_1", "position": "0:0"}]


def test_a_kafka_that_is_away_is_told(
    client: Client, settings: Settings, topic: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dashboard.api.publishing.TIMEOUT", 1.0)
    at(settings, f"127.0.0.1:{free_port()}", topic)

    answer = post(client, {"eventId": "evt_1", "eventType": "A", "topic": topic})

    assert answer.status_code == 503
    assert "does not answer" in answer.json()["detail"]
