from __future__ import annotations

import random
from collections import Counter

from examples.orders.customers import (
    CATALOGUE,
    FIRST_LOST_ORDER,
    OrderIds,
    Shoppers,
    is_address_known,
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


def test_order_ids_sort_in_the_order_in_which_they_were_made_and_never_repeat() -> None:
    source = OrderIds(random.Random(1))

    ids = [source.next(1_732_442_400_000 + number // 500) for number in range(5000)]

    assert ids == sorted(ids)
    assert len(set(ids)) == len(ids)
    assert {len(order_id) for order_id in ids} == {16}


def test_without_trouble_every_customer_has_an_address() -> None:
    shoppers = Shoppers(3, trouble=False)

    assert all(is_address_known(shoppers.next_order().customer_id) for _ in range(5000))
