"""Moments of a checkpoint are whole on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import pytest

from ingest import leases
from ingest.models import Stream
from tests.ingest.pipeline.test_leases import AT, advance, claim, make_streams
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)

pytestmark = pytest.mark.usefixtures("database")


def test_what_a_batch_and_silence_move_is_a_time_of_today() -> None:
    (one,) = claim("a", make_streams(1))

    advance("a", one, 1)
    row = Stream.objects.get()
    assert (row.newest_ms, row.observed_until_ms) == (AT, AT)

    leases.observe("a", {one.stream.id: AT + 2000})
    assert Stream.objects.get().observed_until_ms == AT + 2000
