"""``manage.py monitor``: the clock of the system. Run several; one works, the others stand by."""

from __future__ import annotations

import signal
import threading
from typing import Any

from django.core.management.base import BaseCommand

from dashboard.management.prepared import check_prepared
from dashboard.monitor.clock import Clock
from dashboard.monitor.duties import all_duties

__all__ = ["Command"]


class Command(BaseCommand):
    help = "Live ticks, alert evaluation, health probes, consumer groups and retention."

    def handle(self, *args: Any, **options: Any) -> None:
        check_prepared()
        stopping = threading.Event()
        clock = Clock(all_duties(stopping.is_set), stopping=stopping)
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, lambda *_: stopping.set())
        clock.run()
