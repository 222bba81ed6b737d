"""A worker that starts while the registry is away reads by what was told before, on SQLite and PostgreSQL."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest
from django.db import connections

from ingest.models import RegistryAnswer
from ingest.options import RegistryOptions
from ingest.records import Message, Position
from ingest.registry import _unframer_of
from ingest.registry.compiling import compile_schema
from ingest.registry.errors import RegistryAway, UnknownSchema
from ingest.registry.framing import Unframer
from ingest.registry.remembering import RememberingClient
from ingest.wire import UNDECODED
from tests.ingest.registry.factories import KINDS, envelope, serialized
from tests.ingest.registry.servers import Registry
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)

pytestmark = pytest.mark.usefixtures("database")


@pytest.fixture(autouse=True)
def _ends(database: str) -> Iterator[None]:  # noqa: F811
    """Reading goes on in threads; none of them is left with the database of the test."""
    yield
    connections["events"].close()


def options(registry: Registry, **more: object) -> RegistryOptions:
    return RegistryOptions(url=registry.url, **more)  # type: ignore[arg-type]


def started(registry: Registry, **more: object) -> Unframer:
    """As a process that starts has it."""
    _unframer_of.cache_clear()
    return _unframer_of(options(registry, **more), 1 << 20, True, True)


def read(unframer: Unframer, value: bytes) -> Message:
    return unframer.unframe([Message(Position(1, 7), 1_764_158_400_000, None, value, ())])[0]


@pytest.mark.parametrize("kind", KINDS)
def test_what_was_told_before_is_used_while_the_registry_is_gone(
    registry: Registry, kind: str
) -> None:
    value = serialized(registry, kind, "orders", 1)
    before = read(started(registry), value)
    registry.stop()

    after = read(started(registry), value)

    assert envelope(1)["eventId"].encode() in after.value
    assert after == before


def test_a_registry_that_is_silent_is_not_waited_for_long(registry: Registry) -> None:
    values = [serialized(registry, "avro", topic, 1) for topic in ("orders", "payments", "mails")]
    value = serialized(registry, "json", "orders", 2)
    for one in (*values, value):
        read(started(registry), one)
    registry.mood = "silent"

    began = time.monotonic()
    unframer = started(registry, timeout=30.0)
    told = [read(unframer, one) for one in (*values, value)]

    assert time.monotonic() - began < 25
    assert not any(name == UNDECODED for one in told for name, _ in one.headers)


def test_as_long_as_it_answers_what_the_registry_says_counts(registry: Registry) -> None:
    number = registry.register("orders", {"schema": '"string"'})
    told = RememberingClient(options(registry)).schema(number)
    registry.schemas[number - 1] = {"schema": '"bytes"'}

    anew = RememberingClient(options(registry)).schema(number)
    registry.schemas.clear()

    assert (told.schema, anew.schema) == ('"string"', '"bytes"')
    with pytest.raises(UnknownSchema):
        RememberingClient(options(registry)).schema(number)


def test_schemas_that_build_on_others_are_kept_with_these(registry: Registry) -> None:
    registry.register("money", {"schema": '{"type": "record", "name": "Money", "fields": []}'})
    number = registry.register(
        "orders",
        {
            "schema": '{"type": "record", "name": "Order", "fields": [{"name": "m", "type": "Money"}]}',
            "references": [{"name": "Money", "subject": "money", "version": 1}],
        },
    )
    compile_schema(RememberingClient(options(registry)), number)
    registry.stop()

    schema = compile_schema(RememberingClient(options(registry)), number)

    assert schema.read(b"") == b'{"m":{}}'


def test_what_was_never_told_is_not_known_and_the_latest_are_kept(registry: Registry) -> None:
    numbers = [registry.register(f"s{n}", {"schema": f'"string" {" " * n}'}) for n in range(5)]
    client = RememberingClient(options(registry, schemas=2))
    for number in numbers:
        client.schema(number)
    registry.stop()

    assert RegistryAnswer.objects.count() == 2
    assert client.schema(numbers[-1]).schema.startswith('"string"')
    with pytest.raises(RegistryAway, match="does not answer"):
        client.schema(numbers[0])


def test_a_database_that_fails_keeps_nothing_and_stops_nobody(registry: Registry) -> None:
    number = registry.register("orders", {"schema": '"string"'})
    with connections["events"].cursor() as cursor:
        cursor.execute("ALTER TABLE ingest_registryanswer RENAME TO taken_away")
    try:
        assert RememberingClient(options(registry)).schema(number).schema == '"string"'
    finally:
        with connections["events"].cursor() as cursor:
            cursor.execute("ALTER TABLE taken_away RENAME TO ingest_registryanswer")
