"""Putting services together: one bus, one health reporter and one service object an instance."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from redis.asyncio import Redis

from eventscope import CircuitBreaker, EventBus, HealthReporter, RetryPolicy
from eventscope.errors import EventscopeError
from eventscope.outbox import OutboxRelay
from examples.orders.admin import error_handlers
from examples.orders.broker import Broker, KafkaBroker, RedisBroker
from examples.orders.control import Control
from examples.orders.history import PipedTransport, open_history
from examples.orders.pipe import Pipe
from examples.orders.provider import PaymentProvider
from examples.orders.services.analytics import AnalyticsService
from examples.orders.services.inventory import InventoryService
from examples.orders.services.notification import NotificationService
from examples.orders.services.order import OrderService
from examples.orders.services.payment import PaymentService
from examples.orders.services.shipping import ShippingService
from examples.orders.services.view import OrderView
from examples.orders.shop import DEAD_LETTERS, OWN_SERVICE, PARTITIONS, ROUTES, TOPICS, Shop

__all__ = ["SERVICES", "Instance", "Options", "UnknownService", "build_instance", "open_shop"]

SERVICES: dict[str, Any] = {
    kind.name: kind
    for kind in (
        OrderService,
        OrderView,
        InventoryService,
        PaymentService,
        ShippingService,
        NotificationService,
        AnalyticsService,
    )
}


class UnknownService(EventscopeError, ValueError):
    """There is no service of this name."""


@dataclass(frozen=True)
class Options:
    """How the shop runs: ``url`` is the Redis of its stock and orders, and its broker unless ``broker`` names a
    Kafka. Retries come quickly here, so that a story is complete while one looks."""

    url: str
    broker: str = ""
    rate: float = 50.0
    instances: int = 2
    steady: bool = False
    trouble: bool = True
    seed: int | None = None
    retry_delay: str = "2s"
    claim_after: str = "6s"
    breaker_reset: str = "8s"
    health_interval: str = "10s"
    topic_length: int = 50_000


@dataclass
class Instance:
    """One instance of one service."""

    bus: EventBus
    service: Any


@asynccontextmanager
async def open_shop(options: Options) -> AsyncIterator[Shop]:
    """The outside world of the services, as long as the context lasts."""
    control = Control()
    async with Redis.from_url(options.url, socket_timeout=10) as redis:
        pipe = Pipe(redis)
        transport = PipedTransport(options.url, pipe)
        try:
            yield Shop(
                pipe=pipe,
                broker=_broker(options, redis),
                history=open_history(
                    transport, topic_length=options.topic_length, relayed=bool(options.broker)
                ),
                provider=PaymentProvider(control, trouble=options.trouble, seed=options.seed),
                control=control,
                trouble=options.trouble,
                breaker_reset=options.breaker_reset,
            )
        finally:
            await transport.close()


def _broker(options: Options, redis: Any) -> Broker:
    if options.broker:
        return KafkaBroker(
            options.broker, topics=TOPICS, partitions=PARTITIONS, claim_after=options.claim_after
        )
    return RedisBroker(options.url, redis, topics=TOPICS, topic_length=options.topic_length)


def build_instance(name: str, number: int, shop: Shop, options: Options) -> Instance:
    """Not started yet. Raises `UnknownService`."""
    if name not in SERVICES:
        raise UnknownService(f"{name}: no such service; one of {', '.join(SERVICES)}")
    kind = SERVICES[name]
    bus = EventBus(
        shop.broker.transport(),
        source=name,
        version=kind.version,
        instance=f"{name}-{number}",
        routes=ROUTES,
        dead_letter_topic=DEAD_LETTERS,
        concurrency=kind.concurrency,
        error_handlers=error_handlers(lambda: bus),
        retry=RetryPolicy(kind.max_retries, options.retry_delay, claim_after=options.claim_after),
    )
    service = kind(bus, shop)
    health = report_health(bus, service, shop, interval=options.health_interval)
    if options.broker and name == OWN_SERVICE:
        health.check("order-outbox")(OutboxRelay(bus, shop.history.waiting).check)
    return Instance(bus, service)


def report_health(bus: EventBus, service: Any, shop: Shop, *, interval: str) -> HealthReporter:
    """Every instance says whether it reaches the broker and its store, and how its breaker stands."""
    health = HealthReporter(bus, interval=interval, timeout="2s")
    health.check("event-bus")(bus.is_healthy)

    @health.check("order-store")
    async def store() -> bool:
        return bool(await shop.pipe.redis.ping())

    breaker: CircuitBreaker | None = getattr(service, "breaker", None)
    if breaker is not None:

        @health.check("payment-provider")
        async def provider() -> str:
            return "healthy" if breaker.state == "closed" else "degraded"

    return health
