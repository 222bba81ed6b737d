"""A small service in a process of its own, for tests that end it: `python -m … URL TOPIC FILE MS`.

It writes every event that it has begun and handled to the file, and says ``ready`` when it runs.
Every seventh event fails; an event below 0 ends the process.
"""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from eventscope import Event, EventBus, HandlerError, RetryPolicy


async def main(url: str, topic: str, file: Path, milliseconds: int) -> None:
    bus = EventBus(
        url,
        source="inventory-service",
        default_topic=topic,
        dead_letter_topic=f"{topic}-failed",
        system_topic=f"{topic}-system",
        retry=RetryPolicy(max_retries=0, claim_after="20s"),
        concurrency=8,
    )

    def note(word: str, event: Event) -> None:
        with file.open("a") as notes:
            notes.write(f"{word} {event.payload} {event.attempt}\n")

    @bus.subscribe("ORDER_CREATED", group=f"inventory-{topic}")
    async def handle(event: Event) -> None:
        note("begun", event)
        if event.payload < 0:
            os._exit(9)
        await asyncio.sleep(milliseconds / 1000)
        if event.payload % 7 == 0:
            raise HandlerError("every seventh is bad")
        note("handled", event)

    print("ready", flush=True)
    await bus.run("5s")


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2], Path(sys.argv[3]), int(sys.argv[4])))
