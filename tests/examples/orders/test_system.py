from __future__ import annotations

import asyncio

import msgspec
import pytest

from examples.orders.domain import CreateOrder, Item, OrderRefused
from examples.orders.history import OrderHistory
from examples.orders.read_side import OrderQueryHandler, OrderReadRepository
from examples.orders.stock import STOCK_KEY
from examples.orders.upkeep import poison
from tests.examples.orders.shops import COMMAND, RunningShop, open_running_shop, quick
from tests.servers import Valkey

CAUSES = {
    "ORDER_CREATED": None,
    "INVENTORY_UPDATED": "ORDER_CREATED",
    "PAYMENT_PROCESSED": "INVENTORY_UPDATED",
    "OrderShipped": "PAYMENT_PROCESSED",
    "CustomerNotified": "OrderShipped",
    "AnalyticsUpdated": "PAYMENT_PROCESSED",
}
SOURCES = {
    "ORDER_CREATED": "order-service",
    "INVENTORY_UPDATED": "inventory-service",
    "PAYMENT_PROCESSED": "payment-service",
    "OrderShipped": "shipping-service",
    "CustomerNotified": "notification-service",
    "AnalyticsUpdated": "analytics-service",
}


async def test_whole_story_has_one_correlation_id_and_chained_causes(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        await running.system.place(COMMAND)
        await running.until_published("notifications-topic", "CustomerNotified")
        await running.until_published("notifications-topic", "AnalyticsUpdated")

        story = await running.story("corr_789")

    ids = {kind: event["eventId"] for kind, event in story.items()}
    causes = {kind: event["metadata"].get("causationId") for kind, event in story.items()}
    assert causes == {kind: cause and ids[cause] for kind, cause in CAUSES.items()}
    assert {kind: event["metadata"]["source"] for kind, event in story.items()} == SOURCES
    traces = {event["metadata"]["traceparent"].split("-")[1] for event in story.values()}
    assert len(traces) == 1
    assert story["ORDER_CREATED"]["payload"] == {
        "orderId": "ORD_789",
        "customerId": "CUST_456",
        "items": [{"productId": "PROD_001", "quantity": 2, "price": 29.99}],
        "totalAmount": 59.98,
    }


async def test_rebuilt_order_equals_the_read_side(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        await running.system.place(COMMAND)
        rebuilt, details = await _both_sides(running, "ORD_789", "shippedAt")

    assert rebuilt == {name: value for name, value in details.items() if name != "status"}
    assert details["status"] == "shipped"
    assert details["transactionId"] == "txn_789"


async def test_customers_orders_come_newest_first(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        for number in range(3):
            await running.system.place(
                CreateOrder(f"ORD_{number}", "CUST_9", (Item("PROD_001", 1, 1.0),))
            )
            await asyncio.sleep(0.01)
        await running.until_published("orders-topic", "OrderShipped", 3)
        queries = OrderQueryHandler(OrderReadRepository(running.shop.pipe))

        orders = await queries.get_customer_orders("CUST_9")

    assert [order["orderId"] for order in orders] == ["ORD_2", "ORD_1", "ORD_0"]


async def test_order_that_cannot_be_publishes_nothing(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        with pytest.raises(OrderRefused):
            await running.system.place(CreateOrder("ORD_1", "CUST_1", ()))

        assert await running.events("orders-topic") == []


async def test_order_without_stock_is_cancelled_and_told(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        await running.redis.hset(STOCK_KEY, "PROD_001", 1)
        await running.system.place(COMMAND)
        rebuilt, details = await _both_sides(running, "ORD_789", "cancelledAt")
        await running.until_published("notifications-topic", "CustomerNotified")

        story = await running.story("corr_789")

    assert details["status"] == "cancelled"
    assert rebuilt["cancelReason"] == "an item is out of stock"
    assert story["CustomerNotified"]["payload"]["template"] == "your-order-was-cancelled"
    assert "PAYMENT_PROCESSED" not in story


async def test_order_without_address_is_dead_lettered_with_the_error(valkey: Valkey) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        await running.system.place(CreateOrder("ORD_5", "CUST_9999", COMMAND.items))
        await running.until_published("failed-events", "DeadLettered")

        (letter,) = await running.events("failed-events")

    payload = letter["payload"]
    assert payload["error"]["type"] == "AddressNotFound"
    assert "look_up_address" in payload["error"]["stack"]
    assert payload["attempts"] == 4
    assert payload["event"]["eventType"] == "PAYMENT_PROCESSED"
    assert payload["consumer"] == "shipping-service"


async def test_provider_down_opens_the_breaker_and_payments_come_through_after(
    valkey: Valkey,
) -> None:
    async with open_running_shop(quick(valkey.url, breaker_reset="1s")) as running:
        running.shop.control.faults = frozenset({"provider-down"})
        (payment,) = running.system.of("payment-service")
        await _place_many(running, 8)
        await running.until(_breaker_is(payment.service.breaker, "open"))
        assert await running.events("payments-topic") == []

        running.shop.control.faults = frozenset()
        await running.until_published("payments-topic", "PAYMENT_PROCESSED", 8)
        await running.until(_told(running, "closed"), seconds=60)

        paid = await running.events("payments-topic")
        changes = await _breaker_changes(running)

    assert {event["payload"]["orderId"] for event in paid} == {f"ORD_{n}" for n in range(8)}
    assert changes[0] == ("closed", "open")
    assert changes[-1] == ("half_open", "closed")


async def test_order_that_cannot_be_processed_is_told_to_the_admin_and_logged(
    valkey: Valkey,
) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        await running.redis.xadd("orders-topic", {"event": poison(0)})
        await running.until_published("notifications-topic", "AdminNotified")
        await running.until_published("system-events", "ErrorOccurred")

        told = await running.events("notifications-topic")
        (bad,) = await running.events("orders-topic")

    assert {event["payload"]["eventId"] for event in told} == {bad["eventId"]}
    assert {event["metadata"]["causationId"] for event in told} == {bad["eventId"]}


@pytest.mark.parametrize("number", [0, 1])
async def test_poison_message_ends_as_dead_letters_and_blocks_nobody(
    valkey: Valkey, number: int
) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        body = poison(number)
        await running.redis.xadd("orders-topic", {"event": body})
        await running.system.place(COMMAND)
        await running.until_published("notifications-topic", "CustomerNotified")
        await running.until_published("failed-events", "DeadLettered", 5 if number else 2)

        letters = await running.events("failed-events")

    errors = {
        (letter["payload"]["consumer"], letter["payload"]["error"]["type"]) for letter in letters
    }
    expected = "EnvelopeError" if number else "ORDER_PROCESSING_ERROR"
    assert ("inventory-service", expected) in errors


async def test_failing_handler_dead_letters_the_same_orders_until_it_is_mended(
    valkey: Valkey,
) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        running.shop.control.faults = frozenset({"failing-handler"})
        await _place_many(running, 40)
        await running.until_published("notifications-topic", "CustomerNotified", 40)
        await running.until_published("failed-events", "DeadLettered")
        letters = await running.events("failed-events")

    assert {letter["payload"]["error"]["type"] for letter in letters} == {"ModelMissing"}
    assert {letter["payload"]["consumer"] for letter in letters} == {"analytics-service"}


async def test_slow_consumer_shows_in_its_receipts(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("examples.orders.services.notification.SLOW", 0.3)
    async with open_running_shop(quick(valkey.url)) as running:
        running.shop.control.faults = frozenset({"slow-consumer"})
        await running.system.place(COMMAND)
        await running.until_published("notifications-topic", "CustomerNotified")

        async def slow() -> list[float]:
            return [
                receipt["durationMs"]
                for event in await running.events("system-events")
                if event["eventType"] == "ProcessingReceipts"
                for receipt in event["payload"]["receipts"]
                if receipt["consumer"] == "notification-service"
            ]

        async def told() -> bool:
            return bool(await slow())

        await running.until(told)
        took = await slow()

    assert len(took) == 1
    assert took[0] > 300


async def test_every_instance_says_that_it_started_its_health_and_that_it_stopped(
    valkey: Valkey,
) -> None:
    async with open_running_shop(quick(valkey.url)) as running:
        await running.until_published("system-events", "HealthCheck", 15)
        names = {(item.bus.source, item.bus.instance) for item in running.system.instances}
        redis = running.redis
        await running.system.stop()
        entries = await redis.xrange("system-events")

    events = [msgspec.json.decode(fields[b"event"]) for _, fields in entries]
    for kind in ("ServiceStarted", "ServiceStopped"):
        told = [event["payload"] for event in events if event["eventType"] == kind]
        assert {(payload["service"], payload["instance"]) for payload in told} == names
        assert all(payload["version"].count(".") == 2 for payload in told)
    health = [event["payload"] for event in events if event["eventType"] == "HealthCheck"]
    assert {payload["status"] for payload in health} == {"healthy"}
    assert {payload["component"] for payload in health} == {
        "event-bus",
        "order-store",
        "payment-provider",
    }


async def _breaker_changes(running: RunningShop) -> list[tuple[str, str]]:
    """From what to what; words that only tell how it stands are left out."""
    told = [
        (event["payload"]["from"], event["payload"]["to"])
        for event in await running.events("system-events")
        if event["eventType"] == "CircuitBreakerStateChanged"
    ]
    return [change for change in told if change[0] != change[1]]


def _told(running: RunningShop, state: str):
    async def met() -> bool:
        return (await _breaker_changes(running))[-1:] == [("half_open", state)]

    return met


def _breaker_is(breaker: object, state: str):
    async def met() -> bool:
        return str(getattr(breaker, "state", "")) == state

    return met


async def _place_many(running: RunningShop, count: int) -> None:
    await asyncio.gather(
        *(
            running.system.place(CreateOrder(f"ORD_{number}", f"CUST_{number + 1}", COMMAND.items))
            for number in range(count)
        )
    )


async def _both_sides(running: RunningShop, order_id: str, field: str) -> tuple[dict, dict]:
    """The order rebuilt from its history and as the read side has it, when both know ``field``."""
    history = OrderHistory(running.shop.history)
    queries = OrderQueryHandler(OrderReadRepository(running.shop.pipe))

    async def met() -> bool:
        details = await queries.get_order_details(order_id) or {}
        return field in details and field in await history.rebuild_order_state(order_id)

    await running.until(met)
    return await history.rebuild_order_state(order_id), await queries.get_order_details(order_id)
