"""Steps of upkeep between batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.db import OperationalError
from structlog.testing import capture_logs

from ingest.maintaining import Maintenance
from ingest.store.base import StoreError

pytestmark = pytest.mark.django_db(databases=["default", "events"], transaction=True)


class Failing:
    """A store whose upkeep fails with each error in turn."""

    def __init__(self, errors: Iterator[Exception]) -> None:
        self.calls = 0
        self._errors = errors

    def maintain(self) -> bool:
        self.calls += 1
        raise next(self._errors)


@pytest.mark.parametrize(
    "error", [StoreError("A page of keys cannot be read."), OperationalError("locked")]
)
def test_failing_step_is_told_once_and_rests(error: Exception) -> None:
    """A damaged page stays damaged: the worker goes on, and looks again half a minute later."""
    store: Any = Failing(iter([error]))
    maintenance = Maintenance("me", store, lease=10.0)

    with capture_logs() as logs:
        maintenance.step(idle=True)
        maintenance.step(idle=False)
    maintenance.release()

    assert store.calls == 1
    assert [entry["action"] for entry in logs] == ["ingest.merge_failed"]
    assert logs[0]["error"] == str(error)
