"""The tutorial says only what is there."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

from examples.orders.cli import command_line
from examples.orders.control import FAULTS
from tests.servers import Valkey

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "tutorial.md").read_text(encoding="utf-8")


def test_every_command_to_the_shop_is_one_that_it_takes() -> None:
    lines = re.findall(r"(?:manage\.py demo|-m examples\.orders) (.+)$", TEXT, re.MULTILINE)

    assert len(lines) > 7
    for line in lines:
        command_line().parse_args(shlex.split(line))


def test_every_fault_is_explained() -> None:
    explained = re.findall(r"^\| `([a-z-]+)` \|", TEXT, re.MULTILINE)

    assert sorted(explained) == sorted(FAULTS)


def test_service_of_ones_own_runs_and_carries_the_correlation_on(
    valkey: Valkey, tmp_path: Path
) -> None:
    (source,) = re.findall(r"```python\n(.+?)```", TEXT, re.DOTALL)
    (tmp_path / "gifts.py").write_text(source, encoding="utf-8")
    with valkey.client() as client:
        client.xadd("orders-topic", {"event": ORDER})
        service = subprocess.Popen(
            [sys.executable, tmp_path / "gifts.py"],
            env={**os.environ, "REDIS_URL": valkey.url, "PYTHONPATH": str(ROOT)},
        )
        try:
            deadline = time.monotonic() + 60
            while client.xlen("orders-topic") < 2 and time.monotonic() < deadline:
                time.sleep(0.05)
        finally:
            service.send_signal(signal.SIGINT)
            assert service.wait(timeout=60) == 0
        _, (_, gift) = client.xrange("orders-topic")

    assert b'"eventType":"GIFT_ADDED"' in gift[b"event"]
    assert b'"correlationId":"corr_9","causationId":"evt_9"' in gift[b"event"]


ORDER = (
    '{"eventId":"evt_9","eventType":"ORDER_CREATED","timestamp":"2026-01-01T12:00:00Z",'
    '"payload":{"orderId":"ORD_9","totalAmount":301},"metadata":{"correlationId":"corr_9"}}'
)
