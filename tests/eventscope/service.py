"""A small service in a process of its own, for tests that end it: `python -m … URL MILLISECONDS`.

It writes every event that it has handled to the list ``handled``, and says ``ready`` when it runs.
With 2 milliseconds an event, every seventh event fails; an event below 0 ends the process.
"""

from __future__ import annotations

import asyncio
import os
import sys

from eventscope import Event, EventBus, HandlerError, RetryPolicy
from eventscope.transports import RedisTransport

BAD_SEVENTHS = 2


async def main(url: str, milliseconds: int) -> None:
    redis = RedisTransport(url)
    policy = RetryPolicy(
        max_retries=0 if milliseconds == 1 else 6, retry_delay="50ms", claim_after="400ms"
    )
    bus = EventBus(
        url, source="inventory-service", default_topic="orders-topic", retry=policy, concurrency=8
    )

    @bus.subscribe("ORDER_CREATED")
    async def handle(event: Event) -> None:
        await redis.command("INCR", "begun")
        if event.payload < 0:
            os._exit(9)
        await asyncio.sleep(milliseconds / 1000)
        if milliseconds == BAD_SEVENTHS and event.payload % 7 == 0:
            raise HandlerError("every seventh is bad")
        await redis.command("RPUSH", "handled", event.payload)

    print("ready", flush=True)
    await bus.run("5s")
    await redis.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
