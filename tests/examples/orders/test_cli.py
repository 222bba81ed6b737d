"""The command line as a person uses it: real processes against the real broker."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import redis

from examples.orders.cli import main
from examples.orders.control import FAULTS
from tests.servers import Valkey, free_port

ROOT = Path(__file__).resolve().parents[3]
INSTANCE = """
import functools, sys
from examples.orders import cli
cli.Options = functools.partial(cli.Options, claim_after="1s")
sys.exit(cli.main(["--calm", "instance", "payment-service", "{number}"]))
"""


@pytest.fixture
def client(valkey: Valkey) -> Iterator[redis.Redis]:
    with valkey.client() as connected:
        yield connected


def test_fault_is_switched_on_and_off(
    valkey: Valkey, client: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--url", valkey.url, "fault", "on", "provider-down"]) == 0
    assert client.hget("demo:control", "fault:provider-down") == b"on"
    assert main(["--url", valkey.url, "fault", "off", "provider-down"]) == 0
    assert client.hget("demo:control", "fault:provider-down") == b"off"

    lines = capsys.readouterr().out.splitlines()
    switch = [line.split()[:2] for line in lines if line.startswith("provider-down")]
    assert switch == [["provider-down", "on"], ["provider-down", "off"]]


def test_faults_are_listed(valkey: Valkey, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", valkey.url, "fault", "list"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == list(FAULTS)
    assert {line.split()[1] for line in lines} == {"off"}


def test_all_faults_go_off_together(valkey: Valkey, client: redis.Redis) -> None:
    main(["--url", valkey.url, "fault", "on", "all"])
    main(["--url", valkey.url, "fault", "off", "all"])

    assert client.hgetall("demo:control") == {f"fault:{name}".encode(): b"off" for name in FAULTS}


def test_fault_without_a_name_asks_which(
    valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--url", valkey.url, "fault", "on"]) == 1
    assert capsys.readouterr().err.startswith("Which fault? One of dead-instance, ")


def test_unknown_fault_is_refused(valkey: Valkey, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["--url", valkey.url, "fault", "on", "meteor"])

    assert ended.value.code == 2
    assert "invalid choice: 'meteor'" in capsys.readouterr().err


@pytest.mark.parametrize("value", ["-1", "1000001", "nan", "fast"])
def test_rate_that_is_none_is_refused(valkey: Valkey, value: str) -> None:
    with pytest.raises(SystemExit):
        main(["--url", valkey.url, "rate", f"{value}"])


def test_rate_is_changed(
    valkey: Valkey, client: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--url", valkey.url, "rate", "250"]) == 0
    assert client.hget("demo:control", "rate") == b"250.0"
    assert capsys.readouterr().out == "The rate is 250 events a second, averaged over a day.\n"


def test_broker_that_is_away_costs_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--url", f"redis://:secret@127.0.0.1:{free_port()}/0", "fault", "list"]) == 1

    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("The shop at 127.0.0.1:")
    assert "secret" not in line


def test_unknown_order_and_customer_are_said(
    valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--url", valkey.url, "order", "ORD_NONE"]) == 1
    assert main(["--url", valkey.url, "customer", "CUST_0"]) == 1
    assert capsys.readouterr().err.splitlines() == [
        "Nothing is known of ORD_NONE; it may have expired.",
        "Nothing is known of CUST_0; it may have expired.",
    ]


def test_running_shop_is_looked_into_and_stops_cleanly(
    valkey: Valkey, client: redis.Redis, capsys: pytest.CaptureFixture[str]
) -> None:
    """One run, as it costs seconds: rate, look-ups, dead instance, taken over work, clean stop."""
    with _python(
        valkey, "-m", "examples.orders", "--rate", "60", "--steady", "--calm", "--seed", "7"
    ) as shop:
        _until(lambda: len(_events(client, "notifications-topic", "CustomerNotified")) >= 3)
        order = _events(client, "notifications-topic", "CustomerNotified")[0]["payload"]
        _assert_order_is_found(valkey, order, capsys)

        _until(lambda: _handled_last(client) == {"payment-service-1", "payment-service-2"})
        main(["--url", valkey.url, "fault", "on", "dead-instance"])
        _until(lambda: _handled_last(client) == {"payment-service-1"})
        main(["--url", valkey.url, "fault", "off", "dead-instance"])
        _until(lambda: "payment-service-2" in _handled_last(client))

        shop.send_signal(signal.SIGTERM)
        assert shop.wait(timeout=60) == 0
        assert shop.stdout is not None
        lines = shop.stdout.read().splitlines()

    assert "payment-service-2" in _instances(client, "ServiceStopped")
    assert lines[0] == "The shop is open: 60 events/s, Ctrl-C closes it"
    assert "payment-service 2 is dead" in lines
    assert lines[-1] == "The shop is closed"


def test_work_of_a_killed_instance_is_taken_over(valkey: Valkey, client: redis.Redis) -> None:
    """The first instance waits a minute for its provider, so that it surely dies with work in hand."""
    for number in range(20):
        client.xadd("orders-topic", {"event": _reserved(number)})
    main(["--url", valkey.url, "fault", "on", "provider-down"])
    patient = "import examples.orders.provider as provider; provider.TIMEOUT = 60"
    with _python(valkey, "-c", patient + INSTANCE.format(number=7)) as first:
        _until(lambda: _in_hand(client, "payment-service-7") == 20)
        first.kill()
    main(["--url", valkey.url, "fault", "off", "provider-down"])

    with _python(valkey, "-c", INSTANCE.format(number=8)) as second:
        _until(lambda: len(_paid(client)) == 20)
        _until(lambda: _in_hand(client, "payment-service-7") == 0)
        second.send_signal(signal.SIGINT)
        assert second.wait(timeout=60) == 0

    assert _paid(client) == {f"ORD_{number}" for number in range(20)}


def test_instance_of_an_unknown_service_is_refused(
    valkey: Valkey, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--url", valkey.url, "instance", "cheese-service", "1"]) == 1
    assert "cheese-service: no such service; one of order-service" in capsys.readouterr().err


@contextmanager
def _python(valkey: Valkey, *words: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        [sys.executable, *words],
        cwd=ROOT,
        env={**os.environ, "REDIS_URL": valkey.url},
        stdout=subprocess.PIPE,
        text=True,
    )
    with process:
        try:
            yield process
        finally:
            process.kill()


def _until(met: Callable[[], bool], *, seconds: float = 60.0) -> None:
    deadline = time.monotonic() + seconds
    while not met():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def _events(client: redis.Redis, topic: str, event_type: str) -> list[dict]:
    entries = [json.loads(fields[b"event"]) for _, fields in client.xrange(topic)]
    return [event for event in entries if event["eventType"] == event_type]


def _instances(client: redis.Redis, event_type: str) -> set[str]:
    return {event["payload"]["instance"] for event in _events(client, "system-events", event_type)}


def _handled_last(client: redis.Redis) -> set[str]:
    """The instances of payment-service that handled something within the last second and a half."""
    since = int((time.time() - 1.5) * 1000)
    found = set()
    for _, fields in client.xrange("system-events", min=since):
        event = json.loads(fields[b"event"])
        if event["eventType"] == "ProcessingReceipts":
            receipts = event["payload"]["receipts"]
            found |= {one["instance"] for one in receipts if one["consumer"] == "payment-service"}
    return found


def _in_hand(client: redis.Redis, member: str) -> int:
    """How many entries of orders-topic are pending under the name of ``member``."""
    groups = client.xinfo_groups("orders-topic")
    if not any(group["name"] == b"payment-service" for group in groups):
        return 0
    rows = client.xinfo_consumers("orders-topic", "payment-service")
    return sum(row["pending"] for row in rows if row["name"].decode() == member)


def _reserved(number: int) -> str:
    payload = {
        "orderId": f"ORD_{number}",
        "customerId": "CUST_1",
        "totalAmount": 9.5,
        "status": "reserved",
    }
    return json.dumps(
        {"eventId": f"evt_{number}", "eventType": "INVENTORY_UPDATED", "payload": payload}
    )


def _paid(client: redis.Redis) -> set[str]:
    if not client.exists("payments-topic"):
        return set()
    return {
        event["payload"]["orderId"]
        for event in _events(client, "payments-topic", "PAYMENT_PROCESSED")
    }


def _assert_order_is_found(valkey: Valkey, order: dict, capsys: pytest.CaptureFixture[str]) -> None:
    capsys.readouterr()
    assert main(["--url", valkey.url, "order", order["orderId"]]) == 0
    found = json.loads(capsys.readouterr().out)
    assert [event["eventType"] for event in found["history"]] == [
        "ORDER_CREATED",
        "INVENTORY_UPDATED",
        "PAYMENT_PROCESSED",
        "OrderShipped",
    ]
    assert found["rebuilt"] == found["details"]
    assert main(["--url", valkey.url, "customer", order["customerId"]]) == 0
    assert order["orderId"] in [one["orderId"] for one in json.loads(capsys.readouterr().out)]
