"""The warehouse's shelves, in Redis, shared by all instances of InventoryService."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from eventscope.errors import HandlerError
from examples.orders.pipe import Pipe

__all__ = ["BadOrder", "Shelves", "StockMismatch", "quantities"]

STOCK_KEY = "demo:stock"
RESERVED_KEY = "demo:reserved:"
FULL_SHELF = 400
MOST_OF_ONE = 100
KEPT = 900

# Reserving is repeatable: an order that has its items keeps its first answer for a quarter of an hour.
# A shelf that is short is filled up for the next customer; this one gets "out-of-stock".
RESERVE = """
local known = redis.call('GET', KEYS[2])
if known then return known end
local answer = 'reserved'
for i = 3, #ARGV, 2 do
  local left = tonumber(redis.call('HGET', KEYS[1], ARGV[i]) or ARGV[2])
  if left < tonumber(ARGV[i + 1]) then
    answer = 'out-of-stock'
    redis.call('HSET', KEYS[1], ARGV[i], ARGV[2])
  end
end
if answer == 'reserved' then
  for i = 3, #ARGV, 2 do
    redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[2])
    redis.call('HINCRBY', KEYS[1], ARGV[i], -tonumber(ARGV[i + 1]))
  end
end
redis.call('SET', KEYS[2], answer, 'EX', ARGV[1])
return answer
"""

RELEASE = """
if redis.call('GET', KEYS[2]) ~= 'reserved' then return 0 end
for i = 2, #ARGV, 2 do redis.call('HINCRBY', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('SET', KEYS[2], 'released', 'EX', ARGV[1])
return 1
"""


class BadOrder(HandlerError):
    """The order makes no sense to the warehouse."""

    def __init__(self, message: str) -> None:
        super().__init__(message, code="ORDER_PROCESSING_ERROR")


class StockMismatch(HandlerError):
    """What is counted on the shelf is not what the books say."""


class Shelves:
    """Reserve and release items, all or nothing, once an order."""

    def __init__(self, pipe: Pipe) -> None:
        self._pipe = pipe

    async def reserve(self, order_id: str, items: Iterable[tuple[str, int]]) -> str:
        """``reserved`` or ``out-of-stock``."""
        answer = await self._run(RESERVE, order_id, FULL_SHELF, *_flat(items))
        return str(answer, "ascii")

    async def release(self, order_id: str, items: Iterable[tuple[str, int]]) -> bool:
        """Put back what was reserved; False when there was nothing to put back."""
        return bool(await self._run(RELEASE, order_id, *_flat(items)))

    async def _run(self, script: str, order_id: str, *words: str | int) -> Any:
        keys = (STOCK_KEY, RESERVED_KEY + order_id)
        return await self._pipe.run("EVAL", script, 2, *keys, KEPT, *words)


def quantities(order_id: str, items: Any) -> list[tuple[str, int]]:
    """(product, quantity) of a payload's items. Raises `BadOrder` for what is no list of items."""
    if not isinstance(items, list) or not items:
        raise BadOrder(f"{order_id}: items is {type(items).__name__}, not a list of items")
    return [_quantity(order_id, item) for item in items]


def _quantity(order_id: str, item: Any) -> tuple[str, int]:
    if not isinstance(item, Mapping) or "productId" not in item:
        raise BadOrder(f"{order_id}: an item has no productId: {item!r}")
    quantity = item.get("quantity")
    if not isinstance(quantity, int) or not 1 <= quantity <= MOST_OF_ONE:
        raise BadOrder(f"{order_id}: {quantity!r} of {item['productId']} cannot be taken")
    return str(item["productId"]), quantity


def _flat(items: Iterable[tuple[str, int]]) -> list[str | int]:
    return [word for item in items for word in item]
