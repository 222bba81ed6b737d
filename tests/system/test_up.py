"""The main job, as a newcomer meets it: one command, a link, live events, an id finds its story."""

from __future__ import annotations

import json
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import free_port
from tests.system.running import System

pytestmark = [pytest.mark.timeout(180)]


@pytest.fixture(scope="module")
def system(tmp_path_factory: pytest.TempPathFactory) -> Iterator[System]:
    running = System(tmp_path_factory.mktemp("system"), "--demo").start()
    yield running
    running.stop()


@pytest.fixture(scope="module")
def token(system: System) -> str:
    system.wait_for_link()
    return system.manage("token", "create", "test", "--role", "operator").splitlines()[-1]


def test_the_printed_link_signs_in_and_shows_the_overview(system: System) -> None:
    assert "<h1>Overview</h1>" in system.sign_in()


def test_events_of_the_demo_arrive_and_are_counted(system: System, token: str) -> None:
    def processed() -> bool:
        rows = system.get_json("/api/v1/events?limit=100", token)["results"]
        return len({row["eventType"] for row in rows}) >= 4

    system.until(processed)


def test_any_id_of_an_event_finds_its_whole_story(system: System, token: str) -> None:
    def told() -> set[str]:
        """Of the newest order that came so far; a topic that is read later may lack a moment."""
        rows = system.get_json("/api/v1/events?type=CustomerNotified&limit=1", token)["results"]
        if not rows:
            return set()
        correlation = rows[0]["metadata"]["correlationId"]
        story = system.get_json(f"/api/v1/correlations/{correlation}", token)
        return {event["eventType"] for event in story["events"]}

    system.until(lambda: told() >= {"ORDER_CREATED", "CustomerNotified"})


def test_doctor_finds_nothing_wrong_beside_it(system: System, token: str) -> None:
    assert "wrong" not in system.manage("doctor")


def test_export_writes_events_as_ndjson(system: System, token: str) -> None:
    system.until(lambda: bool(system.get_json("/api/v1/events?limit=1", token)["results"]))
    lines = system.manage("export", "--type", "ORDER_CREATED", "--limit", "3").splitlines()
    assert {json.loads(line)["eventType"] for line in lines} == {"ORDER_CREATED"}
    assert len(lines) == 3


def test_a_killed_ingest_is_started_again_and_goes_on(system: System, token: str) -> None:
    worker = system.child("manage.py ingest")
    os.kill(worker, signal.SIGKILL)
    system.until(lambda: any("ingest" in line and "SIGKILL" in line for line in system.lines))
    newest = system.get_json("/api/v1/events?limit=1", token)["results"][0]["eventId"]
    system.until(
        lambda: system.get_json("/api/v1/events?limit=1", token)["results"][0]["eventId"] != newest
    )


def test_it_stops_cleanly_and_starts_again_with_its_data(tmp_path: Path) -> None:
    first = System(tmp_path).start()
    first.wait_for_link()
    assert first.stop() < 60
    assert first.process.returncode == 0
    assert first.lines[-1] == "Stopped."
    again = System(tmp_path).start()
    again.wait_for_link()
    again.stop(signal.SIGTERM)
    assert not [line for line in again.lines if "Traceback" in line]


def test_a_port_in_use_is_one_clear_line_and_exit_1(tmp_path: Path, system: System) -> None:
    system.wait_for_link()
    refused = System(tmp_path, PORT=str(system.port)).start()
    refused.process.wait(timeout=120)
    refused.stop()
    assert refused.process.returncode == 1
    [line] = [line for line in refused.lines if line]
    assert f"Port {system.port} on 127.0.0.1 is not free" in line


def test_a_wrong_configuration_is_one_clear_line_and_exit_1(tmp_path: Path) -> None:
    file = tmp_path / "eventscope.toml"
    file.write_text("[health]\ninterval = 'soon'\n", encoding="utf-8")
    refused = System(tmp_path, EVENTSCOPE_CONFIG=str(file)).start()
    refused.process.wait(timeout=120)
    refused.stop()
    assert refused.process.returncode == 1
    [line] = [line for line in refused.lines if line]
    assert "health.interval: Expected a duration" in line


def test_a_configured_broker_is_used_and_none_is_started(tmp_path: Path) -> None:
    running = System(tmp_path, REDIS_URL=f"redis://127.0.0.1:{free_port()}/0").start()
    running.wait_for_link()
    time.sleep(0.5)
    assert not [line for line in running.lines if line.startswith("broker")]
    assert running.stop() < 60
