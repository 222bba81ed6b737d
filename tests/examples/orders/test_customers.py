from __future__ import annotations

import random
from collections import Counter

from examples.orders.customers import (
    CATALOGUE,
    FIRST_LOST_ORDER,
    Shoppers,
    is_address_known,
    new_order_id,
)
from examples.orders.domain import validate_command


def test_same_seed_makes_the_same_customers() -> None:
    one, other = Shoppers(4), Shoppers(4)

    assert [one.next_order().items for _ in range(50)] == [
        other.next_order().items for _ in range(50)
    ]


def test_every_order_is_one_that_the_shop_takes() -> None:
    shoppers = Shoppers(1)

    for _ in range(500):
        command = shoppers.next_order()
        validate_command(command)
        assert {item.product_id for item in command.items} <= set(CATALOGUE)


def test_some_customers_buy_often() -> None:
    shoppers = Shoppers(2)

    orders = Counter(shoppers.next_order().customer_id for _ in range(5000))

    assert orders.most_common(1)[0][1] > 20
    assert len(orders) > 1500


def test_few_customers_have_no_address_and_the_first_comes_soon() -> None:
    shoppers = Shoppers(3)

    known = [is_address_known(shoppers.next_order().customer_id) for _ in range(20_000)]

    assert not known[FIRST_LOST_ORDER - 1]
    assert 4 < known.count(False) < 35


def test_address_book_knows_customers_only() -> None:
    assert is_address_known("CUST_456")
    assert not is_address_known("CUST_5001")
    assert not is_address_known("CUST_")


def test_order_ids_sort_by_time_and_differ() -> None:
    chance = random.Random(1)

    ids = [new_order_id(chance, now_ms=1_732_442_400_000 + ms) for ms in range(2000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {len(order_id) for order_id in ids} == {16}
