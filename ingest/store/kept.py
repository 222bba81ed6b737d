"""What one reading keeps for its next step, bounded by bytes: the longest unused is dropped first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable
from typing import Generic, TypeVar

__all__ = ["Kept"]

Key = TypeVar("Key", bound=Hashable)
Value = TypeVar("Value")


class Kept(Generic[Key, Value]):
    """Values by key, together at most ``limit`` bytes; none at all with a limit of 0."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._size = 0
        self._values: OrderedDict[Key, tuple[Value, int]] = OrderedDict()

    def get(self, key: Key) -> Value | None:
        found = self._values.get(key)
        if found is None:
            return None
        self._values.move_to_end(key)
        return found[0]

    def put(self, key: Key, value: Value, size: int) -> None:
        """Keep ``value``, which takes ``size`` bytes; what is larger than all that may be kept is not."""
        if size > self._limit or key in self._values:
            return
        self._values[key] = (value, size)
        self._size += size
        while self._size > self._limit:
            _, (_, dropped) = self._values.popitem(last=False)
            self._size -= dropped
