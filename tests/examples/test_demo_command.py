from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from dashboard.management.commands.demo import (
    STORE_FOLDER,
    demo_environment,
    demo_needs_a_store,
)
from dashboard.places import remember_broker
from eventscope.transports.kafka import settings_of
from ingest.options import BrokerOptions, IngestOptions, SecurityOptions
from tests.servers import Valkey

ROOT = Path(__file__).resolve().parents[2]


def test_words_are_passed_on_to_the_shop_at_the_configured_broker(
    valkey: Valkey, tmp_path: Path
) -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "manage.py", "demo", "fault", "on", "slow-consumer"],
        env={**os.environ, "REDIS_URL": valkey.url, "EVENTSCOPE_DATA": str(tmp_path)},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=120,
    )

    with valkey.client() as client:
        assert client.hgetall("demo:control") == {b"fault:slow-consumer": b"on"}
    assert answer.returncode == 0
    assert answer.stdout.startswith("slow-consumer    on ")


def test_options_of_the_shop_are_the_shops(tmp_path: Path) -> None:
    answer = subprocess.run(
        [sys.executable, ROOT / "manage.py", "demo", "--rate", "plenty"],
        env={**os.environ, "EVENTSCOPE_DATA": str(tmp_path)},
        capture_output=True,
        text=True,
        timeout=120,
    )

    assert answer.returncode == 2
    assert "argument --rate: invalid" in answer.stderr


def test_brokers_place_travels_in_the_environment(settings: Settings) -> None:
    settings.INGEST = IngestOptions(brokers={"main": BrokerOptions(url="redis://:pw@there:1/2")})

    assert demo_environment({"HOME": "/x"}) == {"HOME": "/x", "REDIS_URL": "redis://:pw@there:1/2"}


KAFKA = BrokerOptions(
    type="kafka",
    bootstrap_servers=("one:9092", "two:9092"),
    security=SecurityOptions(
        protocol="sasl_ssl", mechanism="SCRAM-SHA-512", username="shop", password="p@ss/word"
    ),
)


def test_kafka_is_told_to_the_kit_with_all_that_it_wants(settings: Settings) -> None:
    settings.INGEST = IngestOptions(brokers={"kafka": KAFKA})

    places = demo_environment({"REDIS_URL": "redis://there:1/2"})

    assert places["REDIS_URL"] == "redis://there:1/2"
    assert settings_of(places["SHOP_BROKER"]) == {
        "bootstrap.servers": "one:9092,two:9092",
        "security.protocol": "sasl_ssl",
        "sasl.mechanisms": "SCRAM-SHA-512",
        "sasl.username": "shop",
        "sasl.password": "p@ss/word",
    }


def test_beside_a_kafka_the_shop_wants_a_redis_of_its_own(
    settings: Settings, tmp_path: Path
) -> None:
    settings.INGEST = IngestOptions(brokers={"main": KAFKA})
    settings.DATA_DIR = tmp_path

    with pytest.raises(CommandError, match="keeps its stock and orders in a Redis"):
        demo_environment({})
    assert demo_needs_a_store({})
    assert not demo_needs_a_store({"REDIS_URL": "redis://there:1/2"})
    (tmp_path / STORE_FOLDER).mkdir()
    remember_broker(tmp_path / STORE_FOLDER, 4711)
    assert demo_environment({})["REDIS_URL"] == "redis://127.0.0.1:4711/0"
