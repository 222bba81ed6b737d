"""Packing of whole-number columns: offset or difference coding, byte planes, one zstd frame.

All arithmetic wraps in 64 bits, so every int64 survives, whatever the differences.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

__all__ = [
    "Ints",
    "Packed",
    "codes_between",
    "join_planes",
    "pack_ints",
    "unpack_ints",
    "value_at",
    "wrapped",
]

Ints = npt.NDArray[np.int64]
_SIGNED = np.array([code >> 1 ^ -(code & 1) for code in range(256)], np.int64)
"""What a zigzag code of one byte stands for."""


class Packed(msgspec.Struct, array_like=True, gc=False):
    """How one column was packed: its ``width`` byte planes follow in the common payload."""

    base: int
    width: int
    differences: bool = False


def pack_ints(values: Ints, *, differences: bool = False) -> tuple[Packed, bytes]:
    """The column's description and its byte planes (not yet compressed)."""
    if not len(values):
        return Packed(0, 0, differences), b""
    if differences:
        base = int(values[0])
        codes = _zigzag(values[1:] - values[:-1])
    else:
        base = int(values.min())
        codes = values.view(np.uint64) - np.int64(base).view(np.uint64)
    width = (int(codes.max()).bit_length() + 7) // 8 if len(codes) else 0
    if not width:
        return Packed(base, 0, differences), b""
    planes = codes.astype("<u8", copy=False).view(np.uint8).reshape(-1, 8)[:, :width]
    return Packed(base, width, differences), planes.T.tobytes()


def unpack_ints(packed: Packed, payload: memoryview, offset: int, count: int) -> tuple[Ints, int]:
    """The column of ``count`` values whose planes start at ``offset``, and where they end."""
    stored = count - 1 if packed.differences and count else count
    end = offset + packed.width * stored
    if not packed.width:
        return np.full(count, packed.base, dtype=np.int64), end
    planes = np.frombuffer(payload[offset:end], dtype=np.uint8)
    codes = join_planes(planes, packed.width)
    if not packed.differences:
        numbers = codes.astype(np.uint64)
        return (numbers + np.int64(packed.base).view(np.uint64)).view(np.int64), end
    values = np.empty(count, dtype=np.int64)
    if count:
        values[0] = packed.base
        values[1:] = _unzigzag(codes)
        np.cumsum(values, out=values)
    return values, end


def codes_between(
    packed: Packed, payload: memoryview, offset: int, count: int, first: int, end: int
) -> npt.NDArray[Any]:
    """What values of a column without differences exceed its base by, from ``first`` to before ``end``."""
    if not packed.width:
        return np.zeros(end - first, np.uint8)
    planes = np.frombuffer(payload, np.uint8, packed.width * count, offset)
    if packed.width == 1:
        return planes[first:end]
    some = planes.reshape(packed.width, count)[:, first:end]
    return join_planes(some.reshape(-1), packed.width)


def value_at(packed: Packed, payload: memoryview, offset: int, count: int, row: int) -> int:
    """One value of a column without differences, read alone."""
    code = 0
    for plane in range(packed.width):
        code |= payload[offset + plane * count + row] << 8 * plane
    return wrapped(packed.base + code)


def wrapped(number: int) -> int:
    """In 64 bits, as all arithmetic here."""
    return ((number + (1 << 63)) & ((1 << 64) - 1)) - (1 << 63)


def join_planes(planes: npt.NDArray[np.uint8], width: int) -> npt.NDArray[Any]:
    """The numbers of ``width`` byte planes, in the smallest unsigned type that holds them."""
    size = 1 << (width - 1).bit_length()
    if size == 1:
        return planes
    count = len(planes) // width
    octets = (np.empty if size == width else np.zeros)((count, size), dtype=np.uint8)
    octets[:, :width] = planes.reshape(width, count).T
    return octets.view(f"<u{size}").reshape(-1)


def _zigzag(numbers: Ints) -> npt.NDArray[np.uint64]:
    codes: npt.NDArray[np.uint64] = ((numbers << 1) ^ (numbers >> 63)).view(np.uint64)
    return codes


def _unzigzag(codes: npt.NDArray[Any]) -> Ints:
    if codes.dtype == np.uint8:
        signed: Ints = _SIGNED[codes]
        return signed
    if codes.dtype == np.uint16:
        wide = codes.astype(np.int32)
        return ((wide >> 1) ^ -(wide & 1)).astype(np.int64)
    codes = codes.astype(np.uint64, copy=False)
    return (codes >> np.uint64(1)).view(np.int64) ^ -(codes & np.uint64(1)).view(np.int64)
