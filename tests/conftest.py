"""Fixtures that every room of the suite may use."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as django_settings
from hypothesis import HealthCheck, settings
from xdist.scheduler import LoadGroupScheduling

from tests.clickhouse import ClickHouse, missing_clickhouse
from tests.kafka.servers import ApacheKafka, why_no_apache
from tests.servers import Valkey

GROUPS = ("browser", "system", "kafka")

# How busy the machine is at the moment is not what an example proves or refutes.
settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")


class Scheduling(LoadGroupScheduling):
    """The tests of a folder in GROUPS go to one worker, since they share a house or strain the
    machine; others go one by one.

    By path, since pytest 9.2 takes no notice of pytest-xdist's groups:
    https://github.com/pytest-dev/pytest-xdist/issues/1386
    """

    def _split_scope(self, nodeid: str) -> str:
        if "[kafka" in nodeid:
            return "kafka"
        folders = nodeid.partition("::")[0].split("/")
        return next((group for group in GROUPS if group in folders), nodeid)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling | None:
    return Scheduling(config, log) if config.getvalue("dist") == "loadgroup" else None


def pytest_configure() -> None:
    """A password is hashed for nearly every page that is tested; as slowly as in production, that
    would be most of the work of the suite."""
    django_settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One broker for the whole session (of one worker); tests that kill it start their own."""
    server = Valkey(tmp_path_factory.mktemp("valkey")).start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def apache_kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    if why_no_apache():
        pytest.skip(why_no_apache())
    server = ApacheKafka(tmp_path_factory.mktemp("kafka")).start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """The session's broker, emptied."""
    client = valkey_server.client()
    client.flushall()
    client.close()
    return valkey_server


@pytest.fixture(scope="session")
def clickhouse_server() -> Iterator[ClickHouse]:
    reason = missing_clickhouse()
    if reason:
        pytest.skip(f"ClickHouse: {reason}")
    server = ClickHouse().start()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _chosen_store(request: pytest.FixtureRequest) -> None:
    """EVENTSCOPE_TEST_STORE=clickhouse: tests that need not a certain store see events in ClickHouse."""
    if os.environ.get("EVENTSCOPE_TEST_STORE") == "clickhouse" and "db" in request.fixturenames:
        request.getfixturevalue("events_in_clickhouse")


@pytest.fixture
def events_in_clickhouse(clickhouse_server: ClickHouse, settings: Any) -> None:
    """An empty ClickHouse holds the events of this test; all else is in its database."""
    settings.INGEST = clickhouse_server.emptied(settings.INGEST)


@pytest.fixture(params=["database", pytest.param("clickhouse", marks=pytest.mark.clickhouse)])
def every_store(request: pytest.FixtureRequest) -> None:
    """The test sees its events in one store after the other."""
    if request.param == "clickhouse":
        request.getfixturevalue("events_in_clickhouse")


@pytest.fixture(autouse=True)
def _forget_names() -> None:
    """Each test has a database of its own, in which an id may stand for another name."""
    from ingest.folds.catalog import sampler
    from ingest.queries.events import forget_names

    forget_names()
    sampler.forget()
