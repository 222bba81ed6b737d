"""What looks after a Kafka: its probe, readiness and the doctor."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from dashboard.doctor import Finding, examine
from dashboard.monitor.probes import probe_component
from dashboard.options import ComponentOptions
from ingest.options import BrokerOptions
from tests.kafka.servers import MockKafka
from tests.servers import free_port

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def at(settings: Settings, address: str) -> None:
    kafka = BrokerOptions(type="kafka", bootstrap_servers=(address,), topics=("watched-*",))
    settings.INGEST = msgspec.structs.replace(settings.INGEST, brokers={"main": kafka})


def look(check: str, timeout: float = 60) -> str:
    return probe_component(ComponentOptions(name="kafka", check=check), timeout=timeout).status


def ready() -> tuple[int, dict[str, Any]]:
    answer = Client().get("/readyz")
    return answer.status_code, answer.json()["checks"]["broker"]


def found() -> Finding:
    return next(finding for finding in examine() if finding.subject == "broker main")


def test_a_kafka_that_answers_is_healthy_and_in_order(
    mock_kafka: MockKafka, settings: Settings, topic: str
) -> None:
    mock_kafka.publish(f"watched-{topic}", b"1")
    at(settings, mock_kafka.address)

    assert look("broker:main") == "healthy"
    status, told = ready()
    assert (status, told.keys()) == (200, {"ok", "ms"})
    finding = found()
    assert finding.ok
    assert finding.detail == f"{mock_kafka.address}, 1 watched topics, 4 partitions"


def test_a_kafka_that_does_not_answer_is_unhealthy_and_wrong_with_its_mend(
    settings: Settings,
) -> None:
    at(settings, f"127.0.0.1:{free_port()}")

    assert look("broker:main", timeout=1) == "unhealthy"
    assert ready() == (503, {"ok": False, "error": "BrokerGone"})
    finding = found()
    assert not finding.ok
    assert "[brokers.main] bootstrap_servers" in finding.mend
