"""How a component stood over time, merged over its instances, as results come in. Pure.

At any moment the worst of the instances that told something within the last ``silent_ms`` speaks for the
component; when none did, how it stands is unknown. The past is written once, in order of time: a result
that comes late changes what an instance stands at, never what has been told of the time before.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

import msgspec

from ingest.folds.health_words import (
    DEGRADED,
    HEALTHY,
    UNHEALTHY,
    UNKNOWN,
    ComponentKey,
    ComponentState,
    HealthSample,
    worst_status,
)

__all__ = [
    "DAY_S",
    "HOUR_S",
    "SILENCE",
    "Span",
    "Tally",
    "join_spans",
    "reason_of",
    "tally_periods",
    "told_spans",
]

HOUR_S, DAY_S = 3_600, 86_400
SILENCE = "Nothing was told."
_REASON = 300


class Span(NamedTuple):
    """[from, until) of one status; ``reason`` is why it came to be so, "" for a healthy one."""

    status: str
    from_ms: int
    until_ms: int
    reason: str = ""


class Tally(msgspec.Struct):
    """What is added to a `HealthPeriod`; fields of the same names."""

    healthy_ms: int = 0
    degraded_ms: int = 0
    unhealthy_ms: int = 0
    results: int = 0
    failures: int = 0
    timed: int = 0
    latency_ms: float = 0.0
    slowest_ms: float | None = None


class _Voices:
    """The instances whose word still counts; each falls silent at its time."""

    def __init__(self, silent_ms: int) -> None:
        self._silent_ms = silent_ms
        self._latest: dict[ComponentKey, tuple[str, int]] = {}
        self._counts: Counter[str] = Counter()
        self._ends: list[tuple[int, ComponentKey]] = []

    def hear(self, key: ComponentKey, status: str, seen_ms: int) -> None:
        self._drop(key)
        end = seen_ms + self._silent_ms
        self._latest[key] = status, end
        self._counts[status] += 1
        heapq.heappush(self._ends, (end, key))

    def seen_ms(self, key: ComponentKey) -> int:
        return self._latest[key][1] - self._silent_ms if key in self._latest else -1

    def next_end(self) -> int | None:
        """When the next of them falls silent; words that were renewed since have another end."""
        while self._ends:
            end, key = self._ends[0]
            if key in self._latest and self._latest[key][1] == end:
                return end
            heapq.heappop(self._ends)
        return None

    def fall_silent(self, at_ms: int) -> None:
        while (end := self.next_end()) is not None and end <= at_ms:
            self._drop(self._ends[0][1])

    def status(self) -> str:
        return worst_status(status for status, count in self._counts.items() if count)

    def _drop(self, key: ComponentKey) -> None:
        if key in self._latest:
            self._counts[self._latest.pop(key)[0]] -= 1


def told_spans(
    states: Mapping[ComponentKey, ComponentState],
    samples: Sequence[HealthSample],
    *,
    told_ms: int,
    silent_ms: int,
) -> list[Span]:
    """What ``samples`` of one component tell of the time since ``told_ms``, oldest first, joined.

    ``states`` are its instances before. Only the time up to the newest sample is told; the last span says
    how it stands from there on, and may be empty.
    """
    voices = _Voices(silent_ms)
    for key, state in states.items():
        voices.hear(key, state.status, state.seen_ms)
    voices.fall_silent(told_ms)
    found: list[Span] = []
    reason = ""
    for sample in sorted(samples, key=lambda sample: sample.at_ms):
        pieces = list(_until(voices, told_ms, sample.at_ms, reason))
        reason = pieces[-1].reason if pieces else reason
        found += pieces
        told_ms = max(told_ms, sample.at_ms)
        if sample.at_ms >= voices.seen_ms(sample.key):
            before = voices.status()
            voices.hear(sample.key, sample.status, sample.at_ms)
            voices.fall_silent(told_ms)
            reason = reason if voices.status() == before else reason_of(sample)
    return join_spans([*found, Span(voices.status(), told_ms, told_ms, reason)])


def _until(voices: _Voices, from_ms: int, until_ms: int, reason: str) -> Iterator[Span]:
    """The pieces up to ``until_ms``, cut where a voice falls silent; ``reason`` is that of the first."""
    at, began = from_ms, voices.status()
    while at < until_ms:
        end = voices.next_end()
        stop = until_ms if end is None else min(end, until_ms)
        status = voices.status()
        if status != began:
            began, reason = status, SILENCE if status == UNKNOWN else ""
        yield Span(status, at, stop, reason)
        voices.fall_silent(stop)
        at = stop


def reason_of(sample: HealthSample) -> str:
    """Which check was not well and what it said, and whose it was."""
    unwell = [check for check in sample.checks if check.get("status") not in (HEALTHY, None)]
    if sample.status == HEALTHY or not unwell:
        return ""
    said = ": ".join(str(part) for part in (unwell[0]["name"], unwell[0].get("output")) if part)
    whose = sample.key.instance or sample.key.service
    return (f"{said} ({whose})" if whose else said)[:_REASON]


def join_spans(spans: Iterable[Span]) -> list[Span]:
    """Spans of one status that follow each other as one; the first reason that is known stays.

    Of empty ones only the last is kept.
    """
    found: list[Span] = []
    for span in spans:
        if found and found[-1].from_ms == found[-1].until_ms:
            empty = found.pop()
            span = span._replace(reason=_first_reason(empty, span))
        last = found[-1] if found else None
        if last and last.status == span.status and last.until_ms == span.from_ms:
            found[-1] = last._replace(until_ms=span.until_ms, reason=last.reason or span.reason)
        else:
            found.append(span)
    return found


def _first_reason(empty: Span, span: Span) -> str:
    return (empty.status == span.status and empty.reason) or span.reason


def tally_periods(
    spans: Iterable[Span], samples: Iterable[HealthSample]
) -> dict[tuple[int, int], Tally]:
    """What is to be added to hours and days, by (seconds, begin ms). A result counts where it falls."""
    found: dict[tuple[int, int], Tally] = {}
    for seconds in (HOUR_S, DAY_S):
        for span in spans:
            _add_span(found, span, seconds)
        for sample in samples:
            begin = sample.at_ms // (seconds * 1000) * seconds * 1000
            _add_result(found.setdefault((seconds, begin), Tally()), sample)
    return found


def _add_span(found: dict[tuple[int, int], Tally], span: Span, seconds: int) -> None:
    if span.status not in (HEALTHY, DEGRADED, UNHEALTHY):
        return
    wide, name = seconds * 1000, f"{span.status}_ms"
    for begin in range(span.from_ms // wide * wide, span.until_ms, wide):
        tally = found.setdefault((seconds, begin), Tally())
        length = min(span.until_ms, begin + wide) - max(span.from_ms, begin)
        setattr(tally, name, getattr(tally, name) + length)


def _add_result(tally: Tally, sample: HealthSample) -> None:
    tally.results += 1
    tally.failures += sample.status != HEALTHY
    if sample.latency_ms is not None:
        tally.timed += 1
        tally.latency_ms += sample.latency_ms
        tally.slowest_ms = max(tally.slowest_ms or 0.0, sample.latency_ms)
