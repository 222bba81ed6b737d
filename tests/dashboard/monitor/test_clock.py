"""The clock: duties that fail hold up none, one leads, another takes over, it stops cleanly."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import structlog

from dashboard.fleet.models import Duty as DutyRow
from dashboard.monitor.clock import Duty, run_duty
from dashboard.monitor.duties import all_duties
from tests.dashboard.alerts.processes import migrate, start
from tests.servers import Valkey, free_port


@pytest.mark.parametrize(
    ("phase", "now", "began", "wait"),
    [
        (None, 100.0, 99.0, 1.0),
        (None, 100.0, 90.0, 0.0),
        (None, 100.0, float("-inf"), 0.0),
        (0.4, 100.0, 99.4, 0.4),
        (0.4, 100.5, 100.4, 0.9),
        (0.0, 100.0, 99.0, 2.0),
    ],
)
def test_next_time_of_a_duty(phase: float | None, now: float, began: float, wait: float) -> None:
    assert Duty("x", 2.0 if phase != 0.4 else 1.0, lambda: None, phase).wait(
        now, began
    ) == pytest.approx(wait)


@pytest.mark.django_db
def test_failure_is_noted_counted_and_forgotten_when_it_goes_well_again() -> None:
    fails = [True, True, False]

    def work() -> None:
        if fails.pop(0):
            raise ValueError("no luck")

    duty = Duty("work", 2.0, work)
    with structlog.testing.capture_logs() as logs:
        error = run_duty(duty, owner="me")
        again = run_duty(duty, owner="me", known_error=error)
        row = DutyRow.objects.get()
        assert (row.failing, row.failures, row.error) == (2, 2, "ValueError: no luck")
        well = run_duty(duty, owner="me", known_error=again)
    row.refresh_from_db()
    assert (error, again, well) == ("ValueError: no luck", "ValueError: no luck", "")
    assert (row.failing, row.failures, row.runs, row.error, row.owner) == (0, 2, 3, "", "me")
    assert [(log["action"], log["log_level"]) for log in logs] == [
        ("monitor.duty_failed", "error"),
        ("monitor.duty_failed", "warning"),
    ]


def test_every_duty_has_a_name_of_its_own() -> None:
    names = [duty.name for duty in all_duties(threading.Event().is_set)]
    assert len(names) == len(set(names))
    assert {"ticks", "alerts", "probes", "consumer-groups", "retention"} <= set(names)


Monitors = Callable[[str], "Monitor"]


@pytest.fixture
def monitors(tmp_path: Path) -> Iterator[Monitors]:
    """Starts monitors over one fresh database; those that still run are ended."""
    migrate(tmp_path)
    made: list[Monitor] = []

    def make(url: str) -> Monitor:
        made.append(Monitor(tmp_path, url))
        return made[-1]

    yield make
    for monitor in made:
        if monitor.process.poll() is None:
            monitor.end(signal.SIGKILL)


class Monitor:
    """``manage.py monitor`` in a process of its own."""

    def __init__(self, folder: Path, url: str) -> None:
        environment = {**os.environ, "REDIS_URL": url}
        self.log = folder / f"monitor-{free_port()}.log"
        with self.log.open("w") as out:
            self.process = subprocess.Popen(
                [sys.executable, "manage.py", "monitor"],
                cwd=Path(__file__).resolve().parents[3],
                env={**environment, "EVENTSCOPE_DATA": str(folder), "EVENTSCOPE_LOG": "json"},
                stdout=out,
                stderr=out,
            )

    def says(self, word: str, within: float = 60.0) -> float:
        begun = time.monotonic()
        while word not in self.log.read_text():
            assert self.process.poll() is None, self.log.read_text()
            assert time.monotonic() - begun < within, self.log.read_text()
            time.sleep(0.05)
        return time.monotonic() - begun

    def end(self, number: int) -> float:
        begun = time.monotonic()
        self.process.send_signal(number)
        self.process.wait(timeout=60)
        return time.monotonic() - begun


@pytest.mark.kill
def test_stand_by_takes_over_from_the_killed_and_at_once_from_the_stopped(
    monitors: Monitors, valkey: Valkey
) -> None:
    first = monitors(valkey.url)
    first.says("monitor.leads")
    second = monitors(valkey.url)
    second.says("monitor.stands_by")

    first.end(signal.SIGKILL)
    second.says("monitor.leads")

    third = monitors(valkey.url)
    third.says("monitor.stands_by")
    second.end(signal.SIGTERM)
    assert second.process.returncode == 0
    third.says("monitor.leads")
    third.end(signal.SIGTERM)
    assert "Traceback" not in second.log.read_text() + third.log.read_text()


@pytest.mark.kill
def test_monitor_does_its_duties_even_while_the_broker_is_gone(
    tmp_path: Path, monitors: Monitors
) -> None:
    monitor = monitors(f"redis://127.0.0.1:{free_port()}/0")
    monitor.says("monitor.leads")
    deadline = time.monotonic() + 90
    while time.monotonic() < deadline:
        said = start(tmp_path, "-c", READ).communicate(timeout=90)[0].split()
        if said[:2] == ["True", "unhealthy"]:
            break
    monitor.end(signal.SIGTERM)
    assert said[:2] == ["True", "unhealthy"], monitor.log.read_text()


READ = """
import os, django
os.environ["DJANGO_SETTINGS_MODULE"] = "config.settings"
django.setup()
from dashboard.alerts.models import EvaluationRound
from ingest.models import HealthComponent
row = HealthComponent.objects.filter(component="message-broker").first()
last = row and row.healthresult_set.last()
print(EvaluationRound.objects.exists(), last and last.status)
"""
