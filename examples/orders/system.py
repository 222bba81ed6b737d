"""The whole shop in one process: services, traffic and upkeep, from start to a clean stop."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
from collections.abc import Awaitable, Callable, Coroutine, Iterable
from typing import Any

from eventscope.ending import end
from examples.orders.arrivals import Pace
from examples.orders.assembly import SERVICES, Instance, Options, build_instance, open_shop
from examples.orders.backpressure import Backpressure
from examples.orders.control import CONTROL_KEY, follow_control, refresh_control
from examples.orders.customers import Shoppers
from examples.orders.domain import CreateOrder
from examples.orders.logs import log_to_standard_output
from examples.orders.outside import OutsideInstance, parent_is_gone
from examples.orders.shop import Shop
from examples.orders.traffic import Traffic
from examples.orders.upkeep import keep_forgetting, poison_topic, report_figures

__all__ = ["Options", "System", "run_instance", "run_shop"]

log = logging.getLogger("examples.orders")

GRACE = "1s"
OUTSIDE = ("payment-service", 2)
"""The instance that the dead-instance fault kills, so it runs in a process of its own."""


class System:
    """The instances of all services that run in this process. Start, then `place` orders, then stop."""

    def __init__(self, shop: Shop, options: Options) -> None:
        self.instances = [
            build_instance(name, number, shop, options)
            for name in SERVICES
            for number in range(1, options.instances + 1)
            if (name, number) != OUTSIDE
        ]
        takers = [item.service.commands for item in self.of("order-service")]
        self._takers = itertools.cycle(takers)

    def of(self, name: str) -> list[Instance]:
        return [item for item in self.instances if item.bus.source == name]

    async def start(self) -> None:
        await asyncio.gather(*(instance.bus.start() for instance in self.instances))

    async def stop(self) -> None:
        """What is in hand is finished within a second or left to others."""
        await asyncio.gather(*(instance.bus.stop(GRACE) for instance in self.instances))

    async def place(self, command: CreateOrder) -> object:
        """Give the order to one order service after the other."""
        return await next(self._takers).send(command)

    def count(self, name: str) -> int:
        """A counter of `eventscope.receipts.Counters`, summed over the instances."""
        return sum(getattr(instance.bus.counters, name) for instance in self.instances)


async def run_shop(options: Options) -> int:
    """Until SIGINT or SIGTERM. Raises redis' error when the broker cannot be reached at the start."""
    log_to_standard_output()
    async with open_shop(options) as shop:
        await shop.pipe.redis.hset(CONTROL_KEY, "rate", options.rate)
        await refresh_control(shop.pipe.redis, shop.control)
        await shop.broker.prepare()
        system = System(shop, options)
        outside = OutsideInstance(_outside_words(options), options, shop.control)
        backpressure = Backpressure()
        traffic = Traffic(
            system.place,
            pace=Pace(options.rate, steady=options.steady, seed=options.seed or 1),
            control=shop.control,
            shoppers=Shoppers(options.seed, trouble=options.trouble),
            backpressure=backpressure,
            seed=options.seed,
        )
        beside = [
            follow_control(shop.pipe.redis, shop.control),
            backpressure.run(shop.broker),
            traffic.run(),
            keep_forgetting(shop.pipe),
            poison_topic(system.instances[0].bus.transport, shop.control),
            report_figures(shop.broker, lambda: _figures(system, traffic, shop)),
        ]
        if options.instances >= OUTSIDE[1]:
            beside.append(outside.run())
        log.info("The shop is open: %g events/s, Ctrl-C closes it", options.rate)
        await _run_beside(beside, system.start, (outside.stop, system.stop))
    log.info("The shop is closed")
    return 0


async def run_instance(options: Options, name: str, number: int) -> int:
    """One instance of one service, until it is told to stop or its parent is gone."""
    log_to_standard_output()
    async with open_shop(options) as shop:
        instance = build_instance(name, number, shop, options)
        await refresh_control(shop.pipe.redis, shop.control)
        following = follow_control(shop.pipe.redis, shop.control)
        await _run_beside(
            [following],
            instance.bus.start,
            (lambda: instance.bus.stop(GRACE),),
            until=parent_is_gone(os.getppid()),
        )
    return 0


async def _run_beside(
    beside: Iterable[Coroutine[Any, Any, None]],
    start: Callable[[], Awaitable[None]],
    stops: Iterable[Callable[[], Awaitable[None]]],
    *,
    until: Coroutine[Any, Any, None] | None = None,
) -> None:
    """Start, run the tasks beside, stop all at a signal. A task that fails ends it and is raised."""
    asked = _stop_signal()
    await start()
    tasks = [asyncio.create_task(work) for work in beside]
    ends: list[asyncio.Task[Any]] = [asyncio.create_task(asked.wait())]
    if until is not None:
        ends.append(asyncio.create_task(until))
    done, _ = await asyncio.wait([*tasks, *ends], return_when=asyncio.FIRST_COMPLETED)
    await end((*tasks, *ends))
    await asyncio.gather(*(stop() for stop in stops))
    for task in done:
        task.result()


def _stop_signal() -> asyncio.Event:
    asked = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, asked.set)
    return asked


def _outside_words(options: Options) -> list[str]:
    calm = [] if options.trouble else ["--calm"]
    return [*calm, "instance", OUTSIDE[0], str(OUTSIDE[1])]


def _figures(system: System, traffic: Traffic, shop: Shop) -> list[str]:
    figures = [
        f"{traffic.placed:,} orders",
        f"{system.count('retried'):,} retries",
        f"{system.count('dead_lettered') + system.count('poison'):,} dead letters",
    ]
    if traffic.refused:
        figures.append(f"{traffic.refused:,} orders refused")
    if shop.control.faults:
        figures.append("faults: " + ", ".join(sorted(shop.control.faults)))
    return figures
