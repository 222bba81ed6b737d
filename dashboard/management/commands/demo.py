"""``manage.py demo``: the example shop of `examples.orders`, against the broker named ``main`` or the first."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any, NoReturn
from urllib.parse import quote, urlencode

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from dashboard.places import recall_broker
from ingest.options import BrokerOptions

__all__ = ["STORE_FOLDER", "Command", "demo_environment", "demo_needs_a_store"]

STORE_FOLDER = "demo"
"""In the data folder: the shop's stock and orders, where no Redis is configured."""
_CONNECTING = ("security.", "sasl.mechanisms", "ssl.")


class Command(BaseCommand):
    help = "Run the demo shop, or pass a command to it: fault on|off|list NAME, rate N, order ID."
    requires_system_checks: list[str] = []  # noqa: RUF012 (Django's own attribute)

    def run_from_argv(self, argv: list[str]) -> None:
        """All words belong to the shop, options and ``--help`` too."""
        try:
            become_shop(argv[2:])
        except CommandError as error:
            self.stderr.write(f"CommandError: {error}")
            sys.exit(error.returncode)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("words", nargs="*", help="passed to python -m examples.orders")

    def handle(self, *args: Any, **options: Any) -> None:
        become_shop(options["words"])


def become_shop(words: list[str]) -> NoReturn:
    """Replace this process: signals and exit code are then the shop's own, and one process is less."""
    environment = demo_environment(dict(os.environ))
    os.chdir(settings.BASE_DIR)
    sys.stdout.flush()
    os.execve(sys.executable, [sys.executable, "-m", "examples.orders", *words], environment)


def demo_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """The places travel in the environment, as they may hold a password."""
    broker = _broker()
    if broker.type == "redis":
        return {**environment, "REDIS_URL": broker.url}
    store = environment.get("REDIS_URL") or recall_broker(settings.DATA_DIR / STORE_FOLDER)
    if not store:
        raise CommandError(
            "the demo shop speaks through your Kafka, but keeps its stock and orders in a Redis: "
            "say where one is with REDIS_URL, or start all with `manage.py up --demo`, which brings one."
        )
    return {**environment, "REDIS_URL": store, "SHOP_BROKER": kafka_url(broker)}


def demo_needs_a_store(environment: Mapping[str, str]) -> bool:
    """Whether the shop has no Redis to keep its stock and orders in."""
    return _broker().type != "redis" and not environment.get("REDIS_URL")


def kafka_url(broker: BrokerOptions) -> str:
    """The broker as the kit is told of it."""
    from ingest.sources.kafka_client import client_settings

    told = client_settings(broker)
    user, password = told.get("sasl.username", ""), told.get("sasl.password", "")
    account = f"{quote(user, safe='')}:{quote(password, safe='')}@" if user else ""
    more = {name: value for name, value in told.items() if name.startswith(_CONNECTING)}
    return f"kafka://{account}{told['bootstrap.servers']}?{urlencode(more)}"


def _broker() -> BrokerOptions:
    brokers = settings.INGEST.brokers
    return brokers.get("main") or next(iter(brokers.values()))
