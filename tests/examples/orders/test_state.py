from __future__ import annotations

from typing import Any

from eventscope import new_event
from eventscope.reducers import find_reducer
from examples.orders.domain import Fact, rebuild_order, status_of

CREATED = {
    "orderId": "ORD_1",
    "customerId": "CUST_1",
    "items": [{"productId": "PROD_001", "quantity": 2, "price": 29.99}],
    "totalAmount": 59.98,
}
HISTORY: list[tuple[str, dict[str, Any]]] = [
    ("ORDER_CREATED", CREATED),
    ("INVENTORY_UPDATED", {**CREATED, "status": "reserved"}),
    ("PAYMENT_PROCESSED", {"status": "captured", "transactionId": "txn_1"}),
    ("OrderShipped", {"carrier": "Northpost", "trackingNumber": "TRK1"}),
]


def test_order_is_rebuilt_as_the_shop_itself_does_with_how_far_it_has_come() -> None:
    reduce = find_reducer("order-state", "examples.orders.state")
    events = [new_event(type, payload, source="shop") for type, payload in HISTORY]
    state: dict[str, Any] = {}
    statuses = []

    for event in events:
        state = reduce(state, event)
        statuses.append(state["status"])

    facts = [Fact(event.event_type, event.payload, event.timestamp) for event in events]
    assert state == {**rebuild_order(facts), "status": status_of(rebuild_order(facts))}
    assert statuses == ["new", "reserved", "paid", "shipped"]
