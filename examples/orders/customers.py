"""Who buys what: customers with habits, a catalogue, and now and then one whose address is gone."""

from __future__ import annotations

import random
import time

from examples.orders.domain import CreateOrder, Item

__all__ = ["CATALOGUE", "CUSTOMERS", "OrderIds", "Shoppers", "is_address_known"]

CUSTOMERS = 5000
LOST_CUSTOMERS = 20
FIRST_LOST_ORDER = 40
LOST_ONE_IN = 1500
CATALOGUE = {
    f"PROD_{number:03d}": round(4.99 + (number * 37 % 200) + (number % 3) * 0.5, 2)
    for number in range(1, 61)
}
_PRODUCTS = list(CATALOGUE)
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


class Shoppers:
    """Makes the commands of customers at the checkout; the same seed makes the same customers.

    ``trouble`` False: every customer has an address.
    """

    def __init__(self, seed: int | None = None, *, trouble: bool = True) -> None:
        self._trouble = trouble
        self._chance = random.Random(seed)
        self._ids = OrderIds(self._chance)
        self._count = 0

    def next_order(self) -> CreateOrder:
        self._count += 1
        return CreateOrder(
            order_id=self._ids.next(time.time_ns() // 1_000_000),
            customer_id=self._customer(),
            items=self._basket(),
        )

    def _customer(self) -> str:
        """Few buy often (a power of a uniform draw); rarely one whose address is not known."""
        chance = self._chance
        lost = self._count == FIRST_LOST_ORDER or chance.randrange(LOST_ONE_IN) == 0
        if lost and self._trouble:
            return f"CUST_{CUSTOMERS + 1 + chance.randrange(LOST_CUSTOMERS)}"
        return f"CUST_{1 + int(CUSTOMERS * chance.random() ** 2.2):03d}"

    def _basket(self) -> tuple[Item, ...]:
        chance = self._chance
        size = min(1 + int(chance.expovariate(1.1)), 5)
        products = {_PRODUCTS[int(len(_PRODUCTS) * chance.random() ** 1.7)] for _ in range(size)}
        return tuple(
            Item(product, 1 if chance.random() < 0.75 else chance.randint(2, 4), CATALOGUE[product])
            for product in sorted(products)
        )


def is_address_known(customer_id: str) -> bool:
    """The address book: customers beyond `CUSTOMERS` have moved and left no address."""
    number = customer_id.removeprefix("CUST_")
    return number.isdigit() and int(number) <= CUSTOMERS


class OrderIds:
    """``ORD_`` with 12 characters that sort by time: 41 bits of milliseconds, 19 of chance.

    Ids of one process never repeat: one that would not sort after the last is the next after it.
    """

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._last = 0

    def next(self, now_ms: int) -> str:
        number = now_ms << 19 | self._chance.getrandbits(19)
        self._last = number = max(number, self._last + 1)
        return "ORD_" + "".join(_ALPHABET[number >> shift & 31] for shift in range(55, -1, -5))
