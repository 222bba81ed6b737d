"""Keeps the past of what has none of its own: backlogs, components, absences and the like, once a minute.

A row a metric and minute, of its worst `MOST_KEPT` members, so that a rule can be tried on it. What is
older than the longest trial and a day goes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
import zstandard

from dashboard.alerts.answering import Facts
from dashboard.alerts.models import ReadingSample
from dashboard.alerts.reading import read_facts
from dashboard.alerts.remembering import Memory
from dashboard.measures import MEASURES, SAMPLES
from eventscope import stamps

__all__ = [
    "KEPT_MS",
    "LETTERS",
    "SAMPLED",
    "SAMPLE_MS",
    "Sampled",
    "Sampler",
    "pack",
    "sampled_of",
    "unpack",
]

SAMPLE_MS = 60_000
KEPT_MS = 8 * 86_400_000
MOST_KEPT = 200
LARGEST = 1 << 24
SAMPLED = frozenset(name for name, one in MEASURES.items() if one.past == SAMPLES)
LETTERS = "dead_letters_open"


class Sampled(NamedTuple):
    """One member at one moment: its value (None: it could not be measured) and the parts of its name."""

    subject: str
    value: float | None
    labels: Mapping[str, str]


class Sampler:
    """Samples all that keep no past of their own, and remembers what changes slowly."""

    def __init__(self) -> None:
        self._memory = Memory()

    def step(self, *, now_ms: int | None = None) -> int:
        """A row a metric for this minute, whoever comes first; how many were written."""
        now = stamps.now_ms() if now_ms is None else now_ms
        minute = now // SAMPLE_MS * SAMPLE_MS
        ReadingSample.objects.filter(at_ms__lt=now - KEPT_MS).delete()
        if ReadingSample.objects.filter(at_ms=minute).exists():
            return 0
        facts = read_facts(now, SAMPLED, self._memory)
        rows = [
            ReadingSample(metric=metric, at_ms=minute, data=pack(sampled_of(metric, facts)))
            for metric in sorted(SAMPLED)
        ]
        ReadingSample.objects.bulk_create(rows, ignore_conflicts=True)
        return len(rows)


def sampled_of(metric: str, facts: Facts) -> list[Sampled]:
    """The members of ``metric`` with their labels, the largest values first. Pure.

    Open dead letters are kept by all their names at once, to be added up as a rule asks.
    """
    if metric == LETTERS:
        every: Iterable[Sampled] = (
            Sampled("", float(row.count), _named(row.type, row.consumer, row.topic))
            for row in facts.waiting
        )
    else:
        every = (
            Sampled(one.subject, one.value, dict(one.labels))
            for one in facts.listed.get(metric, ())
        )
    worst = sorted(every, key=lambda one: (one.value is None, -(one.value or 0.0), one.subject))
    return worst[:MOST_KEPT]


def pack(rows: Iterable[Sampled]) -> bytes:
    return zstandard.ZstdCompressor(level=3).compress(msgspec.json.encode(list(rows)))


def unpack(data: bytes) -> list[Sampled]:
    text = zstandard.ZstdDecompressor().decompress(data, max_output_size=LARGEST)
    return msgspec.json.decode(text, type=list[Sampled])


def _named(type: str, consumer: str, topic: str) -> dict[str, str]:
    return {"type": type, "consumer": consumer, "topic": topic}
