"""``manage.py ingest`` as an operator starts and stops it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import Valkey, free_port

ROOT = Path(__file__).resolve().parents[3]


def environment(folder: Path, url: str) -> dict[str, str]:
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in ("EVENTSCOPE_CONFIG", "DATABASE_URL")
    }
    return kept | {"EVENTSCOPE_DATA": str(folder), "REDIS_URL": url, "EVENTSCOPE_LOG": "json"}


def manage(*words: str) -> list[str]:
    return [sys.executable, "manage.py", *words]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_worker_prints_a_line_and_stops_cleanly(
    tmp_path: Path, valkey: Valkey, number: signal.Signals
) -> None:
    env = environment(tmp_path, valkey.url)
    subprocess.run(
        manage("migrate", "--database", "events", "-v", "0"), cwd=ROOT, env=env, check=True
    )
    with valkey.client() as client:
        for number_ in range(25):
            client.xadd("orders-topic", {"event": f'{{"eventType":"A","eventId":"{number_}"}}'})
    with subprocess.Popen(
        manage("ingest"),
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as worker:
        assert worker.stdout is not None
        stored = "lag 0 · newest "
        first = next(line for line in worker.stdout if "1 streams" in line and stored in line)
        worker.send_signal(number)
        _, errors = worker.communicate(timeout=60)

    assert "events/s" in first
    assert worker.returncode == 0
    assert '"ingest.started"' in errors
    assert '"ingest.stopped"' in errors
    assert "Traceback" not in errors


def test_kafka_that_is_not_there_is_told_and_waited_for(tmp_path: Path, valkey: Valkey) -> None:
    config = tmp_path / "eventscope.toml"
    config.write_text(
        f'[brokers.main]\ntype = "kafka"\nbootstrap_servers = ["127.0.0.1:{free_port()}"]\n'
    )
    env = environment(tmp_path, valkey.url) | {"EVENTSCOPE_CONFIG": str(config)}
    env.pop("REDIS_URL")
    subprocess.run(
        manage("migrate", "--database", "events", "-v", "0"), cwd=ROOT, env=env, check=True
    )

    with subprocess.Popen(
        manage("ingest"), cwd=ROOT, env=env, stderr=subprocess.PIPE, text=True
    ) as worker:
        assert worker.stderr is not None
        told = next(line for line in worker.stderr if '"ingest.discovery_waiting"' in line)
        worker.send_signal(signal.SIGTERM)
        _, errors = worker.communicate(timeout=60)

    assert worker.returncode == 0
    assert "broker does not answer yet" in told
    assert "Traceback" not in told + errors
