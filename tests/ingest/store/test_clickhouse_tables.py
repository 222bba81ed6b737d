"""The tables as they are made: plain ones run on the engine, a cluster's are the same columns."""

from __future__ import annotations

import re

import pytest
from django.core.management import call_command

from ingest.store.clickhouse.tables import Cluster, create_statements
from tests.clickhouse import ClickHouse
from tests.ingest.store.factories import Filler

COLUMN = re.compile(r"^    (\w+) ", re.MULTILINE)


def printed(capsys: pytest.CaptureFixture[str], *words: str) -> list[str]:
    call_command("clickhouse_ddl", *words)
    return [one.strip() for one in capsys.readouterr().out.split(";") if one.strip()]


@pytest.mark.clickhouse
def test_what_is_printed_makes_the_tables_that_the_store_makes(
    clickhouse_server: ClickHouse, clickhouse_store: str, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Filler().store
    statements = printed(capsys)
    for statement in statements * 2:
        store.engine.run(statement)  # type: ignore[attr-defined]
    asked = (
        "SELECT name, create_table_query FROM system.tables "
        f"WHERE database = '{store.engine.database}' ORDER BY name"  # type: ignore[attr-defined]
    )
    made = store.engine.rows(asked)  # type: ignore[attr-defined]
    store.engine.run(f"DROP DATABASE {store.engine.database}")  # type: ignore[attr-defined]
    assert store.missing_tables() == []  # type: ignore[attr-defined]

    assert [name for name, _ in made] == ["events", "keys", "streams"]
    assert store.engine.rows(asked) == made  # type: ignore[attr-defined]


def test_tables_of_a_cluster_have_the_columns_of_the_plain_ones(
    capsys: pytest.CaptureFixture[str],
) -> None:
    plain = [COLUMN.findall(one) for one in printed(capsys) if "CREATE TABLE" in one]
    cluster = printed(capsys, "--cluster", "main")
    stored = [one for one in cluster if "Replicated" in one]

    assert [COLUMN.findall(one) for one in stored] == plain
    assert all("ON CLUSTER 'main'" in one for one in cluster)
    assert all("'{replica}'" in one and "/{shard}/" in one for one in stored)
    assert len([one for one in cluster if "ENGINE = Distributed('main', " in one]) == len(plain)


def test_a_row_and_its_later_versions_are_on_one_shard() -> None:
    """Else nobody would see that they are the same: what a row is named by decides where it is."""
    made = "\n".join(create_statements("eventscope", Cluster("main")))

    assert "'events_local', cityHash64(stream_id, major, minor))" in made
    assert "'keys_local', hash)" in made
