"""How fresh and how complete what is stored is: the honesty strip, alerts and readiness read it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from ingest.queries.coverage import StreamView, coverage_of, is_live, read_streams

__all__ = ["IngestStatus", "ingest_status", "status_of"]

GRACE_S = 5.0
"""A worker renews its leases well before they end; this long after, nobody is at work."""
BEHIND_MS = 5_000


class IngestStatus(NamedTuple):
    """``stored``, ``undecoded`` and ``lost`` count messages, ever; ``lag`` those not yet stored.

    ``stalled``: nobody ingests, or nobody ingests a stream that has messages waiting.
    ``catching_up``: at work, but what is stored is more than a few seconds old.
    """

    newest_ms: int | None
    newest_age_ms: int | None
    lag: int
    undecoded: int
    lost: int
    streams: int
    stalled: bool
    catching_up: bool
    observed_until_ms: int | None
    stored: int

    @property
    def known_lag(self) -> int | None:
        """``lag``, or None while nobody is at work who would tell of what arrives."""
        return None if self.stalled and not self.lag else self.lag


def ingest_status(now_ms: int) -> IngestStatus:
    return status_of(read_streams(), now_ms)


def status_of(streams: Sequence[StreamView], now_ms: int) -> IngestStatus:
    """Pure."""
    newest = max((stream.newest_ms for stream in streams), default=0) or None
    until = coverage_of(streams).until_ms
    stalled = _stalled(streams, now_ms / 1000)
    return IngestStatus(
        newest_ms=newest,
        newest_age_ms=None if newest is None else max(0, now_ms - newest),
        lag=sum(stream.lag for stream in streams if is_live(stream, streams)),
        undecoded=sum(stream.undecoded for stream in streams),
        lost=sum(stream.lost for stream in streams),
        streams=len(streams),
        stalled=stalled,
        catching_up=not stalled and until is not None and now_ms - until > BEHIND_MS,
        observed_until_ms=until,
        stored=sum(stream.stored for stream in streams),
    )


def _stalled(streams: Sequence[StreamView], now: float) -> bool:
    if not streams:
        return False
    unowned = [stream for stream in streams if stream.leased_until < now - GRACE_S]
    return len(unowned) == len(streams) or any(
        stream.lag > 0 for stream in unowned if is_live(stream, streams)
    )
