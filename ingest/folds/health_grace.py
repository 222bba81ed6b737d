"""A service that has just started may be unwell for a moment: its word does not count yet. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ingest.folds.health_words import HEALTHY, UNKNOWN, ComponentKey, ComponentState, HealthSample

__all__ = ["Starts", "excuse_starting"]

Starts = Mapping[tuple[str, str], int]
"""When an instance last started (ms), by (service, instance); by (service, "") the last of its service."""


def excuse_starting(
    states: Mapping[ComponentKey, ComponentState],
    samples: Sequence[HealthSample],
    starts: Starts,
    *,
    grace_ms: int,
) -> list[HealthSample]:
    """``samples`` by time; unwell ones within ``grace_ms`` of a start are *unknown*, and say why.

    What was unwell before the start stays so until it is well, and the grace is given once: an instance
    that starts again and again does not hide behind it.
    """
    known = {key: (state.status, state.since_ms) for key, state in states.items()}
    found = []
    for sample in sorted(samples, key=lambda sample: sample.at_ms):
        before = known.get(sample.key)
        if sample.status != HEALTHY and _may_be_excused(before, sample.at_ms, grace_ms):
            sample = _excused(sample, starts, grace_ms)
        same = before is not None and before[0] == sample.status
        known[sample.key] = before if before and same else (sample.status, sample.at_ms)
        found.append(sample)
    return found


def _may_be_excused(before: tuple[str, int] | None, at_ms: int, grace_ms: int) -> bool:
    if before is None or before[0] == HEALTHY:
        return True
    status, since_ms = before
    return status == UNKNOWN and at_ms - since_ms <= grace_ms


def _excused(sample: HealthSample, starts: Starts, grace_ms: int) -> HealthSample:
    started_ms = starts.get((sample.key.service, sample.key.instance))
    if started_ms is None or not 0 <= sample.at_ms - started_ms < grace_ms:
        return sample
    note = {
        "name": "start",
        "status": UNKNOWN,
        "latencyMs": None,
        "output": f"Said {sample.status} within {grace_ms / 1000:g} s of its start; not counted.",
    }
    return sample._replace(status=UNKNOWN, checks=(note, *sample.checks))
