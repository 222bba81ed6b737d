from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management.base import CommandError
from pytest_django.fixtures import Settings

from dashboard.management.commands.demo import demo_environment
from ingest.options import BrokerOptions, IngestOptions
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


def test_without_a_redis_broker_the_demo_says_what_to_do(settings: Settings) -> None:
    settings.INGEST = IngestOptions(brokers={"main": BrokerOptions(type="kafka")})

    with pytest.raises(CommandError, match="publishes to a Redis broker named main"):
        demo_environment({})
