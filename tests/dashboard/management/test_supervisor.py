from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from dashboard.supervisor import Service, Supervisor, describe_exit, next_delay


def python(code: str) -> list[str]:
    return [sys.executable, "-c", code]


def supervisor(services: list[Service], lines: list[str]) -> Supervisor:
    return Supervisor(services, write=lines.append, root=Path.cwd())


async def until(condition: object, seconds: float = 60.0) -> None:
    deadline = asyncio.get_running_loop().time() + seconds
    while not condition():  # type: ignore[operator]
        assert asyncio.get_running_loop().time() < deadline, "it did not come to pass"
        await asyncio.sleep(0.02)


SLEEP = python("import time; print('up', flush=True); time.sleep(60)")


@pytest.mark.parametrize(
    ("previous", "lived", "delay"),
    [(0, 0.1, 0.5), (0.5, 0.1, 1.0), (16, 1, 30), (30, 1, 30), (30, 3600, 0.5)],
)
def test_delay_doubles_and_starts_again_after_a_steady_run(
    previous: float, lived: float, delay: float
) -> None:
    assert next_delay(previous, lived=lived) == delay


async def test_what_dies_is_started_again_and_its_end_is_said() -> None:
    lines: list[str] = []
    runs = supervisor([Service("worker", SLEEP)], lines)
    await runs.start(runs.services[0])
    await until(lambda: any("up" in line for line in lines))
    os.kill(runs.pid("worker"), signal.SIGKILL)
    await until(lambda: sum("│ up" in line for line in lines) == 2)
    await runs.stop()
    assert [line for line in lines if "ended" in line] == [
        "worker │ ended with signal SIGKILL; again in 0.5 s"
    ]


NICE = python(
    "import os, re, pathlib; own = pathlib.Path('/proc/self/autogroup');"
    "shared = own.read_text() if own.exists() else 'nice 0';"
    "print('own', os.nice(0), 'session', re.findall(r'nice (-?[0-9]+)', shared)[0], flush=True);"
    "import time; time.sleep(60)"
)


async def test_a_service_that_gives_way_does_so_as_a_process_and_as_a_session() -> None:
    lines: list[str] = []
    runs = supervisor([Service("yielding", NICE, niceness=7), Service("other", NICE)], lines)
    for service in runs.services:
        await runs.start(service)
    await until(lambda: len([line for line in lines if "own" in line]) == 2)
    await runs.stop()

    base = os.nice(0)
    told = {line.split(" │ ")[0].strip(): line.split(" │ ")[1] for line in lines if "own" in line}
    by_session = os.path.exists("/proc/self/autogroup")
    assert told["yielding"] == f"own {base + 7} session {7 if by_session else 0}"
    assert told["other"].startswith(f"own {base} ")


async def test_services_stop_stage_by_stage_the_highest_first() -> None:
    told = "import signal,sys,time\nsignal.signal(15, lambda *_: (print('bye', flush=True), sys.exit(0)))\nprint('up', flush=True)\ntime.sleep(60)"
    lines: list[str] = []
    services = [
        Service(name, python(told), stage=stage, grace=60) for stage, name in enumerate("abc")
    ]
    runs = supervisor(services, lines)
    for service in runs.services:
        await runs.start(service)
    await until(lambda: sum("up" in line for line in lines) == 3)
    await runs.stop()
    assert [line for line in lines if "bye" in line] == ["c │ bye", "b │ bye", "a │ bye"]


async def test_what_ignores_the_end_is_killed_after_its_grace_and_that_is_said() -> None:
    stubborn = "import signal,time\nsignal.signal(15, signal.SIG_IGN)\nprint('up', flush=True)\ntime.sleep(60)"
    lines: list[str] = []
    runs = supervisor([Service("deaf", python(stubborn), grace=0.3)], lines)
    await runs.start(runs.services[0])
    await until(lambda: bool(lines))
    await runs.stop()
    assert lines[-1] == "deaf │ did not stop within 0.3 s; killed"


async def test_bytes_that_are_no_text_and_endless_lines_do_not_stop_the_log() -> None:
    rude = "import sys\nsys.stdout.buffer.write(b'\\xff\\xfe\\n' + b'x' * 3_000_000 + b'\\nafter\\n')\nsys.stdout.flush()\nimport time; time.sleep(60)"
    lines: list[str] = []
    runs = supervisor([Service("rude", python(rude))], lines)
    await runs.start(runs.services[0])
    await until(lambda: "rude │ after" in lines)
    await runs.stop()
    assert lines[0] == "rude │ \ufffd\ufffd"


def test_ends_are_described_in_words() -> None:
    assert describe_exit(-9) == "signal SIGKILL"
    assert describe_exit(3) == "exit code 3"
