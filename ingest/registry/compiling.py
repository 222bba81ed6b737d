"""From what the registry tells to a function that reads values."""

from __future__ import annotations

from importlib.util import find_spec

import msgspec

from ingest.registry.client import Client, Told
from ingest.registry.errors import Undecodable, UnknownSchema
from ingest.registry.schemas import Reader, Schema

__all__ = ["INSTALL", "MOST_REFERENCES", "compile_schema", "missing_libraries"]

MOST_REFERENCES = 100
_LIBRARIES = {"fastavro": "fastavro", "protobuf": "google.protobuf"}
INSTALL = "pip install 'eventscope[registry]'"


def compile_schema(client: Client, number: int) -> Schema:
    """Ask for a schema with all that it builds on. Raises `RegistryAway` or `UnknownSchema`."""
    told = client.schema(number)
    kind = told.schema_type.lower()
    if kind not in ("avro", "json", "protobuf"):
        raise UnknownSchema(f"schema {number} is of a kind that is not read: {told.schema_type}")
    return Schema(kind, _naming(f"schema {number} ({kind})", _reader(client, told, kind)))


def missing_libraries() -> list[str]:
    """Those that the extra brings and that are not there."""
    return [name for name, module in _LIBRARIES.items() if not _is_there(module)]


def _is_there(module: str) -> bool:
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # of what it lies in
        return False


def _reader(client: Client, told: Told, kind: str) -> Reader:
    if kind == "json":
        return _json
    others = _referenced(client, told)
    try:
        if kind == "avro":
            from ingest.registry.avro import avro_reader

            return avro_reader(told.schema, [schema for _, schema in others])
        from ingest.registry.protobuf import protobuf_reader

        return protobuf_reader(told.schema, others)
    except ImportError as error:
        raise UnknownSchema(f"{kind} needs {INSTALL}") from error


def _referenced(client: Client, told: Told) -> list[tuple[str, str]]:
    """Name and schema of all that ``told`` builds on, each behind what it builds on itself."""
    found: dict[str, str] = {}
    seen: set[tuple[str, str, int]] = set()

    def visit(one: Told, depth: int) -> None:
        for wanted in one.references:
            key = (wanted.name, wanted.subject, wanted.version)
            if key in seen:
                continue
            seen.add(key)
            if len(seen) > MOST_REFERENCES or depth > MOST_REFERENCES:
                raise UnknownSchema(f"the schema builds on more than {MOST_REFERENCES} others")
            other = client.reference(wanted)
            visit(other, depth + 1)
            found[wanted.name] = other.schema

    visit(told, 0)
    return list(found.items())


def _json(value: bytes) -> bytes:
    """JSON as it came; only that it is JSON is looked at."""
    try:
        msgspec.json.decode(value, type=msgspec.Raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Undecodable(f"the value is no JSON: {error}") from error
    return value


def _naming(what: str, read: Reader) -> Reader:
    """Failures that say of which schema they are."""

    def named(value: bytes) -> bytes:
        try:
            return read(value)
        except Undecodable as error:
            raise Undecodable(f"{what}: {error}") from error

    return named
