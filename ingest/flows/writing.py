"""Adding what was counted to the stored rows, within bounds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping

import numpy as np
from django.db.models import Q

from ingest.flows.counting import Place, Tally
from ingest.models import FlowCount
from ingest.queries.flows import open_delays, pack_delays

__all__ = ["MOST_NAMES", "MOST_STARTS", "MOST_STEPS", "add_tallies"]

MOST_STARTS = 200
"""Starting types a day."""
MOST_STEPS = 300
"""Rows of one starting type a day."""
MOST_NAMES = 16
OTHERS = "__overflow__"


def add_tallies(tallies: Mapping[Place, Tally]) -> int:
    """Add to the rows of each place, making those that are new; how many did not fit.

    In the caller's transaction, by one learner at a time.
    """
    if not tallies:
        return 0
    rows = _rows(tallies)
    kept = _within_bounds(tallies, rows)
    made: list[FlowCount] = []
    changed: list[FlowCount] = []
    for place in kept:
        row = rows.get(place)
        (changed if row else made).append(
            _added(row or _new(place, tallies[place]), tallies[place])
        )
    FlowCount.objects.bulk_create(made, batch_size=200)
    fields = ["correlations", "occurrences", "delays", "sources", "without", "first_ms", "last_ms"]
    FlowCount.objects.bulk_update(changed, fields, batch_size=100)
    return len(tallies) - len(kept)


def _rows(tallies: Mapping[Place, Tally]) -> dict[Place, FlowCount]:
    """What is stored of the same days and starts."""
    pairs = sorted({(place.day, place.start) for place in tallies})
    found: dict[Place, FlowCount] = {}
    for begin in range(0, len(pairs), 100):
        wanted = Q()
        for day, start in pairs[begin : begin + 100]:
            wanted |= Q(day=day, start=start)
        for row in FlowCount.objects.filter(wanted):
            found[Place(row.day, row.start, row.parent, row.type)] = row
    return found


def _within_bounds(tallies: Mapping[Place, Tally], rows: Mapping[Place, FlowCount]) -> list[Place]:
    """The places that have a row or may get one; the commonest first."""
    days = {place.day for place in tallies}
    starts = Counter(
        FlowCount.objects.filter(day__in=days, parent="", type="").values_list("day", flat=True)
    )
    steps = Counter((place.day, place.start) for place in rows)
    wanted = sorted(tallies, key=lambda place: (-tallies[place].correlations, place))
    wanted.sort(key=lambda place: bool(place.type))
    kept: list[Place] = []
    for place in wanted:
        flow = (place.day, place.start)
        if place not in rows:
            if not steps[flow] and (place.type or starts[place.day] >= MOST_STARTS):
                continue
            if steps[flow] >= MOST_STEPS:
                continue
            starts[place.day] += not place.type
            steps[flow] += 1
        kept.append(place)
    return kept


def _new(place: Place, tally: Tally) -> FlowCount:
    return FlowCount(**place._asdict(), first_ms=tally.first_ms, last_ms=tally.last_ms)


def _added(row: FlowCount, tally: Tally) -> FlowCount:
    row.correlations += tally.correlations
    row.occurrences += tally.occurrences
    delays = open_delays(row.delays)
    delays[tally.bins] += tally.counts
    used = np.flatnonzero(delays)
    row.delays = pack_delays(used, delays[used])
    row.sources = _bounded(row.sources, tally.sources)
    row.without = _bounded(row.without, tally.without)
    row.first_ms = min(row.first_ms, tally.first_ms)
    row.last_ms = max(row.last_ms, tally.last_ms)
    return row


def _bounded(known: Mapping[str, int], added: Mapping[str, int]) -> dict[str, int]:
    """Both together; names beyond the bound are counted as one."""
    total = dict(known)
    for name in sorted(added, key=lambda name: (-added[name], name)):
        fits = name in total or len(total) < MOST_NAMES
        kept = name if fits else OTHERS
        total[kept] = total.get(kept, 0) + added[name]
    return total
