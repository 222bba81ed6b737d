"""Values by Avro schemas, as JSON: times as RFC 3339, decimals as text, bytes in base64."""

from __future__ import annotations

import io
import json
from collections.abc import Sequence
from typing import Any

import msgspec
from fastavro import _read_py, parse_schema, schemaless_reader

from ingest.registry.errors import Undecodable, UnknownSchema
from ingest.registry.schemas import Reader

__all__ = ["avro_reader"]

_encode = msgspec.json.Encoder().encode
_WRONG = (
    ArithmeticError,
    AttributeError,
    EOFError,
    IndexError,
    KeyError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)
"""What reading bytes that the schema does not describe raises, of Python's and fastavro's own."""


def avro_reader(schema: str, others: Sequence[str]) -> Reader:
    """``others`` are the schemas that it builds on, in order. Raises `UnknownSchema`.

    fastavro's reader in C takes stack for every level of a value and does not stop (a list of 100,000
    links ends the process), so where a type holds itself its reader in Python is used.
    """
    names: dict[str, Any] = {}
    try:
        for other in others:
            parse_schema(json.loads(other), named_schemas=names)
        parsed = parse_schema(json.loads(schema), named_schemas=names)
    except Exception as error:  # fastavro raises whatever a strange schema runs into
        raise UnknownSchema(f"no Avro schema: {type(error).__name__}: {error}") from error
    shape = _Shape(names)
    shape.look(parsed, ())
    if shape.endless:
        raise UnknownSchema("an Avro array of items without bytes has no bound")
    read = _read_py.schemaless_reader if shape.recursive else schemaless_reader

    def reader(value: bytes) -> bytes:
        stream = io.BytesIO(value)
        try:
            made = read(stream, parsed, None)
            rest = len(value) - stream.tell()
            if not rest:
                return _encode(made)
        except _WRONG as error:
            raise Undecodable(f"{type(error).__name__}: {error}") from error
        raise Undecodable(f"{rest} bytes are left behind the value: it has another schema")

    return reader


class _Shape:
    """Whether a type holds itself, and whether an array may hold any number of items in no bytes."""

    def __init__(self, names: dict[str, Any]) -> None:
        self._names = names
        self._empty: dict[str, bool] = {}
        self.recursive = False
        self.endless = False

    def look(self, schema: Any, within: tuple[str, ...]) -> bool:
        """Whether values of ``schema`` may take no bytes, within the types of that name."""
        if isinstance(schema, list):
            for branch in schema:
                self.look(branch, within)
            return False
        kind = schema if isinstance(schema, str) else schema["type"]
        if not isinstance(kind, str):
            return self.look(kind, within)
        if kind in self._names and kind not in ("record", "enum", "fixed"):
            return self._named(kind, within)
        if kind == "array":
            self.endless |= self.look(schema["items"], within)
            return False
        if kind == "map":
            self.look(schema["values"], within)
            return False
        if kind in ("record", "error"):
            return self._record(schema, within)
        return kind == "null" or (kind == "fixed" and not schema["size"])

    def _named(self, name: str, within: tuple[str, ...]) -> bool:
        if name in within:
            self.recursive = True
            return False  # within itself without a byte it would have no end
        if name not in self._empty:
            self._empty[name] = self.look(self._names[name], within)
        return self._empty[name]

    def _record(self, schema: Any, within: tuple[str, ...]) -> bool:
        name = schema["name"]
        inside = (*within, name)
        empty = [self.look(one["type"], inside) for one in schema["fields"]]
        self._empty[name] = all(empty)
        return self._empty[name]
