"""The command line: run the shop, switch faults, change the rate, look an order up."""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import sys
from collections.abc import Sequence
from typing import Any

from redis.asyncio import Redis
from redis.exceptions import RedisError

from eventscope.errors import EventscopeError
from examples.orders.control import CONTROL_KEY, FAULTS, read_control
from examples.orders.lookup import describe_customer, describe_order
from examples.orders.system import Options, run_instance, run_shop

__all__ = ["command_line", "main"]

DEFAULT_URL = "redis://127.0.0.1:6379/0"


def main(words: Sequence[str] | None = None) -> int:
    """Run one command; 0, or 1 with one line on standard error."""
    options = command_line().parse_args(words)
    try:
        return asyncio.run(COMMANDS[options.command](options)) or 0
    except (RedisError, EventscopeError, OSError) as error:
        place = (options.broker or options.url).rpartition("@")[2]
        print(f"The shop at {place}: {error}", file=sys.stderr)
        return 1


def command_line() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m examples.orders",
        description="A shop whose services talk through events. Without a command it runs.",
    )
    url = os.environ.get("REDIS_URL") or DEFAULT_URL
    parser.add_argument("--url", default=url, help="where Redis is (default: $REDIS_URL)")
    parser.add_argument(
        "--broker",
        default=os.environ.get("SHOP_BROKER", ""),
        help="a Kafka between the services, kafka://host:9092; the shop's store stays in Redis "
        "(default: $SHOP_BROKER, else Redis)",
    )
    parser.add_argument("--rate", type=_rate, default=50.0, help="events a second (default 50)")
    parser.add_argument(
        "--instances", type=_count, default=2, help="instances of each service (default 2)"
    )
    parser.add_argument("--steady", action="store_true", help="no day curve and no bursts")
    parser.add_argument("--calm", action="store_true", help="nothing fails unless it is told to")
    parser.add_argument(
        "--seed", type=int, default=None, help="for customers who do the same again"
    )
    parser.set_defaults(command="run")
    _add_commands(parser)
    return parser


def _add_commands(parser: argparse.ArgumentParser) -> None:
    commands = parser.add_subparsers(title="while it runs", dest="command", metavar="")
    commands.required = False
    fault = commands.add_parser("fault", help="switch a fault: on NAME, off NAME, list")
    fault.add_argument("action", choices=["on", "off", "list"])
    fault.add_argument("name", nargs="?", choices=[*sorted(FAULTS), "all"])
    rate = commands.add_parser("rate", help="change the rate: events a second")
    rate.add_argument("value", type=_rate)
    order = commands.add_parser("order", help="an order as the read side and its history have it")
    order.add_argument("order_id")
    customer = commands.add_parser("customer", help="the newest orders of a customer")
    customer.add_argument("customer_id")
    instance = commands.add_parser("instance", help="run one more instance of one service")
    instance.add_argument("service")
    instance.add_argument("number", type=_count)


async def _run(options: Any) -> int:
    return await run_shop(
        Options(
            url=options.url,
            broker=options.broker,
            rate=options.rate,
            instances=options.instances,
            steady=options.steady,
            trouble=not options.calm,
            seed=options.seed,
        )
    )


async def _instance(options: Any) -> int:
    shop = Options(
        url=options.url, broker=options.broker, trouble=not options.calm, seed=options.seed
    )
    return await run_instance(shop, options.service, options.number)


async def _fault(options: Any) -> int:
    async with _connect(options) as redis:
        if options.action != "list":
            if options.name is None:
                print(f"Which fault? One of {', '.join(sorted(FAULTS))}", file=sys.stderr)
                return 1
            names = sorted(FAULTS) if options.name == "all" else [options.name]
            values = {f"fault:{name}": options.action for name in names}
            await redis.hset(CONTROL_KEY, mapping=values)
        control = read_control(await redis.hgetall(CONTROL_KEY))
    for name, meaning in FAULTS.items():
        print(f"{name:<16} {'on ' if control.on(name) else 'off'}  {meaning}")
    return 0


async def _set_rate(options: Any) -> int:
    async with _connect(options) as redis:
        await redis.hset(CONTROL_KEY, "rate", options.value)
    print(f"The rate is {options.value:g} events a second, averaged over a day.")
    return 0


async def _order(options: Any) -> int:
    return _show(await describe_order(options.url, options.order_id), options.order_id)


async def _customer(options: Any) -> int:
    return _show(await describe_customer(options.url, options.customer_id), options.customer_id)


def _show(found: Any, name: str) -> int:
    if not found:
        print(f"Nothing is known of {name}; it may have expired.", file=sys.stderr)
        return 1
    print(json.dumps(found, indent=2))
    return 0


def _connect(options: Any) -> Any:
    return Redis.from_url(options.url, socket_timeout=10)


def _rate(text: str) -> float:
    value = float(text)
    if not 0 <= value <= 100_000:
        raise argparse.ArgumentTypeError("a rate is from 0 to 100000 events a second")
    return value


def _count(text: str) -> int:
    value = int(text)
    if not 1 <= value <= 10:
        raise argparse.ArgumentTypeError("from 1 to 10")
    return value


COMMANDS = {
    None: _run,
    "run": _run,
    "fault": _fault,
    "rate": _set_rate,
    "order": _order,
    "customer": _customer,
    "instance": _instance,
}
