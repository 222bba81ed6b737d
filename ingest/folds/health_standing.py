"""The history of components as rows: the standing that goes on, spans of the past, hours and days."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import NamedTuple

import msgspec
from django.conf import settings

from ingest.folds.health_history import (
    Span,
    Tally,
    join_spans,
    reason_of,
    tally_periods,
    told_spans,
)
from ingest.folds.health_words import ComponentKey, ComponentState, HealthSample
from ingest.folds.rows import evict_oldest, rows_named
from ingest.models import HealthPeriod, HealthSpan, HealthStanding

__all__ = ["record_history"]

_PERIOD = ("standing_id", "seconds", "begin_ms")
_CHUNK = 200


class _Told(NamedTuple):
    """What a batch tells of one component."""

    standing: HealthStanding
    spans: list[Span]
    samples: list[HealthSample]


def record_history(
    states: Mapping[ComponentKey, ComponentState], samples: Sequence[HealthSample]
) -> None:
    """Add ``samples`` to the history, in the caller's transaction.

    ``states`` are the instances of their components before. A standing is locked until the transaction
    ends, so that two workers add to one component one after the other.
    """
    ordered = sorted(samples, key=lambda sample: (sample.key.component, sample.at_ms))
    by_name = {
        name: list(group) for name, group in groupby(ordered, key=lambda one: one.key.component)
    }
    told = [
        _told(standing, states, by_name[standing.component]) for standing in _standings(by_name)
    ]
    past = [span for one in told for span in _go_on(one)]
    HealthSpan.objects.bulk_create(past)
    HealthStanding.objects.bulk_update(
        [one.standing for one in told],
        ["status", "from_ms", "seen_ms", "reason"],
        batch_size=_CHUNK,
    )
    _add_to_periods(told)
    evict_oldest(HealthStanding)


def _standings(by_name: Mapping[str, Sequence[HealthSample]]) -> list[HealthStanding]:
    """One a component, locked; a component that is new stands from its first result on."""
    found = list(rows_named(HealthStanding, "component", by_name))
    missing = set(by_name) - {row.component for row in found}
    if not missing:
        return found
    HealthStanding.objects.bulk_create(
        [_first(name, by_name[name][0]) for name in sorted(missing)], ignore_conflicts=True
    )
    return [*found, *rows_named(HealthStanding, "component", missing)]


def _first(component: str, sample: HealthSample) -> HealthStanding:
    return HealthStanding(
        component=component,
        status=sample.status,
        from_ms=sample.at_ms,
        seen_ms=sample.at_ms,
        began_ms=sample.at_ms,
        reason=reason_of(sample),
    )


def _told(
    standing: HealthStanding,
    states: Mapping[ComponentKey, ComponentState],
    samples: list[HealthSample],
) -> _Told:
    spans = told_spans(
        {key: state for key, state in states.items() if key.component == standing.component},
        samples,
        told_ms=standing.seen_ms,
        silent_ms=settings.HEALTH_SILENT_MS,
    )
    return _Told(standing, spans, samples)


def _go_on(told: _Told) -> list[HealthSpan]:
    """The standing goes on with the last span; the ones before it are past."""
    standing = told.standing
    before = Span(standing.status, standing.from_ms, standing.seen_ms, standing.reason)
    *past, last = join_spans([before, *told.spans])
    standing.status, standing.from_ms, standing.seen_ms, standing.reason = last
    return [HealthSpan(standing_id=standing.pk, **span._asdict()) for span in past]


def _add_to_periods(told: Sequence[_Told]) -> None:
    tallies = {
        (one.standing.pk, *place): tally
        for one in told
        for place, tally in tally_periods(one.spans, one.samples).items()
    }
    known = HealthPeriod.objects.filter(
        standing__in={standing for standing, _, _ in tallies},
        begin_ms__in={begin for _, _, begin in tallies},
    )
    rows = {(row.standing_id, row.seconds, row.begin_ms): row for row in known}
    HealthPeriod.objects.bulk_create(
        [
            _added(rows.get(place) or HealthPeriod(**dict(zip(_PERIOD, place, strict=True))), tally)
            for place, tally in sorted(tallies.items(), key=lambda item: item[0])
        ],
        update_conflicts=True,
        unique_fields=["standing", "seconds", "begin_ms"],
        update_fields=list(Tally.__struct_fields__),
        batch_size=_CHUNK,
    )


def _added(row: HealthPeriod, tally: Tally) -> HealthPeriod:
    for name, more in msgspec.structs.asdict(tally).items():
        if name == "slowest_ms":
            known = [one for one in (row.slowest_ms, more) if one is not None]
            row.slowest_ms = max(known, default=None)
        else:
            setattr(row, name, getattr(row, name) + more)
    row.pk = None
    return row
