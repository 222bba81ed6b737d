"""``manage.py demo``: the example shop of `examples.orders`, against the broker named ``main``."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser
from typing import Any, NoReturn

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

__all__ = ["Command", "demo_environment"]


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


def demo_environment(environment: dict[str, str]) -> dict[str, str]:
    """The broker's place travels in the environment, as it may hold a password."""
    broker = settings.INGEST.brokers.get("main")
    if broker is None or broker.type != "redis":
        raise CommandError(
            "the demo publishes to a Redis broker named main; eventscope.toml has none. "
            "Say where one is with python -m examples.orders --url redis://..."
        )
    return {**environment, "REDIS_URL": broker.url}
