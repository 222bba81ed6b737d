from __future__ import annotations

import itertools

import pytest

from examples.orders.domain import (
    CreateOrder,
    Fact,
    Item,
    OrderRefused,
    apply_event,
    order_payload,
    rebuild_order,
    status_of,
    validate_command,
)

COMMAND = CreateOrder("ORD_789", "CUST_456", (Item("PROD_001", 2, 29.99),))
CREATED = Fact("ORDER_CREATED", order_payload(COMMAND), "t1")
RESERVED = Fact("INVENTORY_UPDATED", {"orderId": "ORD_789", "status": "reserved"}, "t2")
PAID = Fact("PAYMENT_PROCESSED", {"status": "captured", "transactionId": "txn_1"}, "t3")
SHIPPED = Fact("OrderShipped", {"carrier": "Northpost", "trackingNumber": "TRK1"}, "t4")
STORY = (CREATED, RESERVED, PAID, SHIPPED)


def test_payload_is_the_guides() -> None:
    assert order_payload(COMMAND) == {
        "orderId": "ORD_789",
        "customerId": "CUST_456",
        "items": [{"productId": "PROD_001", "quantity": 2, "price": 29.99}],
        "totalAmount": 59.98,
    }


@pytest.mark.parametrize(
    ("command", "reason"),
    [
        (CreateOrder("", "CUST_1", COMMAND.items), "needs an order id"),
        (CreateOrder("ORD_1", "", COMMAND.items), "needs an order id and a customer id"),
        (CreateOrder("ORD_1", "CUST_1", ()), "ORD_1 has no items"),
        (CreateOrder("ORD_1", "CUST_1", (Item("P", 0, 1.0),)), "0 × P is no item"),
        (CreateOrder("ORD_1", "CUST_1", (Item("P", 1, -1.0),)), "1 × P is no item"),
    ],
)
def test_order_that_cannot_be_is_refused(command: CreateOrder, reason: str) -> None:
    with pytest.raises(OrderRefused, match=reason):
        validate_command(command)


def test_history_makes_the_order() -> None:
    order = rebuild_order(STORY)

    assert order == {
        **order_payload(COMMAND),
        "createdAt": "t1",
        "stock": "reserved",
        "stockAt": "t2",
        "payment": "captured",
        "transactionId": "txn_1",
        "paymentAt": "t3",
        "carrier": "Northpost",
        "trackingNumber": "TRK1",
        "shippedAt": "t4",
    }


def test_history_in_any_order_makes_the_same_order() -> None:
    built = [rebuild_order(history) for history in itertools.permutations(STORY)]

    assert all(order == built[0] for order in built)


def test_fact_told_twice_changes_nothing() -> None:
    assert rebuild_order((*STORY, PAID, CREATED)) == rebuild_order(STORY)


def test_unknown_fact_changes_nothing() -> None:
    order = rebuild_order(STORY)

    assert apply_event(order, Fact("CustomerSneezed", {"x": 1}, "t9")) == order


@pytest.mark.parametrize(
    ("facts", "status"),
    [
        ((), "unknown"),
        (STORY[:1], "new"),
        (STORY[:2], "reserved"),
        (STORY[:3], "paid"),
        (STORY, "shipped"),
        ((CREATED, RESERVED._replace(payload={"status": "out-of-stock"})), "out of stock"),
        ((CREATED, PAID._replace(payload={"status": "declined", "transactionId": ""})), "declined"),
        ((CREATED, Fact("ORDER_CANCELLED", {"reason": "declined"}, "t5")), "cancelled"),
    ],
)
def test_status_tells_how_far_the_order_came(facts: tuple[Fact, ...], status: str) -> None:
    assert status_of(rebuild_order(facts)) == status
