"""Accounts and certificates on Apache Kafka: right ones read and publish, for wrong ones it is told why."""

from __future__ import annotations

import asyncio
import os
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import quote, urlencode

import pytest
from pytest_django.fixtures import Settings

from dashboard.api.drafts import Draft
from dashboard.api.kafka_publishing import produce_drafts
from dashboard.monitor.probes import probe_component
from dashboard.options import ComponentOptions
from dashboard.recovery.kafka_sending import KafkaSender
from dashboard.recovery.sending import BrokerAway, Put
from eventscope import BrokerUnavailable, Event, EventBus, RetryPolicy
from ingest.options import BrokerOptions, IngestOptions, SecurityOptions
from ingest.records import Position
from ingest.sources.base import BrokerError, Checkpoint, Place
from ingest.sources.kafka import Kafka
from tests.eventscope.conftest import eventually
from tests.kafka.certificates import Authority
from tests.kafka.secure import PASSWORD, SecureKafka
from tests.kafka.servers import why_no_apache
from tests.kafka.test_source import has, read_until

ROOT = Path(__file__).resolve().parents[2]
WRONG = "wr0ng-of-ann"
CREDENTIALS = "invalid credentials with SASL mechanism SCRAM-SHA-512"
ACCOUNT = {"mechanism": "SCRAM-SHA-512", "username": "ann", "password": PASSWORD}


@pytest.fixture(scope="module")
def secure_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SecureKafka]:
    if why_no_apache():
        pytest.skip(why_no_apache())
    server = SecureKafka(tmp_path_factory.mktemp("secure-kafka")).start()
    server.authority.issue("client")
    server.authority.issue("sealed", password="of-the-key")
    Authority(server.folder, "other").issue("stranger")
    yield server
    server.stop()


def options(server: SecureKafka, listener: str, topic: str, **security: str) -> BrokerOptions:
    """``…_file`` are names within the folder of the server."""
    told = {
        name: str(server.folder / value) if name.endswith("_file") else value
        for name, value in security.items()
    }
    address = server.at(listener) if listener else server.address
    return BrokerOptions(
        type="kafka",
        bootstrap_servers=(address,),
        topics=(topic,),
        security=SecurityOptions(**{"protocol": listener or "plaintext", **told}),  # type: ignore[arg-type]
    )


RIGHT = {
    "PLAIN": ("sasl_plaintext", {**ACCOUNT, "mechanism": "PLAIN"}),
    "SCRAM-SHA-256": ("sasl_plaintext", {**ACCOUNT, "mechanism": "SCRAM-SHA-256"}),
    "SCRAM-SHA-512": ("sasl_plaintext", ACCOUNT),
    "both": ("sasl_ssl", {**ACCOUNT, "ca_file": "ca.pem"}),
    "certificate": (
        "ssl",
        {"ca_file": "ca.pem", "certificate_file": "client.crt", "key_file": "client.key"},
    ),
    "sealed key": (
        "ssl",
        {
            "ca_file": "ca.pem",
            "certificate_file": "sealed.crt",
            "key_file": "sealed.key",
            "key_password": "of-the-key",
        },
    ),
}


@pytest.mark.parametrize("way", RIGHT)
def test_ingest_reads_and_people_put_back(secure_kafka: SecureKafka, topic: str, way: str) -> None:
    listener, security = RIGHT[way]
    secure_kafka.create(topic)
    broker = options(secure_kafka, listener, topic, **security)
    sender, source, place = KafkaSender(broker), Kafka(broker, timeout=10), Place(topic, 0)

    [sent] = sender.send([Put(f"{topic}-1", topic, b"redriven", ())])
    [told] = produce_drafts(broker, [draft(topic)], timeout=60)
    found = [one.place for one in source.discover()]
    source.assign({place: Checkpoint(Position(0, 0))})
    seen = read_until(source, place, has(2))

    source.close()
    sender.close()
    assert (sent.position, str(told).partition(":")[0], found) == ("0:0", "0", [place])
    assert seen.bodies == [b"redriven", b"published"]


def draft(topic: str) -> Draft:
    return Draft("evt_1", "A", topic, "main", b"published")


WRONG_WAYS = {
    "password, PLAIN": (
        "sasl_plaintext",
        {**ACCOUNT, "mechanism": "PLAIN", "password": WRONG},
        "_AUTHENTICATION: .*Invalid username or password",
    ),
    "password, SCRAM": (
        "sasl_plaintext",
        {**ACCOUNT, "password": WRONG},
        "_AUTHENTICATION: .*invalid credentials",
    ),
    "unknown authority": (
        "sasl_ssl",
        {**ACCOUNT, "ca_file": "other.pem"},
        "_SSL: .*certificate verify failed: broker certificate could not be verified",
    ),
    "plain text to TLS": ("ssl", {"protocol": "plaintext"}, "another security.protocol than plain"),
    "plain text to SASL": (
        "sasl_plaintext",
        {"protocol": "plaintext"},
        "another security.protocol than plain",
    ),
    "an account in plain text to TLS": (
        "sasl_ssl",
        {**ACCOUNT, "protocol": "sasl_plaintext"},
        "another security.protocol than sasl_plain",
    ),
    "TLS to plain text": (
        "",
        {"protocol": "ssl", "ca_file": "ca.pem"},
        "SSL handshake failed: .*connecting to a PLAINTEXT broker",
    ),
    "no certificate": ("ssl", {"ca_file": "ca.pem"}, "alert bad certificate"),
    "certificate of another": (
        "ssl",
        {"ca_file": "ca.pem", "certificate_file": "stranger.crt", "key_file": "stranger.key"},
        "alert bad certificate",
    ),
    "password of the key": (
        "ssl",
        {
            "ca_file": "ca.pem",
            "certificate_file": "sealed.crt",
            "key_file": "sealed.key",
            "key_password": WRONG,
        },
        "ssl.key.location failed",
    ),
    "file that is not there": (
        "ssl",
        {"ca_file": "nowhere.pem"},
        "ssl.ca.location failed",
    ),
}


def refusal(ask: Callable[[], object], kind: type[Exception], cause: str) -> str:
    """What is told at last: a slow machine may not have heard the cause at the first try."""
    until = time.monotonic() + 90
    while True:
        with pytest.raises(kind) as refused:
            ask()
        if re.search(cause, str(refused.value)) or time.monotonic() > until:
            return str(refused.value)


@pytest.mark.parametrize("way", WRONG_WAYS)
def test_the_cause_is_told_without_secrets(secure_kafka: SecureKafka, topic: str, way: str) -> None:
    listener, security, cause = WRONG_WAYS[way]
    source = Kafka(options(secure_kafka, listener, topic, **security), timeout=2)

    told = refusal(source.discover, BrokerError, cause)

    source.close()
    assert re.search(cause, told), told
    assert not any(secret in told for secret in (PASSWORD, WRONG))


def test_a_redrive_with_a_wrong_password_says_so(secure_kafka: SecureKafka, topic: str) -> None:
    broker = options(secure_kafka, "sasl_plaintext", topic, **{**ACCOUNT, "password": WRONG})
    sender = KafkaSender(broker)
    sender._admin._timeout = 2.0

    told = refusal(
        lambda: sender.send([Put("1", topic, b"1", ())]), BrokerAway, "invalid credentials"
    )

    assert "_AUTHENTICATION" in told
    assert WRONG not in told


# -- the kit


def kit_url(server: SecureKafka, listener: str, password: str, **settings: str) -> str:
    told = {"security.protocol": listener.upper(), "message.timeout.ms": "3000", **settings}
    return f"kafka://ann:{quote(password)}@{server.at(listener)}?{urlencode(told)}"


@pytest.mark.parametrize(
    ("listener", "mechanism"),
    [("sasl_plaintext", ""), ("sasl_plaintext", "SCRAM-SHA-256"), ("sasl_ssl", "SCRAM-SHA-512")],
)
async def test_the_kit_publishes_subscribes_and_retries(
    secure_kafka: SecureKafka, topic: str, listener: str, mechanism: str
) -> None:
    secure_kafka.create(topic)
    settings = {"ssl.ca.location": str(secure_kafka.authority.file)}
    if mechanism:
        settings["sasl.mechanisms"] = mechanism
    url = kit_url(secure_kafka, listener, PASSWORD, **settings)
    bus = EventBus(
        url,
        source=f"shop-{topic}",
        default_topic=topic,
        receipts=False,
        publish_timeout="120s",
        retry=RetryPolicy(retry_delay="10ms"),
    )
    attempts: list[int] = []

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        attempts.append(event.attempt)
        if event.attempt == 1:
            raise ConnectionError("try again")

    await bus.start()
    event = await bus.publish("ORDER_CREATED", {"n": 1})
    await eventually(lambda: len(attempts) == 2)

    await bus.stop("1s")
    assert event.position == "0:0"
    assert attempts == [1, 2]


@pytest.mark.parametrize(
    ("listener", "password", "cause"),
    [
        ("sasl_plaintext", WRONG, "_AUTHENTICATION: .*Invalid username or password"),
        ("sasl_ssl", PASSWORD, "_SSL: .*certificate verify failed"),
    ],
    ids=["wrong password", "unknown authority"],
)
def test_the_kit_tells_why_without_secrets(
    secure_kafka: SecureKafka, topic: str, listener: str, password: str, cause: str
) -> None:
    secure_kafka.create(topic)
    url = kit_url(secure_kafka, listener, password)

    told = refusal(lambda: asyncio.run(_publish(url, topic)), BrokerUnavailable, cause)

    assert re.search(cause, told), told
    assert not any(secret in told for secret in (PASSWORD, WRONG))


async def _publish(url: str, topic: str) -> None:
    bus = EventBus(url, source="shop", default_topic=topic, receipts=False, publish_timeout="4s")
    try:
        await bus.publish("ORDER_CREATED", {})
    finally:
        await bus.stop("1s")


async def test_plain_text_to_tls_is_told_by_the_kit(secure_kafka: SecureKafka, topic: str) -> None:
    url = f"kafka://{secure_kafka.at('ssl')}?message.timeout.ms=3000"
    cause = "another security.protocol than plaintext"

    told = await asyncio.to_thread(
        refusal, lambda: asyncio.run(_publish(url, topic)), BrokerUnavailable, cause
    )

    assert cause in told


# -- by the configuration


def test_the_health_of_the_broker_tells_the_cause(
    secure_kafka: SecureKafka, topic: str, settings: Settings
) -> None:
    broker = options(secure_kafka, "sasl_ssl", topic, **{**ACCOUNT, "ca_file": "other.pem"})
    settings.INGEST = IngestOptions(brokers={"main": broker})
    component = ComponentOptions(name="kafka", check="broker:main")

    verdict = probe_component(component, timeout=3)
    until = time.monotonic() + 90
    while "certificate verify failed" not in verdict.output and time.monotonic() < until:
        verdict = probe_component(component, timeout=3)

    assert verdict.status == "unhealthy"
    assert "certificate verify failed" in verdict.output
    assert PASSWORD not in verdict.output


def test_doctor_tells_the_cause_and_takes_the_password_from_the_environment(
    secure_kafka: SecureKafka, topic: str, tmp_path: Path
) -> None:
    secure_kafka.create(topic)
    configure(tmp_path, secure_kafka, topic)

    right = doctor(tmp_path, PASSWORD)
    wrong = doctor(tmp_path, WRONG)
    until = time.monotonic() + 90
    while "_AUTHENTICATION" not in wrong and time.monotonic() < until:
        wrong = doctor(tmp_path, WRONG)

    assert "1 watched topics, 1 partitions" in right
    assert "_AUTHENTICATION" in wrong
    assert CREDENTIALS in wrong
    assert not any(secret in right + wrong for secret in (PASSWORD, WRONG))


def test_the_log_of_ingest_tells_the_cause(
    secure_kafka: SecureKafka, topic: str, tmp_path: Path
) -> None:
    configure(tmp_path, secure_kafka, topic)
    for database in ("default", "events"):
        manage(tmp_path, WRONG, "migrate", "--database", database)

    with (tmp_path / "log").open("wb") as log:
        worker = subprocess.Popen(
            [sys.executable, str(ROOT / "manage.py"), "ingest"],
            env=environment(tmp_path, WRONG),
            stdout=log,
            stderr=subprocess.STDOUT,
        )
        until = time.monotonic() + 120
        while CREDENTIALS not in (told := (tmp_path / "log").read_text()):
            if worker.poll() is not None or time.monotonic() > until:
                break
            time.sleep(0.2)
        worker.kill()
        worker.wait(timeout=60)

    assert "broker does not answer yet" in told
    assert CREDENTIALS in told
    assert WRONG not in told


def configure(folder: Path, server: SecureKafka, topic: str) -> None:
    (folder / "eventscope.toml").write_text(
        f"""
        [brokers.main]
        type = "kafka"
        bootstrap_servers = ["{server.at("sasl_ssl")}"]
        topics = ["{topic}"]
        [brokers.main.security]
        protocol = "sasl_ssl"
        mechanism = "SCRAM-SHA-512"
        username = "ann"
        ca_file = "{server.authority.file}"
        """,
        encoding="utf-8",
    )


def environment(folder: Path, password: str) -> dict[str, str]:
    return {
        **os.environ,
        "EVENTSCOPE_CONFIG": str(folder / "eventscope.toml"),
        "EVENTSCOPE_DATA": str(folder / "data"),
        "EVENTSCOPE_BROKER_MAIN_PASSWORD": password,
    }


def manage(folder: Path, password: str, *words: str) -> str:
    answer = subprocess.run(
        [sys.executable, str(ROOT / "manage.py"), *words],
        env=environment(folder, password),
        capture_output=True,
        text=True,
        timeout=240,
    )
    return answer.stdout + answer.stderr


def doctor(folder: Path, password: str) -> str:
    return manage(folder, password, "doctor")
