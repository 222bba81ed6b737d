"""Starts, stops and errors of services: which instances there are, and markers for the charts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import NamedTuple

import msgspec
from django.db.models import Count

from ingest.folds.moments import moment_of
from ingest.folds.rows import evict_oldest, rows_named
from ingest.folds.text import bounded
from ingest.models import ServiceEvent, ServiceInstance
from ingest.records import Record
from ingest.system import ErrorInfo, ErrorOccurred, HealthReport, ServiceChange

__all__ = [
    "ERRORS_A_MINUTE",
    "InstanceKey",
    "InstanceState",
    "Sign",
    "fold_services",
    "limit_errors",
    "record_services",
    "signs_of",
]

ERRORS_A_MINUTE = 10
"""Markers kept of one service's errors; the events themselves are all stored."""
_MINUTE_MS = 60_000
_KINDS = {
    "ServiceStarted": "started",
    "ServiceStopped": "stopped",
    "worker-online": "started",
    "worker-offline": "stopped",
}


class InstanceKey(NamedTuple):
    service: str
    instance: str


class Sign(NamedTuple):
    """A sign of life; ``kind`` is started, stopped, error or seen (which leaves no marker)."""

    key: InstanceKey
    kind: str
    at_ms: int
    version: str = ""
    host: str = ""
    text: str = ""


class InstanceState(msgspec.Struct, frozen=True):
    seen_ms: int
    version: str = ""
    host: str = ""
    started_ms: int | None = None
    stopped_ms: int | None = None


def signs_of(records: Iterable[Record]) -> list[Sign]:
    signs = (_sign(record, record.detail) for record in records)
    return [sign for sign in signs if sign is not None and sign.key.service]


def _sign(record: Record, detail: object) -> Sign | None:
    at_ms = moment_of(record)
    if isinstance(detail, ServiceChange):
        key = InstanceKey(bounded(detail.service, 200), bounded(detail.instance, 200))
        kind = _KINDS.get(record.event_type, "seen")
        return Sign(key, kind, at_ms, bounded(detail.version, 100), bounded(detail.host, 200))
    if isinstance(detail, ErrorOccurred):
        service = bounded(detail.service, 200) or bounded(record.source, 200)
        key = InstanceKey(service, bounded(detail.instance, 200))
        return Sign(key, "error", at_ms, text=_words(detail.error))
    if isinstance(detail, HealthReport):
        key = InstanceKey(bounded(detail.service, 200), bounded(detail.instance, 200))
        return Sign(key, "seen", at_ms)
    return None


def _words(error: ErrorInfo) -> str:
    return bounded(": ".join(part for part in (error.type, error.message) if part), 500)


def fold_services(
    states: Mapping[InstanceKey, InstanceState], signs: Sequence[Sign]
) -> dict[InstanceKey, InstanceState]:
    """The instances that ``signs`` change. Pure; what is older than what is known changes little."""
    changed: dict[InstanceKey, InstanceState] = {}
    for sign in sorted(signs, key=lambda sign: sign.at_ms):
        before = changed.get(sign.key) or states.get(sign.key) or InstanceState(0)
        changed[sign.key] = _after(before, sign)
    return changed


def _after(before: InstanceState, sign: Sign) -> InstanceState:
    started, stopped = before.started_ms, before.stopped_ms
    if sign.kind == "started" and sign.at_ms >= (started or 0):
        started = sign.at_ms
        stopped = stopped if stopped is not None and stopped > sign.at_ms else None
    elif sign.kind == "stopped" and sign.at_ms >= max(started or 0, stopped or 0):
        stopped = sign.at_ms
    newer = sign.at_ms >= before.seen_ms
    return InstanceState(
        seen_ms=max(before.seen_ms, sign.at_ms),
        version=(newer and sign.version) or before.version,
        host=(newer and sign.host) or before.host,
        started_ms=started,
        stopped_ms=stopped,
    )


def limit_errors(signs: Sequence[Sign], kept: Mapping[tuple[str, int], int]) -> list[Sign]:
    """The markers to keep: all starts and stops, of errors the first few a service and minute.

    ``kept`` counts those that stand already, by (service, minute). Pure.
    """
    counts = Counter(dict(kept))
    markers: list[Sign] = []
    for sign in signs:
        if sign.kind == "error":
            place = (sign.key.service, sign.at_ms // _MINUTE_MS)
            counts[place] += 1
            if counts[place] > ERRORS_A_MINUTE:
                continue
        if sign.kind != "seen":
            markers.append(sign)
    return markers


def record_services(signs: Sequence[Sign]) -> None:
    """Fold ``signs`` into the rows, in the caller's transaction."""
    if not signs:
        return
    rows = rows_named(ServiceInstance, "service", {sign.key.service for sign in signs})
    states = {InstanceKey(row.service, row.instance): _state(row) for row in rows}
    changed = fold_services(states, signs)
    ServiceInstance.objects.bulk_create(
        [
            ServiceInstance(**key._asdict(), **msgspec.structs.asdict(state))
            for key, state in changed.items()
        ],
        update_conflicts=True,
        unique_fields=list(InstanceKey._fields),
        update_fields=list(InstanceState.__struct_fields__),
    )
    ServiceEvent.objects.bulk_create(_marker(sign) for sign in limit_errors(signs, _kept(signs)))
    evict_oldest(ServiceInstance)


def _kept(signs: Sequence[Sign]) -> dict[tuple[str, int], int]:
    """Error markers that stand in the minutes that ``signs`` touch."""
    times = [sign.at_ms for sign in signs if sign.kind == "error"]
    if not times:
        return {}
    first, last = min(times) // _MINUTE_MS, max(times) // _MINUTE_MS
    found = (
        ServiceEvent.objects.filter(
            kind="error", at_ms__gte=first * _MINUTE_MS, at_ms__lt=(last + 1) * _MINUTE_MS
        )
        .values_list("service", "at_ms")
        .annotate(rows=Count("id"))
    )
    counts: Counter[tuple[str, int]] = Counter()
    for service, at_ms, rows in found.iterator(chunk_size=2000):
        counts[service, at_ms // _MINUTE_MS] += rows
    return counts


def _state(row: ServiceInstance) -> InstanceState:
    return InstanceState(row.seen_ms, row.version, row.host, row.started_ms, row.stopped_ms)


def _marker(sign: Sign) -> ServiceEvent:
    return ServiceEvent(
        kind=sign.kind,
        service=sign.key.service,
        instance=sign.key.instance,
        version=sign.version,
        text=sign.text,
        at_ms=sign.at_ms,
    )
