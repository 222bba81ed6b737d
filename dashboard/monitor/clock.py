"""The clock: one leaseholder runs every duty in a thread of its own; the others stand by.

A duty that fails is logged, counted and shown (`dashboard.fleet.models.Duty`); it is tried again at
its next time and holds up no other. Who cannot prolong the lease in time stops working before
another can have taken it.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import structlog
from django.db import close_old_connections, connections

from dashboard.monitor.ledger import note_run
from ingest.leases import acquire_named, new_owner, release_named

__all__ = ["LEASE", "LEASE_S", "RENEW_S", "Clock", "Duty", "run_duty"]

LEASE = "monitor"
LEASE_S = 6.0
RENEW_S = 1.5
MARGIN_S = 1.0
JOIN_S = 1.0

log = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Duty:
    """What is done every so many seconds. ``phase`` is the moment within each period, None for any."""

    name: str
    every: float
    run: Callable[[], object]
    phase: float | None = None

    def wait(self, now: float, began: float) -> float:
        """Seconds from ``now`` to the next time, the last one having begun at ``began``."""
        if self.phase is None:
            return max(0.0, began + self.every - now)
        return (self.phase - now) % self.every or self.every


class Clock:
    """Runs until ``stopping`` is set. Make one a process."""

    def __init__(
        self, duties: Sequence[Duty], *, stopping: threading.Event, owner: str = ""
    ) -> None:
        self.owner = owner or new_owner()
        self.stopping = stopping
        self._duties = duties
        self._leads_until = 0.0

    def leads(self) -> bool:
        """Whether the lease is surely ours for another moment."""
        return time.monotonic() < self._leads_until - MARGIN_S

    def run(self) -> None:
        """Blocks until stopped; gives the lease back."""
        threads = [
            threading.Thread(target=self._serve, args=(duty,), name=duty.name, daemon=True)
            for duty in self._duties
        ]
        for thread in threads:
            thread.start()
        try:
            self._hold()
        finally:
            self.stopping.set()
            deadline = time.monotonic() + JOIN_S
            for thread in threads:
                thread.join(max(0.0, deadline - time.monotonic()))
            self._give_back()

    def _hold(self) -> None:
        led: bool | None = None
        while True:
            leads = self._renew()
            if leads != led:
                action = "monitor.leads" if leads else "monitor.stands_by"
                log.info(action, action=action, owner=self.owner)
                led = leads
            if self.stopping.wait(RENEW_S):
                return

    def _renew(self) -> bool:
        begun = time.monotonic()
        try:
            held = acquire_named(LEASE, self.owner, lease=LEASE_S)
        except Exception:  # a locked database costs the lease, never the process
            log.exception("monitor.lease_failed", action="monitor.lease_failed")
            close_old_connections()
            return self.leads()
        self._leads_until = begun + LEASE_S if held else 0.0
        return held

    def _give_back(self) -> None:
        try:
            release_named(LEASE, self.owner)
        except Exception:  # it ends by itself in a few seconds
            log.exception("monitor.release_failed", action="monitor.release_failed")
        finally:
            connections.close_all()

    def _serve(self, duty: Duty) -> None:
        began, error = float("-inf"), ""
        try:
            while not self.stopping.wait(self._pause(duty, began)):
                if self.leads():
                    began = time.time()
                    error = run_duty(duty, owner=self.owner, known_error=error)
        finally:
            connections.close_all()

    def _pause(self, duty: Duty, began: float) -> float:
        if not self.leads():
            return 0.2
        return duty.wait(time.time(), began)


def run_duty(duty: Duty, *, owner: str, known_error: str = "") -> str:
    """Run it once and note how it went: "" if well, else what failed.

    A failure is logged with its traceback unless it is the ``known_error`` of the last time again.
    """
    begun = time.monotonic()
    error = ""
    try:
        duty.run()
    except Exception as caught:  # noqa: BLE001  # noted, shown, and tried again at the next time
        error = f"{type(caught).__name__}: {caught}"
        told = log.warning if error == known_error else log.exception
        told("monitor.duty_failed", action="monitor.duty_failed", duty=duty.name, error=error)
    took_ms = (time.monotonic() - begun) * 1000
    note_run(duty.name, every=duty.every, owner=owner, took_ms=took_ms, error=error)
    close_old_connections()
    return error
