"""The same product on a real PostgreSQL, from an empty server on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.postgres import Postgres, missing_postgres
from tests.system.running import System

pytestmark = [
    pytest.mark.postgres,
    pytest.mark.timeout(180),
    pytest.mark.skipif(bool(missing_postgres()), reason=f"PostgreSQL: {missing_postgres()}"),
]


@pytest.fixture
def postgres() -> Iterator[Postgres]:
    server = Postgres().start()
    yield server
    server.stop()


def test_an_empty_server_is_prepared_and_the_demo_is_live_on_it(
    tmp_path: Path, postgres: Postgres
) -> None:
    system = System(tmp_path, "--demo", DATABASE_URL=postgres.url).start()
    try:
        assert "<h1>Overview</h1>" in system.sign_in()
        token = system.manage("token", "create", "test").splitlines()[-1]

        def notified() -> list[dict[str, object]]:
            path = "/api/v1/events?type=CustomerNotified&limit=1"
            rows: list[dict[str, object]] = system.get_json(path, token)["results"]
            return rows

        system.until(lambda: bool(notified()))
        correlation = notified()[0]["metadata"]["correlationId"]  # type: ignore[index]

        def types() -> set[str]:
            story = system.get_json(f"/api/v1/correlations/{correlation}", token)
            return {event["eventType"] for event in story["events"]}

        system.until(lambda: "ORDER_CREATED" in types())  # of another stream, which may be behind
        assert "wrong" not in system.manage("doctor")
    finally:
        system.stop()
    assert not [line for line in system.lines if "Traceback" in line]
