"""Refills a broker each second, in a process of its own: ``python -m benchmarks._filler URL``.

Streams are kept short, so that a worker that cannot follow does not fill the broker's memory.
"""

from __future__ import annotations

import sys
import time

import redis

from benchmarks._workload import RECEIPTS_A_MESSAGE, SYSTEM, TOPICS, fill

EVENTS = 20_000
KEPT = 200_000
"""Of each topic; and of receipts, many a message, about as many as tell of them."""
ROUNDS = 1_800
"""Ends by itself, should nobody end it."""


def main() -> None:
    with redis.Redis.from_url(sys.argv[1]) as client:
        for seed in range(1, ROUNDS):
            fill(client, EVENTS, seed=seed)
            for topic in TOPICS:
                client.xtrim(topic, maxlen=KEPT, approximate=True)
            client.xtrim(SYSTEM, maxlen=3 * KEPT // RECEIPTS_A_MESSAGE, approximate=True)
            time.sleep(1.0)


if __name__ == "__main__":
    main()
