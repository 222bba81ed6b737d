"""Who reads what while workers join and die: the real leases under a clock that is only counted.

    python -m benchmarks.assignment [--workers 24] [--partitions 240] [--long] [--json]

Simulated workers claim and renew as `ingest.pipeline` does (each third of a lease, at moments of their own,
seeded); one is added, one is killed, half are killed at once, all come back. Nothing waits: a minute of
simulated time takes as long as its statements. Told are the seconds until the work is spread evenly
again and the longest that a partition had no living reader. `docs/scaling.md` rests on it.
"""

from __future__ import annotations

import argparse
import math
import os
import random
import tempfile
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from benchmarks._figures import show

LEASE = 7.0
STEP = 0.1
SETTLED = 40.0


class Change(NamedTuple):
    """What happens at a moment: ``join`` workers come, ``kill`` die without a word."""

    name: str
    join: int = 0
    kill: int = 0


class Outcome(NamedTuple):
    """Of one change, in seconds; ``moved`` partitions changed hands, ``needed`` had to.

    ``spread_s``: until every living worker had its share, of ``unread_s``: the longest that a
    partition was nobody's who lives.
    """

    change: str
    spread_s: float
    unread_s: float
    moved: int
    needed: int


class _Worker:
    def __init__(self, name: str, first_s: float) -> None:
        self.name = name
        self.next_s = first_s


class Assignment:
    """``partitions`` streams in the database that Django is set up for, and workers at a counted time."""

    def __init__(self, partitions: int, *, lease: float = LEASE, seed: int = 1) -> None:
        from ingest import leases
        from ingest.models import Stream

        leases.ensure_streams(
            "simulated", [("topic", number, False) for number in range(partitions)]
        )
        self._watched = list(
            Stream.objects.filter(broker="simulated").values_list("id", flat=True).order_by("id")
        )
        self._lease = lease
        self._chance = random.Random(seed)
        self._workers: list[_Worker] = []
        self._made = 0
        self.now = 1_800_000_000.0

    def run(self, changes: Sequence[Change]) -> Iterator[Outcome]:
        """Each change with what became of it; the next comes when all have settled."""
        for change in changes:
            yield self._see(change)

    def _see(self, change: Change) -> Outcome:
        before = self._owners()
        self._apply(change)
        began, spread_at = self.now, None
        unread, longest = dict.fromkeys(self._watched, self.now), 0.0
        while self.now < began + SETTLED:
            self.now += STEP
            acted = self._turn()
            if acted or spread_at is None:
                owners = self._owners()
                living = {worker.name for worker in self._workers}
                for id, owner in owners.items():
                    if owner in living:
                        longest = max(longest, self.now - unread.pop(id, self.now))
                    else:
                        unread.setdefault(id, self.now)
                if not self._even(owners):
                    spread_at = None
                elif spread_at is None:
                    spread_at = self.now
        if spread_at is None:
            raise AssertionError(f"{change.name}: the work was not spread after {SETTLED:.0f} s")
        after = self._owners()
        moved = sum(after[id] != before[id] for id in self._watched)
        return Outcome(change.name, spread_at - began, longest, moved, self._needed(before))

    def _apply(self, change: Change) -> None:
        for worker in self._chance.sample(self._workers, change.kill):
            self._workers.remove(worker)
        for _ in range(change.join):
            self._made += 1
            self._workers.append(_Worker(f"worker-{self._made}", self.now + self._chance.random()))

    def _turn(self) -> bool:
        """Those whose moment has come hold on to what is theirs and claim; whether any did."""
        from ingest import leases

        due = [worker for worker in self._workers if worker.next_s <= self.now]
        for worker in due:
            leases.renew_streams(worker.name, lease=self._lease, now=self.now)
            leases.claim_streams(worker.name, self._watched, lease=self._lease, now=self.now)
            worker.next_s = self.now + self._lease / 3
        return bool(due)

    def _owners(self) -> dict[int, str]:
        """Who holds each partition now, "" where the lease has ended."""
        from ingest.models import Stream

        rows = Stream.objects.filter(id__in=self._watched).values_list(
            "id", "owner", "leased_until"
        )
        return {id: owner if until > self.now else "" for id, owner, until in rows}

    def _even(self, owners: dict[int, str]) -> bool:
        """Whether every partition is read and nobody has more than a share (rounded up)."""
        held = Counter(owners.values())
        share = math.ceil(len(self._watched) / max(1, len(self._workers)))
        living = {worker.name for worker in self._workers}
        return set(held) <= living and all(count <= share for count in held.values())

    def _needed(self, before: dict[int, str]) -> int:
        """How many had to change hands: those of the dead, and what is above a share."""
        held = Counter(owner for owner in before.values())
        share = math.ceil(len(self._watched) / max(1, len(self._workers)))
        living = {worker.name for worker in self._workers}
        lost = sum(count for owner, count in held.items() if owner not in living)
        return lost + sum(max(0, held[owner] - share) for owner in living)


def changes_of(workers: int) -> list[Change]:
    """Those that a fleet of ``workers`` sees in its life."""
    half = workers // 2
    return [
        Change("all start", join=workers),
        Change("an eighth joins", join=max(1, workers // 8)),
        Change("one dies", kill=1),
        Change("half die", kill=half),
        Change("half come back", join=half),
    ]


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        os.environ |= {
            "DJANGO_SETTINGS_MODULE": "config.settings",
            "EVENTSCOPE_DATA": folder,
            "EVENTSCOPE_LOG_LEVEL": "error",
        }
        import django
        from django.core.management import call_command

        django.setup()
        call_command("migrate", database="events", verbosity=0, skip_checks=True)
        simulated = Assignment(options.partitions)
        for outcome in simulated.run(changes_of(options.workers)):
            name = f"assignment: {options.workers} × {options.partitions}, {outcome.change}"
            show(f"{name}, spread after", outcome.spread_s, "s", as_json=options.json)
            show(f"{name}, longest unread", outcome.unread_s, "s", as_json=options.json)
            show(f"{name}, moved", outcome.moved, f"of {outcome.needed}", as_json=options.json)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workers", type=int, default=0, help="default 24, 64 with --long")
    parser.add_argument("--partitions", type=int, default=0, help="default 240, 1024 with --long")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json", action="store_true")
    parsed = parser.parse_args()
    parsed.workers = parsed.workers or (64 if parsed.long else 24)
    parsed.partitions = parsed.partitions or (1024 if parsed.long else 240)
    return parsed


if __name__ == "__main__":
    main()
