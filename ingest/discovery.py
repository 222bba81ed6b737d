"""A thread a broker that looks for watched topics, so that a new one is picked up within seconds."""

from __future__ import annotations

import threading

import structlog

from ingest.sources.base import OWN_PREFIX, BrokerError, Found, Source

__all__ = ["Discovery"]

log = structlog.get_logger("ingest")


class Discovery(threading.Thread):
    """Keeps ``latest``: the places that exist and are not our own, None until the broker first answered."""

    def __init__(
        self, name: str, source: Source, *, every: float, changed: threading.Event
    ) -> None:
        super().__init__(name=f"discovery-{name}", daemon=True)
        self.broker = name
        self._source = source
        self._every = every
        self._changed = changed
        self._halt = threading.Event()
        self.latest: list[Found] | None = None

    def stop(self) -> None:
        self._halt.set()

    def run(self) -> None:
        try:
            while not self._halt.is_set():
                self._look()
                self._halt.wait(self._every)
        finally:
            self._source.close()

    def _look(self) -> None:
        """A broker that is gone is told of by the reader, and here only before the first answer."""
        try:
            found = [
                one for one in self._source.discover() if not one.place.topic.startswith(OWN_PREFIX)
            ]
        except BrokerError as error:
            if self.latest is None:
                log.warning(
                    "broker does not answer yet",
                    action="ingest.discovery_waiting",
                    broker=self.broker,
                    error=str(error),
                )
            return
        if found != self.latest:
            self.latest = found
            self._changed.set()
