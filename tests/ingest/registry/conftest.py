from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.ingest.registry.servers import Registry


@pytest.fixture
def registry() -> Iterator[Registry]:
    made = Registry()
    yield made
    made.stop()
