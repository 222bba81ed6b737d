"""Compression with one compressor a thread, as zstandard's objects may not be shared by threads."""

from __future__ import annotations

import threading

import zstandard

from ingest.store.base import StoreError

__all__ = ["LEVEL", "pack", "unpack"]

LEVEL = 1
"""Ids and hashes pack smaller at 1 than at 3: fewer chance matches break up the literals."""


class _Local(threading.local):
    def __init__(self) -> None:
        self.packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        self.unpacker = zstandard.ZstdDecompressor()


_local = _Local()


def pack(data: bytes) -> bytes:
    return _local.packer.compress(data)


def unpack(data: bytes) -> bytes:
    try:
        return _local.unpacker.decompress(data)
    except zstandard.ZstdError as error:
        raise StoreError("Packed data of the event store cannot be read; it is damaged.") from error
