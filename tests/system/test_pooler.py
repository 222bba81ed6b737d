"""The product behind PgBouncer in transaction pooling, with the shipped configuration."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from dashboard.pooler import connect_query
from tests.pgbouncer import SHIPPED, PgBouncer, missing_pgbouncer
from tests.postgres import Postgres, missing_postgres
from tests.system.running import ROOT, System

missing = missing_postgres() or missing_pgbouncer()
pytestmark = [
    pytest.mark.postgres,
    pytest.mark.timeout(240),
    pytest.mark.skipif(bool(missing), reason=f"PgBouncer: {missing}"),
]

Pooler = Callable[..., PgBouncer]


@pytest.fixture(scope="module")
def postgres() -> Iterator[Postgres]:
    """With the tables of both databases, made on PostgreSQL itself."""
    server = Postgres().start()
    for alias in ("default", "events"):
        done = manage("migrate", "--database", alias, url=server.url)
        assert done.returncode == 0, done.stderr
    yield server
    server.stop()


@pytest.fixture
def pooler(postgres: Postgres) -> Iterator[Pooler]:
    made: list[PgBouncer] = []

    def start(**options: object) -> PgBouncer:
        made.append(PgBouncer(postgres, **options).start())  # type: ignore[arg-type]
        return made[-1]

    yield start
    for one in made:
        one.stop()


def manage(*words: str, url: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "manage.py", *words],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_the_demo_is_live_through_four_connections_whoever_is_killed(
    tmp_path: Path, postgres: Postgres, pooler: Pooler
) -> None:
    """Monitor, web and worker share them; what was stored is stored once."""
    system = System(tmp_path, "--demo", DATABASE_URL=pooler(connections=4).url).start()
    path = "/api/v1/events?type=CustomerNotified&limit=100"
    try:
        assert "<h1>Overview</h1>" in system.sign_in()
        token = system.manage("token", "create", "test").splitlines()[-1]
        system.until(lambda: len(system.get_json(path, token)["results"]) >= 1)
        os.kill(system.child("manage.py ingest"), signal.SIGKILL)
        system.until(lambda: len(system.get_json(path, token)["results"]) >= 20)
        found = system.get_json(path, token)["results"]
        correlation = found[0]["metadata"]["correlationId"]

        def types() -> set[str]:
            story = system.get_json(f"/api/v1/correlations/{correlation}", token)
            return {event["eventType"] for event in story["events"]}

        system.until(lambda: "ORDER_CREATED" in types())  # of another stream, which may be behind
        for page in ("events", "dead-letters", "alerts", "health", "consumers", "audit"):
            assert system.get(f"/{page}/")[0] == 200
        assert "wrong" not in system.manage("doctor")
    finally:
        system.stop()
    assert not [line for line in system.lines if "Traceback" in line]
    with psycopg.connect(postgres.url) as connection:
        connection.execute("SET search_path = eventscope_events")
        counted = connection.execute(
            'SELECT sum(stored), (SELECT sum("rows") FROM ingest_block) FROM ingest_stream'
        ).fetchone()
    assert counted is not None
    assert counted[0] == counted[1] > 0


def test_who_waits_too_long_is_told_so_through_the_pooler(pooler: Pooler) -> None:
    url = pooler().url.partition("?")[0]
    with psycopg.connect(url) as first, psycopg.connect(url) as second:
        shown = {
            name: first.execute(f"SHOW {name}").fetchone()[0]  # type: ignore[arg-type, index]
            for name in ("search_path", "lock_timeout", "idle_in_transaction_session_timeout")
        }
        first.execute("LOCK TABLE ingest_stream IN ACCESS EXCLUSIVE MODE")
        second.execute("SET LOCAL lock_timeout = '100ms'")
        with pytest.raises(psycopg.errors.LockNotAvailable):
            second.execute("SELECT count(*) FROM ingest_stream")
        second.rollback()
        second.execute("SELECT set_config('statement_timeout', '100ms', true)")
        with pytest.raises(psycopg.errors.QueryCanceled):
            second.execute("SELECT pg_sleep(60)")
        second.rollback()
    assert shown == {
        "search_path": "eventscope, eventscope_events",
        "lock_timeout": "1min",
        "idle_in_transaction_session_timeout": "5min",
    }


def test_a_pooler_that_does_not_make_connections_ready_is_refused_with_the_line(
    pooler: Pooler,
) -> None:
    done = manage("doctor", url=pooler(ready=False).url)

    assert done.returncode == 1
    assert "wants connect_query='SET search_path = eventscope, eventscope_events" in done.stdout


def test_migrations_through_the_pooler_are_refused(pooler: Pooler) -> None:
    done = manage("migrate", url=pooler().url)

    assert done.returncode == 1
    assert "Migrations are made on PostgreSQL itself, not through the pooler" in done.stderr


def test_another_kind_of_pooling_is_refused(postgres: Postgres) -> None:
    done = manage("doctor", url=f"{postgres.url}?pooler=statement")

    assert done.returncode != 0
    assert "DATABASE_URL: pooler=statement is not known: pooler=transaction" in done.stderr


def test_no_table_is_in_both_schemas_but_that_of_migrations(postgres: Postgres) -> None:
    with psycopg.connect(postgres.url) as connection:
        rows = connection.execute(
            "SELECT relname FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace "
            "WHERE nspname IN ('eventscope', 'eventscope_events') AND relkind IN ('r', 'p', 'S', 'v') "
            "GROUP BY relname HAVING count(*) > 1"
        ).fetchall()

    assert sorted(name for (name,) in rows) == ["django_migrations", "django_migrations_id_seq"]


def test_what_is_shipped_is_what_is_wanted() -> None:
    quoted = connect_query().replace("'", "''")

    assert f"connect_query='{quoted}'" in SHIPPED.read_text()
