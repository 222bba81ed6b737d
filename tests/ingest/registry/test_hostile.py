"""Values that would take the process down, or all of its memory, if their schema let them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ingest.registry.avro import avro_reader
from ingest.registry.errors import Undecodable, UnknownSchema

Told = Callable[[bytes], bytes]
LIST = {
    "type": "record",
    "name": "Link",
    "fields": [{"name": "next", "type": ["null", "Link"]}],
}
EMPTY = {"type": "record", "name": "Empty", "fields": [{"name": "nothing", "type": "null"}]}


def reader(schema: Any, *others: Any) -> Told:
    import json

    return avro_reader(json.dumps(schema), [json.dumps(one) for one in others])


def test_a_value_nested_without_end_is_refused() -> None:
    """The reader in C would end the process here."""
    read = reader(LIST)

    with pytest.raises(Undecodable, match="RecursionError"):
        read(b"\x02" * 200_000 + b"\x00")

    assert read(b"\x02\x00") == b'{"next":{"next":null}}'


def test_recursion_by_way_of_other_types_is_seen() -> None:
    tree = {
        "type": "record",
        "name": "Tree",
        "fields": [
            {"name": "of", "type": {"type": "map", "values": {"type": "array", "items": "Tree"}}}
        ],
    }

    with pytest.raises(Undecodable, match="RecursionError"):
        reader(tree)(b"\x02\x00\x02" * 100_000)
    assert reader(tree)(b"\x02\x02a\x00\x00") == b'{"of":{"a":[]}}'


@pytest.mark.parametrize(
    "items",
    ["null", EMPTY, {"type": "fixed", "name": "None", "size": 0}],
    ids=["null", "record", "fixed"],
)
def test_an_array_of_nothing_is_refused_as_it_has_no_bound(items: Any) -> None:
    with pytest.raises(UnknownSchema, match="no bound"):
        reader({"type": "array", "items": items})


def test_an_array_of_nothing_within_another_schema_is_seen() -> None:
    holder = {
        "type": "record",
        "name": "Holder",
        "fields": [{"name": "all", "type": ["null", {"type": "array", "items": "Empty"}]}],
    }

    with pytest.raises(UnknownSchema, match="no bound"):
        reader(holder, EMPTY)


@pytest.mark.parametrize(
    "value",
    [
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01abc",
        b"\x80\x80\x80\x80\x80\x80\x40abc",
        b"\x01abc",
    ],
    ids=["longest", "petabytes", "negative"],
)
def test_a_length_beyond_the_value_takes_no_memory(value: bytes) -> None:
    with pytest.raises(Undecodable):
        reader("string")(value)


def test_a_schema_whose_types_repeat_is_looked_through_once() -> None:
    """Each type holds the one before twice: sixty levels would be 2^60 looks."""
    others: list[Any] = [{"type": "record", "name": "T0", "fields": [{"name": "a", "type": "int"}]}]
    for level in range(1, 60):
        names = [{"name": name, "type": ["null", f"T{level - 1}"]} for name in ("a", "b")]
        others.append({"type": "record", "name": f"T{level}", "fields": names})

    assert reader(others[-1], *others[:-1])(b"\x00\x00") == b'{"a":null,"b":null}'


@pytest.mark.parametrize("schema", ["[", '"colour"', "{}", "null", "3"])
def test_what_is_no_schema_is_refused(schema: str) -> None:
    with pytest.raises(UnknownSchema, match="no Avro schema"):
        avro_reader(schema, [])


def test_numbers_that_are_none_are_written_as_json_can() -> None:
    assert reader("double")(b"\x00\x00\x00\x00\x00\x00\xf8\x7f") == b"null"
