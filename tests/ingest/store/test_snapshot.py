from __future__ import annotations

import msgspec
import pytest

from ingest.options import Duration
from ingest.store.snapshot import ReadingTooLong, read_rows, snapshot
from tests.ingest.store.factories import Filler, make_record, make_stream

ENDLESS = (
    "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 2000000000) "
    "SELECT max(i) FROM n"
)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture
def quick(settings: object) -> None:
    """Readings may take a fifth of a second."""
    options = settings.INGEST  # type: ignore[attr-defined]
    limits = msgspec.structs.replace(options.limits, reading=Duration(0.2))
    settings.INGEST = msgspec.structs.replace(options, limits=limits)  # type: ignore[attr-defined]


@pytest.mark.usefixtures("quick")
def test_reading_beyond_the_limit_is_ended_and_the_next_one_works() -> None:
    filler, stream = Filler(), make_stream()
    filler.append((stream, [make_record(1)]))

    with pytest.raises(ReadingTooLong, match="reading"), snapshot():
        read_rows(ENDLESS)

    assert len(filler.store.find(["evt_1"])) == 1


@pytest.mark.usefixtures("quick")
def test_limit_ends_with_the_reading() -> None:
    with snapshot():
        read_rows("SELECT 1")
    counted = ENDLESS.replace("2000000000", "1500000")
    assert read_rows(counted) == [(1_500_000,)]
