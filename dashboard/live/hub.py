"""The live hub: one source of ticks a process, each tick encoded once, for any number of sockets.

A member has at most `WINDOW` ticks that it has not acknowledged. Beyond them only the newest tick
waits for it, in one slot; a member that acknowledges nothing for `PATIENCE` seconds is closed.
"""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import ClassVar, Protocol
from weakref import WeakKeyDictionary

import structlog
from django.db.utils import DatabaseError

from dashboard.live.sessions import Session, ended_sessions
from eventscope.ending import end

__all__ = ["Full", "Hub", "Member", "TickSource", "frame"]

WINDOW = 3
PATIENCE = 30.0
SWEEP = 10.0
FRESH = 2.5
BEHIND = 4008
BREATH = 500
"""Sockets offered a tick before others get a turn (some 30 ms): answers to the first ones would
else keep the last ones waiting."""

log = structlog.get_logger(__name__)

Send = Callable[[str], Awaitable[None]]
Close = Callable[[int, str], Awaitable[None]]


class Full(Exception):
    """The process has as many sockets as web.max_connections allows."""


class TickSource(Protocol):
    """Where ticks come from."""

    def ticks(self) -> AsyncIterator[bytes]: ...
    async def build(self) -> bytes: ...


def frame(kind: str, seq: int, body: bytes) -> str:
    """A message from a tick's body, a JSON object, without encoding that anew."""
    return f'{{"type":"{kind}","seq":{seq},' + body[1:].decode("utf-8")


class Member:
    """One socket: what it has been sent and not acknowledged, and the one tick that waits."""

    def __init__(self, send: Send, close: Close, session: Session | None) -> None:
        self.session = session
        self._send, self._close = send, close
        self._in_flight: deque[int] = deque()
        self._waiting: tuple[int, str] | None = None
        self._behind_since: float | None = None
        self._started = False

    async def offer(self, seq: int, text: str, now: float) -> None:
        """Send a tick, or keep it in place of the one that waits; close who stays behind.

        Before its snapshot a member gets none.
        """
        if not self._started:
            return
        if len(self._in_flight) < WINDOW:
            await self._deliver(seq, text)
            return
        self._waiting = (seq, text)
        if self._behind_since is None:
            self._behind_since = now
        elif now - self._behind_since > PATIENCE:
            await self.close(BEHIND, "too far behind")

    async def acknowledge(self, seq: int) -> None:
        """The member has taken all up to ``seq``; what waits may go."""
        while self._in_flight and self._in_flight[0] <= seq:
            self._in_flight.popleft()
            self._behind_since = None
        if self._waiting is not None and len(self._in_flight) < WINDOW:
            waiting, self._waiting = self._waiting, None
            await self._deliver(*waiting)

    async def snapshot(self, seq: int, text: str) -> None:
        """Start anew from ``seq``: what was in flight no longer matters."""
        self._started = True
        self._in_flight.clear()
        self._waiting = None
        self._behind_since = None
        await self._deliver(seq, text)

    async def close(self, code: int, reason: str) -> None:
        await self._close(code, reason)

    async def _deliver(self, seq: int, text: str) -> None:
        self._in_flight.append(seq)
        await self._send(text)


class Hub:
    """All sockets of one process. Nothing runs while there is none."""

    _hubs: ClassVar[WeakKeyDictionary[asyncio.AbstractEventLoop, Hub]] = WeakKeyDictionary()

    def __init__(self, source: TickSource, *, limit: int) -> None:
        self.seq = 0
        self.members: set[Member] = set()
        self._source = source
        self._limit = limit
        self._body = b""
        self._made = float("-inf")
        self._building: asyncio.Future[bytes] | None = None
        self._tasks: list[asyncio.Task[None]] = []

    @classmethod
    def of_this_loop(cls, make: Callable[[], Hub]) -> Hub:
        """The hub of the running event loop, made at first use."""
        loop = asyncio.get_running_loop()
        if loop not in cls._hubs:
            cls._hubs[loop] = make()
        return cls._hubs[loop]

    async def join(self, member: Member) -> None:
        """Send ``member`` a snapshot and every tick after it. Raises `Full`."""
        if len(self.members) >= self._limit:
            raise Full
        self.members.add(member)
        if not self._tasks:
            self._tasks = [asyncio.create_task(self._pump()), asyncio.create_task(self._sweep())]
        await self.send_snapshot(member)

    async def leave(self, member: Member) -> None:
        """Forget ``member``; the last one stops the work."""
        self.members.discard(member)
        if self.members:
            return
        tasks, self._tasks = self._tasks, []
        await end(tasks)

    async def send_snapshot(self, member: Member) -> None:
        """The newest tick as a snapshot; built now if none is fresh."""
        if time.monotonic() - self._made > FRESH:
            body = await self._build()
            if time.monotonic() - self._made > FRESH:
                self._keep(body)
        await member.snapshot(self.seq, frame("snapshot", self.seq, self._body))

    async def broadcast(self, body: bytes) -> None:
        """Number a tick, encode it once and offer it to all."""
        self._keep(body)
        seq, text, now = self.seq, frame("tick", self.seq, body), time.monotonic()
        for place, member in enumerate(tuple(self.members), start=1):
            await self._offer(member, seq, text, now)
            if place % BREATH == 0:
                await asyncio.sleep(0)

    async def _offer(self, member: Member, seq: int, text: str, now: float) -> None:
        """Whatever is wrong with one socket ends that one; the others have their tick."""
        try:
            await member.offer(seq, text, now)
        except Exception as error:  # logged, and the socket is let go
            self.members.discard(member)
            if not isinstance(error, ConnectionError):
                log.exception("live.socket_failed", action="live.socket_failed")

    def _keep(self, body: bytes) -> None:
        self.seq += 1
        self._body, self._made = body, time.monotonic()

    async def _build(self) -> bytes:
        """One build at a time, shared by all who wait for it."""
        if self._building is None or self._building.done():
            self._building = asyncio.ensure_future(self._source.build())
        return await asyncio.shield(self._building)

    async def _pump(self) -> None:
        async for body in self._source.ticks():
            await self.broadcast(body)

    async def _sweep(self) -> None:
        """Close the sockets of sessions that have ended, or may no longer look.

        A database that does not answer is asked again with the next sweep.
        """
        while True:
            await asyncio.sleep(SWEEP)
            sessions = {member.session for member in self.members if member.session is not None}
            try:
                ended = await ended_sessions(sessions)
            except DatabaseError:
                log.exception("live.sweep_failed", action="live.sweep_failed")
                continue
            for member in tuple(self.members):
                if member.session in ended:
                    code, reason = ended[member.session]
                    await member.close(code, reason)
