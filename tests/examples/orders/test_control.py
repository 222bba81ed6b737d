from __future__ import annotations

import asyncio

import pytest
from redis.asyncio import Redis

from examples.orders.control import Control, follow_control, read_control
from examples.orders.pipe import Pipe
from tests.eventscope.conftest import eventually
from tests.servers import Valkey


def test_switches_are_read_from_the_hash() -> None:
    control = read_control({b"fault:provider-down": b"on", b"fault:slow-consumer": b"off"})

    assert control == Control(frozenset({"provider-down"}), None)


@pytest.mark.parametrize(
    ("stored", "rate"),
    [(b"250", 250.0), (b"0", 0.0), (b"fast", None), (b"nan", None), (b"-1", None), (b"inf", None)],
)
def test_rate_is_a_number_or_nothing(stored: bytes, rate: float | None) -> None:
    assert read_control({b"rate": stored}).rate == rate


def test_unknown_faults_are_ignored() -> None:
    assert read_control({b"fault:meteor": b"on", b"colour": b"red"}) == Control()


async def test_switch_is_followed(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as redis:
        control = Control()
        following = asyncio.create_task(follow_control(redis, control))
        await asyncio.sleep(0.1)
        await redis.hset("demo:control", mapping={"fault:provider-down": "on", "rate": "7"})

        await eventually(lambda: control == Control(frozenset({"provider-down"}), 7.0))
        following.cancel()


async def test_pipe_answers_each_with_its_own_reply(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as redis:
        pipe = Pipe(redis)
        await asyncio.gather(*(pipe.run("SET", f"k{number}", number) for number in range(1200)))

        values = await asyncio.gather(*(pipe.run("GET", f"k{number}") for number in range(1200)))

    assert values == [str(number).encode() for number in range(1200)]


async def test_refused_command_fails_alone(valkey: Valkey) -> None:
    async with Redis.from_url(valkey.url) as redis:
        pipe = Pipe(redis)

        answers = await asyncio.gather(
            pipe.run("SET", "word", "x"),
            pipe.run("INCR", "word"),
            pipe.run("GET", "word"),
            return_exceptions=True,
        )

    assert answers[0] in (True, b"OK")
    assert "not an integer" in str(answers[1])
    assert answers[2] == b"x"
