"""The way to ClickHouse: limits, failures in our words, names as they are."""

from __future__ import annotations

import gc
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.options import OptionsError, StoreOptions, decode_options
from ingest.store.base import EventFilter, StoreError, StoreUnavailable
from ingest.store.clickhouse.engine import Engine
from ingest.store.snapshot import ReadingTooLong
from tests.clickhouse import ClickHouse
from tests.ingest.store.factories import Filler, make_record, make_stream
from tests.servers import free_port

pytestmark = pytest.mark.clickhouse


@pytest.fixture
def open_engine(clickhouse_server: ClickHouse) -> Iterator[Any]:
    opened: list[Engine] = []

    def opener(*, reading: float = 0, **options: Any) -> Engine:
        opened.append(
            Engine(StoreOptions(url=clickhouse_server.address, **options), reading=reading)
        )
        return opened[-1]

    yield opener
    for engine in opened:
        engine.close()


def test_statement_that_takes_too_long_is_ended(open_engine: Any) -> None:
    with pytest.raises(ReadingTooLong):
        open_engine(reading=0.2).rows("SELECT sum(sleepEachRow(0.1)) FROM numbers(100)")


def test_statement_that_needs_too_much_memory_is_ended(open_engine: Any) -> None:
    with pytest.raises(ReadingTooLong, match="reading_memory"):
        open_engine(reading_memory=1 << 20).rows(
            "SELECT length(groupArray(number)) FROM numbers(10000000)"
        )


def test_what_was_inserted_is_let_go_at_once(open_engine: Any) -> None:
    """A worker's collector runs seldom."""
    engine = open_engine()
    engine.run(f"CREATE DATABASE IF NOT EXISTS {engine.database}")
    engine.run(f"CREATE TABLE {engine.table('let_go')} (id Int64) ENGINE = Null")
    ids = np.arange(10)
    gc.disable()
    try:
        before = sys.getrefcount(ids)
        engine.insert("streams", {"id": ids}, into="let_go")
        assert sys.getrefcount(ids) == before
    finally:
        gc.enable()
        engine.run(f"DROP TABLE {engine.table('let_go')}")


def test_statement_that_is_wrong_is_no_trouble_that_passes(open_engine: Any) -> None:
    with pytest.raises(StoreError, match="nope") as told:
        open_engine().rows("SELECT nope")

    assert not isinstance(told.value, StoreUnavailable)


def test_server_that_is_away_is_told_and_waited_for() -> None:
    engine = Engine(StoreOptions(url=f"http://127.0.0.1:{free_port()}"), reading=1)

    with pytest.raises(StoreUnavailable, match="cannot be reached"):
        engine.rows("SELECT 1")


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("a_c", ["a_c"]),
        ("a%*", ["a%d"]),
        ("gr?n", ["grün"]),
        ("it's *", ["it's \\n"]),
        ("*\\n", ["it's \\n"]),
        ("!*?c", ["a%d", "grün", "it's \\n"]),
    ],
)
@pytest.mark.usefixtures("clickhouse_store")
def test_only_star_and_question_mark_stand_for_other_signs(pattern: str, names: list[str]) -> None:
    filler, stream = Filler(), make_stream()
    types = ["a_c", "abc", "a%d", "grün", "it's \\n"]
    filler.append((stream, [make_record(n, type=type) for n, type in enumerate(types)]))

    found = filler.store.scan(EventFilter(types=(pattern,)), newest_first=False).events

    assert [event.event_type for event in found] == names


@pytest.mark.parametrize(
    "url", ["ftp://there", "http:///database", "chdb://", "http://there/no-name", "there:8123"]
)
def test_address_that_is_none_is_refused(url: str) -> None:
    with pytest.raises(OptionsError, match=r"file: url|file: \(top level\)"):
        decode_options({"url": url}, StoreOptions, file="file")


def test_embedded_engine_is_the_same_to_the_store(tmp_path: Path) -> None:
    """In a process of its own: the engine takes signals and hundreds of megabytes."""
    import subprocess
    import sys

    program = (
        "from ingest.options import StoreOptions\n"
        "from ingest.store.clickhouse.engine import Engine\n"
        f"engine = Engine(StoreOptions(url='chdb://{tmp_path}/data'), reading=5)\n"
        "engine.run('CREATE DATABASE IF NOT EXISTS eventscope')\n"
        "print(engine.rows('SELECT 1 + 1'))\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert done.stdout == "[(2,)]\n", done.stderr
