"""Fixtures that every room of the suite may use."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.servers import Valkey


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """One broker for the whole session (of one worker); tests that kill it start their own."""
    server = Valkey(tmp_path_factory.mktemp("valkey")).start()
    yield server
    server.stop()


@pytest.fixture
def valkey(valkey_server: Valkey) -> Valkey:
    """The session's broker, emptied."""
    client = valkey_server.client()
    client.flushall()
    client.close()
    return valkey_server


@pytest.fixture(autouse=True)
def _forget_names() -> None:
    """Each test has a database of its own, in which an id may stand for another name."""
    from ingest.queries.events import forget_names

    forget_names()
