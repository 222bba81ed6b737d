"""Ticks over a real broker, and without one."""

from __future__ import annotations

import asyncio
import contextlib
from types import SimpleNamespace

import pytest
import redis

from dashboard.live import feed as feeds
from dashboard.live import publisher as publishers
from dashboard.live import ranking
from dashboard.live.feed import Feed
from dashboard.live.publisher import Publisher, ticks_channel, until_tick
from tests.servers import Valkey

SOON = 60


async def first(feed: Feed) -> bytes:
    stream = feed.ticks()
    try:
        return await asyncio.wait_for(anext(stream), SOON)
    finally:
        await stream.aclose()


def own() -> bytes:
    return b'{"own":1}'


async def test_without_a_broker_the_process_makes_its_own_ticks(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feeds, "until_tick", lambda now: 0.05)

    assert await first(Feed("", gather=own)) == b'{"own":1}'
    assert await first(Feed("redis://127.0.0.1:1/0", gather=own)) == b'{"own":1}'


async def test_published_ticks_replace_its_own(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence is never long enough here for a tick of its own after the first published one."""
    monkeypatch.setattr(feeds, "until_tick", lambda now: 0.05)
    monkeypatch.setattr(feeds, "SILENCE", 600.0)
    stream = Feed(valkey.url, gather=own).ticks()

    async def publish() -> None:
        async with redis.asyncio.Redis.from_url(valkey.url) as client:
            while True:
                await client.publish(ticks_channel(), b'{"theirs":1}')
                await asyncio.sleep(0.05)

    publishing = asyncio.create_task(publish())
    bodies = [await asyncio.wait_for(anext(stream), SOON) for _ in range(40)]
    publishing.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await publishing
    await stream.aclose()

    theirs = bodies.index(b'{"theirs":1}')
    assert set(bodies[theirs:]) == {b'{"theirs":1}'}


async def test_charts_tell_the_groups_apart_that_ticks_do(valkey: Valkey) -> None:
    ranking.forget()
    stream = Feed(valkey.url, gather=own).ticks()
    tick = b'{"by":{"":{"":{}},"type":{"B":{},"A":{},"other":{}},"source":{}}}'

    async def publish() -> None:
        async with redis.asyncio.Redis.from_url(valkey.url) as client:
            while not await client.publish(ticks_channel(), tick):
                await asyncio.sleep(0.05)

    publishing = asyncio.create_task(publish())
    while await asyncio.wait_for(anext(stream), SOON) != tick:
        pass
    await publishing
    await stream.aclose()

    assert ranking.busiest("type", 0) == ("B", "A")
    assert ranking.busiest("source", 0) == ()
    ranking.forget()


async def test_a_database_that_fails_costs_a_tick_not_the_feed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(feeds, "until_tick", lambda now: 0.02)
    calls: list[int] = []

    def failing_once() -> bytes:
        calls.append(1)
        if len(calls) == 1:
            raise OSError("disk")
        return b"{}"

    assert await first(Feed("", gather=failing_once)) == b"{}"


def test_nothing_is_built_while_nobody_listens(
    valkey: Valkey, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int] = []
    monkeypatch.setattr(publishers, "gather_tick", lambda: built.append(1) or b"{}")
    monkeypatch.setattr(publishers, "await_second", lambda: None)
    publisher = Publisher(valkey.url)

    with valkey.client() as client, client.pubsub() as channel:
        unheard = publisher.publish()
        channel.subscribe(ticks_channel())
        channel.get_message(timeout=60)
        heard = publisher.publish()
    publisher.close()

    assert (unheard, heard, built) == (0, 1, [1])


def test_a_broker_that_is_away_is_counted() -> None:
    publisher = Publisher("redis://127.0.0.1:1/0")

    assert publisher.publish() == 0
    assert publisher.failures == 1
    publisher.close()


def test_installations_that_share_a_broker_have_channels_of_their_own(settings: object) -> None:
    mine = ticks_channel()
    settings.SECRET_KEY = "another"  # type: ignore[attr-defined]

    assert ticks_channel() != mine


@pytest.mark.parametrize("now", [0.0, 0.39, 0.4, 0.41, 0.999, 1_795_520_910.048])
def test_ticks_are_made_at_one_moment_of_the_second(now: float) -> None:
    wait = until_tick(now)

    assert 0 < wait <= 1
    assert (now + wait) % 1 == pytest.approx(0.4, abs=1e-6)


@pytest.mark.parametrize(
    ("behind_ms", "asked"),
    [([0], 1), ([400, 10, -20], 3), ([60_000], 1), ([None], 1), ([500] * 99, 2)],
)
def test_a_tick_waits_for_its_second_but_not_in_vain(
    monkeypatch: pytest.MonkeyPatch, behind_ms: list[int | None], asked: int
) -> None:
    """How far the stored time is behind the second, each time it is asked; 99 times is too often."""
    second = 1_795_520_910_000
    clock = iter(number * 0.3 for number in range(9)) if len(behind_ms) == 99 else iter([0.0] * 9)
    told: list[int | None] = []

    def read_status(now_ms: int) -> SimpleNamespace:
        told.append(behind_ms[len(told)])
        return SimpleNamespace(observed_until_ms=None if told[-1] is None else second - told[-1])

    waited = SimpleNamespace(
        time=lambda: second / 1000 + 0.2, monotonic=lambda: next(clock), sleep=lambda _: None
    )
    monkeypatch.setattr(publishers, "time", waited)
    monkeypatch.setattr(publishers, "read_status", read_status)

    publishers.await_second()

    assert len(told) == asked
