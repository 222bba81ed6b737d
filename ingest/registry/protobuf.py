"""Values by Protobuf descriptors, in Protobuf's own JSON: ``order_id`` becomes ``orderId``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from typing import Any

from google.protobuf import (
    any_pb2,
    descriptor_pb2,
    descriptor_pool,
    duration_pb2,
    empty_pb2,
    field_mask_pb2,
    json_format,
    message_factory,
    struct_pb2,
    timestamp_pb2,
    wrappers_pb2,
)
from google.protobuf.message import DecodeError

from ingest.registry.errors import Undecodable, UnknownSchema
from ingest.registry.schemas import Reader

__all__ = ["protobuf_reader"]

_MOST_INDEXES = 100
_WRONG = (DecodeError, json_format.Error, KeyError, TypeError, ValueError, RecursionError)
_WELL_KNOWN = {
    module.DESCRIPTOR.name: module.DESCRIPTOR
    for module in (
        any_pb2,
        descriptor_pb2,
        duration_pb2,
        empty_pb2,
        field_mask_pb2,
        struct_pb2,
        timestamp_pb2,
        wrappers_pb2,
    )
}
"""What registries leave out, as every Protobuf has it."""


def protobuf_reader(schema: str, others: Sequence[tuple[str, str]]) -> Reader:
    """``others`` are name and descriptor of the files that it imports. Raises `UnknownSchema`."""
    try:
        pool = descriptor_pool.DescriptorPool()
        for known in _WELL_KNOWN.values():
            file = descriptor_pb2.FileDescriptorProto()
            known.CopyToProto(file)
            pool.Add(file)
        for name, other in others:
            if name not in _WELL_KNOWN:
                pool.Add(_file(other, name))
        root = _file(schema, "")
        root.name = root.name or "schema.proto"
        pool.Add(root)
        found = pool.FindFileByName(root.name)
    except (DecodeError, KeyError, TypeError, ValueError, binascii.Error) as error:
        raise UnknownSchema(
            f"no Protobuf descriptor: {error}; the registry has to answer format=serialized"
        ) from error
    kinds: dict[tuple[int, ...], Any] = {}

    def reader(value: bytes) -> bytes:
        path, start = _path(value)
        if path not in kinds:
            kinds[path] = message_factory.GetMessageClass(_message(found, path))
        try:
            made = kinds[path].FromString(value[start:])
            told: str = json_format.MessageToJson(made, indent=None, descriptor_pool=pool)
        except _WRONG as error:
            raise Undecodable(f"{type(error).__name__}: {error}") from error
        return told.encode()

    return reader


def _file(text: str, name: str) -> Any:
    file = descriptor_pb2.FileDescriptorProto.FromString(base64.b64decode(text, validate=True))
    if name:
        file.name = name
    return file


def _path(value: bytes) -> tuple[tuple[int, ...], int]:
    """Which message of the file it is, by its place and those within it, and where its bytes begin.

    A count and the places, as zigzag varints; the first message of a file is a single zero.
    """
    count, at = _varint(value, 0)
    if not 0 <= count <= _MOST_INDEXES:
        raise Undecodable(f"{count} is no number of message indexes")
    path = []
    for _ in range(count):
        index, at = _varint(value, at)
        path.append(index)
    return tuple(path) or (0,), at


def _varint(value: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while at < len(value) and shift < 35:
        octet = value[at]
        number |= (octet & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if octet < 0x80:
            return (number >> 1) ^ -(number & 1), at
    raise Undecodable("the message indexes are cut")


def _message(file: Any, path: tuple[int, ...]) -> Any:
    """The descriptor at that place."""
    inside = list(file.message_types_by_name.values())
    found = None
    for index in path:
        if not 0 <= index < len(inside):
            raise Undecodable(f"the schema has no message {list(path)}")
        found = inside[index]
        inside = list(found.nested_types)
    return found
