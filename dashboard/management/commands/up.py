"""``manage.py up``: everything on one machine, supervised."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import time
from argparse import ArgumentParser
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError

from dashboard.accounts.links import ensure_admin, issue_sign_in_link
from dashboard.embedded import embedded_broker_command, wait_for_broker
from dashboard.management.commands.demo import STORE_FOLDER, demo_needs_a_store
from dashboard.places import forget_broker, remember_broker
from dashboard.preflight import (
    PreflightError,
    check_databases,
    check_entities,
    check_folder,
    check_port,
    pick_port,
    waiting_databases,
)
from dashboard.supervisor import Service, Supervisor

PREFERRED_BROKER_PORT = 6379
READY_WITHIN = 60.0
YIELDING = 10
"""How much ingest gives way to who looks at pages, on the one machine: a tenth of the weight (sched(7))."""
DEMO_CONFIGURATION = "examples/orders/eventscope.toml"
"""What the demo shop declares of its entities; a configuration of one's own goes before it."""


class Command(BaseCommand):
    help = "Run broker (if none is configured), ingest, monitor and web, and keep them running."
    requires_system_checks: list[str] = []  # noqa: RUF012 (Django's own attribute)

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--demo", action="store_true", help="publish real events of a demo shop"
        )
        parser.add_argument("--no-web", action="store_true", help="without the web process")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            self._prepare(web=not options["no_web"])
            asyncio.run(self._run(demo=options["demo"], web=not options["no_web"]))
        except PreflightError as error:
            raise CommandError(str(error)) from error

    def _prepare(self, *, web: bool) -> None:
        check_folder(settings.DATA_DIR)
        if web:
            check_port(settings.HOST, settings.PORT)
        check_databases()
        check_entities()
        for alias in waiting_databases():
            self._line(f"Preparing the database '{alias}' ...")
            call_command("migrate", database=alias, verbosity=0)
        self.link = issue_sign_in_link(ensure_admin()) if web else ""

    async def _run(self, *, demo: bool, web: bool) -> None:
        port = pick_port(PREFERRED_BROKER_PORT) if settings.EMBEDDED_BROKER else 0
        store = demo and not port and demo_needs_a_store(os.environ)
        store_port = pick_port(PREFERRED_BROKER_PORT) if store else 0
        services = plan_services(broker_port=port, store_port=store_port, demo=demo, web=web)
        brokers = {
            "broker": (settings.DATA_DIR, port),
            "demo-store": (settings.DATA_DIR / STORE_FOLDER, store_port),
        }
        supervisor = Supervisor(services, write=self._line, root=settings.BASE_DIR)
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, supervisor.request_stop)
        try:
            await self._start(supervisor, brokers)
            await supervisor.wait()
        finally:
            self._line("Stopping ...")
            await supervisor.stop()
            for folder, began_on in brokers.values():
                if began_on:
                    forget_broker(folder)
            self._line("Stopped.")

    async def _start(self, supervisor: Supervisor, brokers: Mapping[str, tuple[Path, int]]) -> None:
        """The page first: what only works behind it may start once somebody can look.

        ``brokers``: the folders where those of the services that are brokers leave their place, and their ports.
        """
        for service in supervisor.services:
            if service.name == "monitor" and self.link:
                await self._greet(supervisor)
            if supervisor.stopping:
                return
            await supervisor.start(service)
            if service.name in brokers:
                folder, port = brokers[service.name]
                await asyncio.to_thread(wait_for_broker, port)
                remember_broker(folder, port)

    async def _greet(self, supervisor: Supervisor) -> None:
        """Say where to go once the page answers."""
        began = time.monotonic()
        base = f"http://{_visitable(settings.HOST)}:{settings.PORT}"
        while not await asyncio.to_thread(_answers, f"{base}/healthz"):
            if supervisor.stopping or time.monotonic() - began > READY_WITHIN:
                return
            await asyncio.sleep(0.05)
        bar = "─" * 72
        self._line(f"{bar}\n  Eventscope is ready at {base}/\n\n  Sign in, once, with this link:\n")
        self._line(f"  {base}{self.link}\n\n  Ctrl-C stops everything.\n{bar}")

    def _line(self, text: str) -> None:
        self.stdout.write(text)
        self.stdout.flush()


def plan_services(*, broker_port: int, demo: bool, web: bool, store_port: int = 0) -> list[Service]:
    """What to run, in the order of starting; ``broker_port`` 0 means a broker is configured, ``store_port`` 0
    that the demo keeps its stock and orders in that."""
    manage = [sys.executable, str(settings.BASE_DIR / "manage.py")]
    place = {"REDIS_URL": f"redis://127.0.0.1:{broker_port}/0"} if broker_port else {}
    if demo and not Path(settings.OPTIONS.file).exists():
        place["EVENTSCOPE_CONFIG"] = str(settings.BASE_DIR / DEMO_CONFIGURATION)
    services = []
    if web:
        services.append(Service("web", web_command(), stage=2, grace=2.5, environment=place))
    if broker_port:
        services.append(_embedded("broker", broker_port, settings.DATA_DIR / "broker"))
    ingest = [*manage, "ingest"]
    services.append(
        Service("ingest", ingest, stage=1, grace=3.5, environment=place, niceness=YIELDING)
    )
    services.append(Service("monitor", [*manage, "monitor"], stage=2, grace=2.5, environment=place))
    if store_port:
        services.append(_embedded("demo-store", store_port, settings.DATA_DIR / STORE_FOLDER))
    if demo:
        services.append(Service("demo", [*manage, "demo"], stage=3, grace=2.0, environment=place))
    return services


def _embedded(name: str, port: int, folder: Path) -> Service:
    folder.mkdir(parents=True, exist_ok=True)
    command = embedded_broker_command(folder=folder, port=port)
    return Service(name, command, stage=0, grace=1.5)


def web_command() -> list[str]:
    server = [sys.executable, "-m", "daphne", "-v", "0", "--no-server-name"]
    place = ["-b", settings.HOST, "-p", str(settings.PORT)]
    return [*server, *place, "config.asgi:application"]


def _visitable(host: str) -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)


def _answers(url: str) -> bool:
    try:
        with urlopen(url, timeout=2) as response:
            return bool(response.status == 200)
    except OSError:
        return False
