"""Changes of circuit breakers: the latest state of each instance, and every change."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec

from ingest.folds.moments import moment_of
from ingest.folds.rows import evict_oldest, rows_named
from ingest.folds.text import bounded, finite, whole
from ingest.models import Breaker, BreakerSample, BreakerTransition
from ingest.records import Position, Record
from ingest.system import BreakerChange

__all__ = [
    "BreakerKey",
    "BreakerState",
    "Change",
    "Folded",
    "changes_of",
    "fold_breakers",
    "map_state",
    "record_breakers",
]

_WORDS = {
    "closed": "closed",
    "close": "closed",
    "open": "open",
    "opened": "open",
    "half_open": "half_open",
    "halfopen": "half_open",
    "half_opened": "half_open",
    "forced_open": "forced_open",
    "isolated": "forced_open",  # Polly
    "disabled": "disabled",
    "metrics_only": "disabled",  # Resilience4j: it measures but never opens
    "forced_closed": "disabled",
}
_HUMP = re.compile(r"(?<=[a-z])(?=[A-Z])")
_REASON = 1_000


class BreakerKey(NamedTuple):
    name: str
    service: str
    instance: str


class BreakerState(msgspec.Struct, frozen=True):
    """What is kept of a breaker instance."""

    state: str
    since_ms: int
    seen_ms: int
    failure_count: int = 0
    failure_threshold: int = 0
    reset_timeout_ms: float = 0
    half_open_timeout_ms: float = 0
    error_rate: float | None = None
    latency_ms: float | None = None
    throughput: float | None = None
    reason: str = ""


class Folded(NamedTuple):
    """``altered`` states, ``history`` of changes, and ``repeats`` that only renewed the numbers."""

    altered: dict[BreakerKey, BreakerState]
    history: list[Change]
    repeats: list[Change]


class Change(NamedTuple):
    """One report: what the breaker became, where the report lies, and how many calls it ``rejected`` before."""

    key: BreakerKey
    before: str
    after: BreakerState
    stream_id: int
    position: Position
    rejected: int = 0

    @property
    def only_tells(self) -> bool:
        """Whether it says how the breaker stands, and not that it has changed."""
        return self.before == self.after.state


def map_state(name: str) -> str:
    """A state in our words; Resilience4j, Polly, pybreaker, opossum, Hystrix are known.

    A name that nobody knows stays as it is (cut), so that it is seen.
    """
    snake = re.sub(r"[\s-]+", "_", _HUMP.sub("_", name.strip())).lower()
    return _WORDS.get(snake, bounded(snake, 16))


def changes_of(stream_id: int, records: Iterable[Record]) -> list[Change]:
    return [
        _change(stream_id, record, record.detail)
        for record in records
        if isinstance(record.detail, BreakerChange)
    ]


def _change(stream_id: int, record: Record, told: BreakerChange) -> Change:
    at_ms = moment_of(record)
    after = BreakerState(
        state=map_state(told.to),
        since_ms=at_ms,
        seen_ms=at_ms,
        failure_count=whole(told.failure_count),
        failure_threshold=whole(told.failure_threshold),
        reset_timeout_ms=finite(told.reset_timeout_ms) or 0.0,
        half_open_timeout_ms=finite(told.half_open_timeout_ms) or 0.0,
        error_rate=finite(told.error_rate),
        latency_ms=finite(told.latency_ms),
        throughput=finite(told.throughput),
        reason=bounded(told.reason, _REASON),
    )
    key = BreakerKey(
        bounded(told.name, 200), bounded(told.service, 200), bounded(told.instance, 200)
    )
    before, rejected = map_state(told.from_), whole(told.rejected_count)
    return Change(key, before, after, stream_id, record.position, rejected)


def fold_breakers(states: Mapping[BreakerKey, BreakerState], changes: Sequence[Change]) -> Folded:
    """What ``changes`` do. Pure.

    A report older than what is known is history only, or nothing if it only tells how the breaker stands.
    One that repeats the state renews the numbers, keeps ``since_ms`` (and the reason, if it tells none) and
    is no history; nor is the first word of a breaker that has not changed. A report without ``from``, or
    that only tells, takes the state known before.
    """
    altered: dict[BreakerKey, BreakerState] = {}
    history: list[Change] = []
    repeats: list[Change] = []
    for change in sorted(changes, key=lambda change: change.after.since_ms):
        known = altered.get(change.key) or states.get(change.key)
        if known is not None and change.after.since_ms < known.seen_ms:
            (repeats if change.only_tells else history).append(change)
            continue
        same = known is not None and known.state == change.after.state
        since_ms = known.since_ms if known and same else change.after.since_ms
        reason = change.after.reason or (known.reason if known and same else "")
        altered[change.key] = msgspec.structs.replace(
            change.after, since_ms=since_ms, reason=reason
        )
        if same or (known is None and change.only_tells):
            repeats.append(change)
        else:
            said = "" if change.only_tells else change.before
            before = said or (known.state if known else "")
            history.append(change._replace(before=before))
    return Folded(altered, history, repeats)


def record_breakers(changes: Sequence[Change]) -> None:
    """Fold ``changes`` into the rows, in the caller's transaction."""
    if not changes:
        return
    names = {change.key.name for change in changes}
    rows = {_key(row): row for row in rows_named(Breaker, "name", names)}
    folded = fold_breakers({key: _state(row) for key, row in rows.items()}, changes)
    if folded.altered:
        saved = Breaker.objects.bulk_create(
            [
                Breaker(**key._asdict(), **_values(state), first_ms=state.since_ms)
                for key, state in folded.altered.items()
            ],
            update_conflicts=True,
            unique_fields=list(BreakerKey._fields),
            update_fields=list(BreakerState.__struct_fields__),
        )
        rows |= {_key(row): row for row in saved}
    BreakerTransition.objects.bulk_create(
        _transition(rows[change.key].pk, change) for change in folded.history
    )
    BreakerSample.objects.bulk_create(
        _sample(rows[change.key].pk, change)
        for change in folded.repeats
        if change.rejected or _has_numbers(change.after)
    )
    evict_oldest(Breaker)


def _transition(breaker_id: int, change: Change) -> BreakerTransition:
    after = change.after
    return BreakerTransition(
        breaker_id=breaker_id,
        at_ms=after.since_ms,
        from_state=change.before,
        to_state=after.state,
        error_rate=after.error_rate,
        latency_ms=after.latency_ms,
        throughput=after.throughput,
        reason=after.reason,
        rejected=change.rejected,
        stream_id=change.stream_id,
        major=change.position.major,
        minor=change.position.minor,
    )


def _has_numbers(state: BreakerState) -> bool:
    return not (state.error_rate is None and state.latency_ms is None and state.throughput is None)


def _sample(breaker_id: int, change: Change) -> BreakerSample:
    told = change.after
    return BreakerSample(
        breaker_id=breaker_id,
        at_ms=told.since_ms,
        error_rate=told.error_rate,
        latency_ms=told.latency_ms,
        throughput=told.throughput,
        rejected=change.rejected,
    )


def _key(row: Breaker) -> BreakerKey:
    return BreakerKey(row.name, row.service, row.instance)


def _state(row: Breaker) -> BreakerState:
    return BreakerState(**{name: getattr(row, name) for name in BreakerState.__struct_fields__})


def _values(state: BreakerState) -> dict[str, object]:
    return msgspec.structs.asdict(state)
