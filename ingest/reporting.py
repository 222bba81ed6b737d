"""What a worker tells of itself once a second."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from ingest.leases import Claimed
from ingest.reading import Work
from ingest.system import Receipts

__all__ = ["Report", "Tally", "line"]

_EVERY = 1.0


class Report(NamedTuple):
    """What happened in the last ``seconds``, and how things stand.

    ``events`` are stored events, ``receipts`` those inside them; ``lag`` is what waits at the broker.
    """

    seconds: float
    events: int
    receipts: int
    undecoded: int
    lost: int
    lag: int
    newest_age_ms: int | None
    streams: int
    broker_gone: bool
    database_waiting: bool


class Tally:
    """Adds up what was committed between two reports."""

    def __init__(self, report: Callable[[Report], None] | None) -> None:
        self._report = report
        self._since = time.monotonic()
        self._lag: dict[int, int] = {}
        self._newest_ms = 0
        self._clear()

    def add(self, work: Work) -> None:
        self._lag.update(work.lag())
        for part in work.batch.slices:
            self._events += len(part.records)
            self._undecoded += len(part.quarantined)
            self._lost += part.lost
            if part.records:
                newest_ms = min(part.records[-1].appended_ms, time.time_ns() // 1_000_000)
                self._newest_ms = max(self._newest_ms, newest_ms)
            self._receipts += sum(
                len(record.detail.receipts)
                for record in part.records
                if type(record.detail) is Receipts
            )

    def tell(
        self, *, claimed: Sequence[Claimed], broker_gone: bool, database_waiting: bool
    ) -> None:
        """Report if a second has gone by."""
        now = time.monotonic()
        if self._report is None or now - self._since < _EVERY:
            return
        ours = {one.stream.id for one in claimed}
        age = time.time_ns() // 1_000_000 - self._newest_ms if self._newest_ms else None
        self._report(
            Report(
                seconds=now - self._since,
                events=self._events,
                receipts=self._receipts,
                undecoded=self._undecoded,
                lost=self._lost,
                lag=sum(lag for id, lag in self._lag.items() if id in ours),
                newest_age_ms=age,
                streams=len(ours),
                broker_gone=broker_gone,
                database_waiting=database_waiting,
            )
        )
        self._since = now
        self._clear()

    def _clear(self) -> None:
        self._events = self._receipts = self._undecoded = self._lost = 0


def line(report: Report) -> str:
    """The report as one line for people."""
    age = "none yet" if report.newest_age_ms is None else f"{report.newest_age_ms / 1000:.1f}s"
    parts = [
        f"{report.events / report.seconds:>9,.0f} events/s",
        f"{report.receipts / report.seconds:>9,.0f} receipts/s",
        f"lag {report.lag:,}",
        f"newest {age}",
        f"{report.streams} streams",
    ]
    parts += [f"undecoded {report.undecoded:,}"] if report.undecoded else []
    parts += [f"LOST {report.lost:,}"] if report.lost else []
    parts += ["broker gone"] if report.broker_gone else []
    parts += ["database waiting"] if report.database_waiting else []
    return " · ".join(parts)
