"""The only loop: read → decode → fold → commit, the next batch being read and decoded meanwhile.

1. *Claim*: take a fair share of the streams that discovery found (`ingest.leases`).
2. *Read*: a thread a broker reads and decodes from the checkpoints on (`ingest.reading`).
3. *Commit*: here, one transaction a batch: checkpoint, events, keys, folded state
   (`ingest.committing`).
4. *Maintain*: between batches one step of merging at a time, under the lease ``compaction``.

A worker that dies at any point repeats at most the batch in hand; one that lost its lease is fenced
by the checkpoint and begins again at 1.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Sequence
from queue import Empty, Queue
from typing import Any

import structlog
from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper
from django.db.backends.signals import connection_created

from ingest import leases
from ingest.committing import Committer, Patience, Stopped
from ingest.discovery import Discovery
from ingest.envelopes import Decoder
from ingest.leases import Claimed, Fenced
from ingest.maintaining import Maintenance
from ingest.options import IngestOptions
from ingest.reading import Presence, Reader, Work
from ingest.registry import open_unframers
from ingest.reporting import Report, Tally
from ingest.sealing import configured_keyring
from ingest.sources import open_source
from ingest.store.base import EventStore

__all__ = ["Pipeline"]

log = structlog.get_logger("ingest")

_POLL = 0.2
_JOIN = 2.0


class Pipeline:
    """One ingest worker. `run` returns after `stop`, with the batch in hand committed."""

    def __init__(
        self,
        options: IngestOptions,
        store: EventStore,
        *,
        owner: str | None = None,
        report: Callable[[Report], None] | None = None,
    ) -> None:
        self.owner = owner or leases.new_owner()
        self._options = options
        self._limits = options.limits
        self._stop = threading.Event()
        self._patience = Patience(self._stop)
        self._committer = Committer(
            self.owner, store, lease=self._limits.lease, patience=self._patience
        )
        self._maintenance = Maintenance(self.owner, store, lease=self._limits.lease)
        self._tally = Tally(report)
        self._decoder = Decoder(options, keyring=configured_keyring())
        self._queue: Queue[Work] = Queue(maxsize=1)
        self._readers: list[Reader] = []
        self._presences = {name: Presence(name) for name in options.brokers}
        self._unframers = open_unframers(options, remembers=True)
        self._claimed: list[Claimed] = []
        self._changed = threading.Event()
        self._discoveries = self._make_discoveries()
        self._claim_at = float("-inf")

    def stop(self) -> None:
        """Ask `run` to return; safe from a signal handler and from any thread."""
        self._stop.set()

    def run(self) -> None:
        connection_created.connect(_map_nothing)
        connections["events"].close()  # the next use opens one that the line above has seen
        for discovery in self._discoveries:
            discovery.start()
        try:
            while not self._stop.is_set():
                self._turn()
        finally:
            self._end()

    def _turn(self) -> None:
        try:
            self._claim_when_due()
            worked = self._work()
            self._maintenance.step(idle=not worked)
        except Fenced as error:
            log.warning("lease lost, beginning again", action="ingest.fenced", error=str(error))
            self._read_streams([])
            self._claim_at = float("-inf")
        except Stopped:
            return
        self._tally.tell(
            claimed=self._claimed,
            broker_gone=any(one.gone_since is not None for one in self._presences.values()),
            database_waiting=self._patience.waiting_since is not None,
        )

    def _work(self) -> bool:
        """Commit what is next, and keep nothing of it; whether there was any."""
        work = self._next_work()
        if work is None:
            return False
        self._committer.commit(work)
        for reader in self._readers:
            reader.note_stored(work)
        self._tally.add(work)
        return True

    def _next_work(self) -> Work | None:
        for reader in self._readers:
            if reader.failure is not None:
                raise reader.failure
        try:
            return self._queue.get(timeout=_POLL)
        except Empty:
            return None

    # -- claiming

    def _make_discoveries(self) -> list[Discovery]:
        return [
            Discovery(
                name,
                open_source(broker),
                every=self._limits.discovery,
                changed=self._changed,
            )
            for name, broker in self._options.brokers.items()
        ]

    def _claim_when_due(self) -> None:
        now = time.monotonic()
        if not self._changed.is_set() and now < self._claim_at:
            return
        self._changed.clear()
        self._claim_at = now + self._limits.lease / 3
        claimed = self._patience.run(self._claim)
        if _identities(claimed) != _identities(self._claimed):
            self._read_streams(claimed)

    def _claim(self) -> list[Claimed]:
        for discovery in self._discoveries:
            if discovery.latest is not None:
                leases.ensure_streams(
                    discovery.broker,
                    [(place.topic, place.partition, dead) for place, dead in discovery.latest],
                )
        leases.renew_streams(self.owner, lease=self._limits.lease)
        watched = leases.watched_streams(self._options.brokers)
        return leases.claim_streams(self.owner, watched, lease=self._limits.lease)

    def _read_streams(self, claimed: Sequence[Claimed]) -> None:
        """Read exactly these. What was read ahead is dropped with its queue: the rows say where to go on."""
        self._stop_readers()
        self._queue = Queue(maxsize=1)
        self._claimed = list(claimed)
        for name, broker in self._options.brokers.items():
            ours = [one for one in claimed if one.stream.broker == name]
            if ours:
                reader = Reader(
                    open_source(broker),
                    ours,
                    presence=self._presences[name],
                    decoder=self._decoder,
                    limits=self._limits,
                    queue=self._queue,
                    unframer=self._unframers.get(name),
                )
                self._readers.append(reader)
                reader.start()

    def _stop_readers(self) -> None:
        """One that hangs on its broker is left behind; its queue is not listened to any more."""
        for reader in self._readers:
            reader.stop()
        for reader in self._readers:
            reader.join(_JOIN)
        self._readers = []

    def _end(self) -> None:
        for discovery in self._discoveries:
            discovery.stop()
        self._stop_readers()
        for discovery in self._discoveries:
            discovery.join(_JOIN)
        try:
            self._maintenance.release()
            leases.release_streams(self.owner)
        finally:
            connection_created.disconnect(_map_nothing)
            connections["events"].close()


def _map_nothing(connection: BaseDatabaseWrapper, **kwargs: Any) -> None:
    """Readers gain by mapping the SQLite file; for a worker its pages only count as memory used."""
    if connection.alias == "events" and connection.vendor == "sqlite":
        with connection.cursor() as cursor:
            cursor.execute("PRAGMA mmap_size=0")


def _identities(claimed: Sequence[Claimed]) -> set[tuple[int, int]]:
    return {(one.stream.id, one.fence) for one in claimed}
