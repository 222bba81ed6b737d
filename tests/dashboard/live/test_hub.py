"""The hub: every socket gets the newest, a slow one costs only itself."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from django.db.utils import DatabaseError

from dashboard.live import hub as hubs
from dashboard.live.hub import Full, Hub, Member, frame
from dashboard.live.sessions import Session


class Ticks:
    """A source that ticks when it is told to."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[bytes] = asyncio.Queue()
        self.built = 0
        self.running = False

    async def build(self) -> bytes:
        self.built += 1
        await asyncio.sleep(0)
        return b'{"built":%d}' % self.built

    async def ticks(self) -> AsyncIterator[bytes]:
        self.running = True
        try:
            while True:
                yield await self.queue.get()
        finally:
            self.running = False


class Socket:
    """What a member sent, read back as JSON."""

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None
        self.member = Member(self.send, self.close, None)

    async def send(self, text: str) -> None:
        self.got.append(json.loads(text))

    async def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

    def seqs(self) -> list[int]:
        return [message["seq"] for message in self.got]


async def joined(hub: Hub, count: int = 1) -> list[Socket]:
    sockets = [Socket() for _ in range(count)]
    for socket in sockets:
        await hub.join(socket.member)
    return sockets


def test_a_frame_is_the_body_with_kind_and_number() -> None:
    text = frame("tick", 7, '{"word":"é"}'.encode())

    assert json.loads(text) == {"type": "tick", "seq": 7, "word": "é"}


async def test_a_snapshot_comes_first_and_ticks_follow_in_order() -> None:
    hub = Hub(Ticks(), limit=10)
    (socket,) = await joined(hub)
    for _ in range(2):
        await hub.broadcast(b'{"n":1}')
        await socket.member.acknowledge(hub.seq)

    assert [message["type"] for message in socket.got] == ["snapshot", "tick", "tick"]
    assert socket.seqs() == [1, 2, 3]
    await hub.leave(socket.member)


async def test_sockets_that_come_together_share_one_snapshot() -> None:
    source = Ticks()
    hub = Hub(source, limit=10)
    sockets = [Socket() for _ in range(5)]
    await asyncio.gather(*(hub.join(socket.member) for socket in sockets))

    assert source.built == 1
    assert {socket.got[0]["seq"] for socket in sockets} == {1}
    for socket in sockets:
        await hub.leave(socket.member)


async def test_a_slow_socket_gets_the_newest_only_and_others_get_all() -> None:
    hub = Hub(Ticks(), limit=10)
    slow, quick = await joined(hub, 2)
    for _ in range(10):
        await hub.broadcast(b'{"n":1}')
        await quick.member.acknowledge(hub.seq)

    assert quick.seqs() == list(range(1, 12))
    assert slow.seqs() == [1, 2, 3]
    await slow.member.acknowledge(3)
    assert slow.seqs() == [1, 2, 3, 11]
    for socket in (slow, quick):
        await hub.leave(socket.member)


async def test_a_socket_that_stays_behind_is_closed_with_4008(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hubs, "PATIENCE", 0.02)
    hub = Hub(Ticks(), limit=10)
    stuck, slow = await joined(hub, 2)
    for _ in range(8):
        await hub.broadcast(b'{"n":1}')
        await slow.member.acknowledge(slow.seqs()[-1])
        await asyncio.sleep(0.01)

    assert stuck.closed == (4008, "too far behind")
    assert slow.closed is None
    for socket in (stuck, slow):
        await hub.leave(socket.member)


async def test_a_resync_starts_anew_from_a_snapshot() -> None:
    hub = Hub(Ticks(), limit=10)
    (socket,) = await joined(hub)
    for _ in range(6):
        await hub.broadcast(b'{"n":1}')
    await hub.send_snapshot(socket.member)
    await hub.broadcast(b'{"n":1}')

    assert [message["type"] for message in socket.got[-2:]] == ["snapshot", "tick"]
    assert socket.seqs()[-2:] == [7, 8]
    await hub.leave(socket.member)


async def test_no_more_sockets_than_allowed() -> None:
    hub = Hub(Ticks(), limit=2)
    sockets = await joined(hub, 2)

    with pytest.raises(Full):
        await hub.join(Socket().member)
    await hub.leave(sockets[0].member)
    (late,) = await joined(hub)
    assert late.got[0]["type"] == "snapshot"
    for socket in (sockets[1], late):
        await hub.leave(socket.member)


async def test_nothing_runs_while_nobody_listens() -> None:
    source = Ticks()
    hub = Hub(source, limit=10)
    (socket,) = await joined(hub)
    await asyncio.sleep(0)
    assert source.running

    await hub.leave(socket.member)

    assert not source.running


async def test_a_socket_that_breaks_does_not_hold_up_the_others() -> None:
    hub = Hub(Ticks(), limit=10)
    broken, sound = await joined(hub, 2)

    async def fail(text: str) -> None:
        raise ConnectionResetError

    broken.member._send = fail
    await hub.broadcast(b'{"n":1}')

    assert sound.seqs() == [1, 2]
    for socket in (broken, sound):
        await hub.leave(socket.member)


async def test_a_socket_that_fails_oddly_is_let_go_and_the_next_tick_comes() -> None:
    hub = Hub(Ticks(), limit=10)
    odd, sound = await joined(hub, 2)

    async def fail(text: str) -> None:
        raise RuntimeError("odd")

    odd.member._send = fail
    await hub.broadcast(b'{"n":1}')
    await hub.broadcast(b'{"n":1}')

    assert sound.seqs() == [1, 2, 3]
    assert hub.members == {sound.member}
    await hub.leave(sound.member)


async def test_a_sweep_that_fails_is_repeated(monkeypatch: pytest.MonkeyPatch) -> None:
    session = Session("key", 1)
    answers = [DatabaseError("locked"), {session: (4401, "signed out")}]

    async def ended(sessions: object) -> object:
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(hubs, "SWEEP", 0.01)
    monkeypatch.setattr(hubs, "ended_sessions", ended)
    hub = Hub(Ticks(), limit=10)
    socket = Socket()
    socket.member.session = session
    await hub.join(socket.member)
    while socket.closed is None:
        await asyncio.sleep(0.01)

    assert socket.closed == (4401, "signed out")
    await hub.leave(socket.member)


@pytest.mark.parametrize("ack", [0, -5, 10**30, 2])
async def test_any_acknowledgement_is_harmless(ack: int) -> None:
    hub = Hub(Ticks(), limit=10)
    (socket,) = await joined(hub)
    await socket.member.acknowledge(ack)
    await hub.broadcast(b'{"n":1}')

    assert socket.seqs() == [1, 2]
    await hub.leave(socket.member)
