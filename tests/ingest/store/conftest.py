"""The databases and stores that every store test runs on: a real SQLite file, a real PostgreSQL, ClickHouse's engine."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from django.core.management import call_command
from django.db import connections

from config import settings as config
from tests.clickhouse import ClickHouse
from tests.postgres import Postgres, missing_postgres

EVENTS = "events"
SCHEMA = "eventscope_events"


@contextmanager
def using_database(options: dict[str, Any]) -> Iterator[None]:
    """``events`` is the database that ``options`` tell, in this thread and all begun meanwhile."""
    databases = connections.settings
    before, connection = databases[EVENTS], connections[EVENTS]
    databases[EVENTS] = connections.configure_settings({"default": {}, EVENTS: options})[EVENTS]
    del connections[EVENTS]
    try:
        yield
    finally:
        connections[EVENTS].close()
        databases[EVENTS] = before
        connections[EVENTS] = connection


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory, django_db_blocker: Any) -> Path:
    """A migrated, empty file to copy."""
    path = tmp_path_factory.mktemp("template") / "events.sqlite3"
    options = {**config._sqlite("events.sqlite3"), "NAME": path}
    with django_db_blocker.unblock(), using_database(options):
        call_command("migrate", database=EVENTS, verbosity=0, skip_checks=True)
    return path


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[Postgres]:
    reason = missing_postgres()
    if reason:
        pytest.skip(f"PostgreSQL: {reason}")
    server = Postgres().start()
    yield server
    server.stop()


@pytest.fixture(scope="session")
def postgres_options(postgres_server: Postgres, django_db_blocker: Any) -> dict[str, Any]:
    postgres_server.execute(f"CREATE SCHEMA {SCHEMA}")
    options = config._server(postgres_server.url, SCHEMA, packed=True)
    with django_db_blocker.unblock(), using_database(options):
        call_command("migrate", database=EVENTS, verbosity=0, skip_checks=True)
    return options


@pytest.fixture
def sqlite_database(sqlite_template: Path, tmp_path: Path, django_db_blocker: Any) -> Iterator[str]:
    path = tmp_path / "events.sqlite3"
    shutil.copy(sqlite_template, path)
    options = {**config._sqlite("events.sqlite3"), "NAME": path}
    with django_db_blocker.unblock(), using_database(options):
        yield "sqlite"


@pytest.fixture
def postgres_database(postgres_options: dict[str, Any], django_db_blocker: Any) -> Iterator[str]:
    with django_db_blocker.unblock(), using_database(postgres_options):
        connection = connections[EVENTS]
        tables = [
            name for name in connection.introspection.table_names() if name.startswith("ingest_")
        ]
        with connection.cursor() as cursor:
            cursor.execute(f"TRUNCATE {', '.join(tables)} RESTART IDENTITY CASCADE")
        yield "postgres"


@pytest.fixture(
    params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)],
)
def database(request: pytest.FixtureRequest) -> str:
    """One database after the other; the test sees the same empty tables in each."""
    name: str = request.getfixturevalue(f"{request.param}_database")
    return name


@pytest.fixture
def clickhouse_store(clickhouse_server: ClickHouse, sqlite_database: str, settings: Any) -> str:
    """Events are in a ClickHouse of empty tables, all else in SQLite."""
    settings.INGEST = clickhouse_server.emptied(settings.INGEST)
    return "clickhouse"


@pytest.fixture(
    params=[
        "sqlite_database",
        pytest.param("postgres_database", marks=pytest.mark.postgres),
        pytest.param("clickhouse_store", marks=pytest.mark.clickhouse),
    ],
)
def stores(request: pytest.FixtureRequest) -> str:
    """One store after the other, empty; `ingest.store.open_store` opens it."""
    name: str = request.getfixturevalue(request.param)
    return name
