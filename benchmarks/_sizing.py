"""How much of everything a rate of events wants, worked out from measured figures (`_sizing.toml`).

    python -m benchmarks._sizing

Prints the table of `docs/scaling.md`. Nothing is measured here.
"""

from __future__ import annotations

import argparse
import math
import random
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

__all__ = [
    "RATES",
    "Figures",
    "Needs",
    "fan_out",
    "needs_of",
    "read_figures",
    "reconnected",
    "table",
]

RATES = (1_000, 10_000, 50_000, 100_000, 250_000, 1_000_000)
DAY_S = 86_400


class Figures(NamedTuple):
    """The three sections of ``_sizing.toml``."""

    measured: Mapping[str, float]
    planned: Mapping[str, float]
    published: Mapping[str, float]


class Needs(NamedTuple):
    """What a rate (events a second, each with one receipt) wants.

    ``broker_mb_s``: in; ``stored_tb``: of the kept days; ``insert_mb_s``: to the store.
    """

    rate: int
    workers: int
    partitions: int
    workers_gb: float
    broker_mb_s: float
    kafka_brokers: int
    insert_mb_s: float
    stored_tb: float


def read_figures(path: Path | None = None) -> Figures:
    told = tomllib.loads((path or Path(__file__).with_suffix(".toml")).read_text("utf-8"))
    return Figures(told["measured"], told["planned"], told["published"])


def needs_of(rate: int, figures: Figures) -> Needs:
    """Pure."""
    measured, planned = figures.measured, figures.planned
    cores = rate * measured["event_us"] / 1e6 / planned["busy"]
    workers = max(1, math.ceil(cores))
    broker = rate * (measured["event_bytes"] + measured["receipt_bytes"]) / 1e6
    return Needs(
        rate=rate,
        workers=workers,
        partitions=math.ceil(workers * planned["spread"]) if workers > 1 else 1,
        workers_gb=workers * measured["worker_mb"] / 1000,
        broker_mb_s=broker,
        kafka_brokers=max(1, math.ceil(3 * broker / figures.published["kafka_mb_s"])),
        insert_mb_s=rate * measured["stored_bytes"] / 1e6,
        stored_tb=rate * measured["stored_bytes"] * DAY_S * planned["kept_days"] / 1e12,
    )


def fan_out(viewers: int, figures: Figures) -> tuple[int, float, float]:
    """Web processes for so many open pages, one of which may die, and their network and CPU:
    (processes, MB/s, cores)."""
    measured = figures.measured
    processes = math.ceil(viewers / measured["sockets"]) + 1
    sent = viewers * measured["tick_bytes"] / 1e6
    return processes, sent, viewers / measured["sockets"] * measured["tick_s"]


def reconnected(viewers: int, processes: int, *, seed: int = 1) -> tuple[int, int]:
    """Most sockets of a process before and after one dies, its pages opening others where the balancer has
    fewest; pages come and go meanwhile, so that no process is as full as the next."""
    chance = random.Random(seed)
    sockets = [0] * processes
    for _ in range(viewers):
        _join(sockets)
    for _ in range(viewers):
        _leave(sockets, chance)
        _join(sockets)
    before = max(sockets)
    lost = sockets.pop(chance.randrange(processes))
    for _ in range(lost):
        _join(sockets)
    return before, max(sockets)


def _join(sockets: list[int]) -> None:
    sockets[sockets.index(min(sockets))] += 1


def _leave(sockets: list[int], chance: random.Random) -> None:
    """A random page is closed."""
    [place] = chance.choices(range(len(sockets)), weights=sockets)
    sockets[place] -= 1


def table(figures: Figures) -> str:
    """The sizing table and the one of open pages, as Markdown."""
    lines = [
        "| events a second | workers (cores) | partitions, at least | memory of workers | broker, in "
        "| Kafka brokers | to the store | 7 days stored |",
        "| ---: | ---: | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for needs in (needs_of(rate, figures) for rate in RATES):
        lines.append(
            f"| {needs.rate:,} | {needs.workers} | {needs.partitions} | {needs.workers_gb:.1f} GB "
            f"| {needs.broker_mb_s:,.1f} MB/s | {needs.kafka_brokers} | {needs.insert_mb_s:,.1f} MB/s "
            f"| {needs.stored_tb:,.2f} TB |"
        )
    lines += [
        "",
        "| open pages | web processes | ticks sent | cores for ticks, at most |",
        "| ---: | ---: | ---: | ---: |",
    ]
    for viewers in (200, 1_000, 10_000, 100_000):
        processes, sent, cores = fan_out(viewers, figures)
        lines.append(f"| {viewers:,} | {processes} | {sent:,.0f} MB/s | {cores:.1f} |")
    return "\n".join(lines)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    print(table(read_figures()))


if __name__ == "__main__":
    main()
