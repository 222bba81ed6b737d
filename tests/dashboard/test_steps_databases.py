"""What is counted by steps of time has the same steps on a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.fleet.instances import read_instance_days
from tests.dashboard.alerts.test_history import END, RULE, SINCE, STEP, lines, observe, read
from tests.dashboard.care import NOW_MS, make_component, make_letter
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)

pytestmark = pytest.mark.usefixtures("database")


def test_dead_letters_of_a_trial() -> None:
    observe(SINCE - 10 * STEP, END)
    make_letter(1, received_ms=SINCE + 2 * STEP, consumer="pay")

    found = read(replace(RULE, metric="dead_letters", unit="count"))

    assert lines(found) == {"pay": [0, 0, 1, 0]}


def test_results_of_an_instance() -> None:
    row = make_component()

    day = read_instance_days([row.pk], now_ms=NOW_MS)[row.pk]

    assert (day.steps[-1], day.results) == ("healthy", 1)
