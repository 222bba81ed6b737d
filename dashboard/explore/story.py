"""The story of one correlation: who caused whom, who handled what, where the time went.

Pure: events and handlings in, a causal forest in display order out; linear but for the sorting.

1. Copies of one event id are folded into its first appearance.
2. Each event hangs below the one that its causation id names. An id that no event bears is a
   missing parent, shown where it would stand; a ring is cut before its earliest event.
3. Times are put on one axis. Clocks of services differ, so an event is never placed before its
   cause, and a handling never before its event: what was moved, and how far, is kept (``shift_ms``).
4. The critical path is the chain of causes that leads to whatever ended last.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from dashboard.explore.parts import (
    Bar,
    Gap,
    Handling,
    HappenedEvent,
    Missing,
    Row,
    Step,
    Story,
)

__all__ = [
    "Bar",
    "Gap",
    "Handling",
    "HappenedEvent",
    "Missing",
    "Step",
    "Story",
    "build_story",
    "own_time",
]

BELIEVED_DELAY_MS = 86_400_000
GAP_SHARE = 0.1
GAP_LEAST_MS = 100
GAPS_SHOWN = 5


def build_story(
    correlation_id: str, events: Iterable[HappenedEvent], handlings: Iterable[Handling] = ()
) -> Story:
    """The story of ``events``, in any order, with what their consumers did."""
    steps = _fold_copies(events)
    missing = _hang(steps, correlation_id)
    _cut_rings(steps)
    by_event: dict[str, list[Handling]] = {}
    for handling in handlings:
        by_event.setdefault(handling.event_id, []).append(handling)
    rows = _place(steps, missing, by_event)
    placed = [row for row in rows if isinstance(row, Step)]
    started = min((row.at_ms for row in rows), default=0)
    ended = max((_last_seen(step) for step in placed), default=started)
    edges = [(step.parent, step.event_id) for step in placed if step.parent in steps]
    return Story(
        correlation_id=correlation_id,
        rows=rows,
        edges=edges,
        critical_path=_mark_critical(steps, ended - started),
        gaps=_find_gaps(placed, ended - started),
        started_ms=started,
        ended_ms=ended,
        skews=_skews(placed),
    )


def own_time(event: HappenedEvent) -> int:
    """When the event says it happened, if the broker's clock makes that believable.

    Later than its append, or more than a day before it, is a wrong clock: then the append counts.
    """
    occurred = event.occurred_ms
    if occurred is None or not 0 <= event.appended_ms - occurred <= BELIEVED_DELAY_MS:
        return event.appended_ms
    return occurred


def _fold_copies(events: Iterable[HappenedEvent]) -> dict[str, Step]:
    steps: dict[str, Step] = {}
    for event in sorted(events, key=lambda event: event.appended_ms):
        event_id = event.event_id
        first = steps.get(event_id)
        if first is None:
            at = own_time(event)
            steps[event_id] = Step(event_id=event_id, event=event, at_ms=at, end_ms=at)
        else:
            first.copies.append(event)
    return steps


def _last_seen(step: Step) -> int:
    """When it was handled or appended last: a copy may come long after all else, by a redrive."""
    if not step.copies:
        return step.end_ms
    return max(step.end_ms, step.copies[-1].appended_ms)


def _hang(steps: dict[str, Step], correlation_id: str) -> dict[str, Missing]:
    """Set every step's parent; the missing ones by id.

    A causation id equal to the event's own or to the correlation's names no event: a root.
    """
    missing: dict[str, Missing] = {}
    for step in steps.values():
        cause = step.event.causation_id
        if not cause or cause == step.event_id:
            continue
        if cause in steps:
            step.parent, step.state = cause, "child"
        elif cause not in (correlation_id, step.event.correlation_id):
            step.parent, step.state = cause, "orphan"
            gone = missing.setdefault(cause, Missing(event_id=cause, at_ms=step.at_ms))
            gone.at_ms = min(gone.at_ms, step.at_ms)
            gone.children.append(step.event_id)
    return missing


def _cut_rings(steps: dict[str, Step]) -> None:
    """Make the earliest event of every ring of causes a root that keeps its cause's name."""
    done: set[str] = set()
    for start in steps:
        path: dict[str, None] = {}
        at = start
        while at in steps and at not in done and at not in path:
            path[at] = None
            at = steps[at].parent
        if at in path:
            walked = list(path)
            ring = walked[walked.index(at) :]
            first = min(ring, key=lambda name: (steps[name].event.appended_ms, name))
            steps[first].state = "ring"
        done.update(path)


def _place(
    steps: dict[str, Step], missing: dict[str, Missing], handlings: dict[str, list[Handling]]
) -> list[Row]:
    """Rows in depth-first order, every one put on the axis after the one above it."""
    children: dict[str, list[Step]] = {}
    tops: list[Row] = list(missing.values())
    for step in steps.values():
        if step.state in ("child", "orphan"):
            children.setdefault(step.parent, []).append(step)
        else:
            tops.append(step)
    rows: list[Row] = []
    stack = sorted(tops, key=_row_order, reverse=True)
    while stack:
        row = stack.pop()
        rows.append(row)
        if isinstance(row, Step):
            row.bars = [_bar(row, handling) for handling in handlings.get(row.event_id, ())]
            row.bars.sort(key=lambda bar: (bar.start_ms, bar.handling.attempt))
            row.end_ms = max((bar.end_ms for bar in row.bars), default=row.at_ms)
        below = sorted(children.get(row.event_id, ()), key=_row_order, reverse=True)
        for step in below:
            step.depth = row.depth + 1
            step.shift_ms = max(0, row.at_ms - step.at_ms)
            step.at_ms = step.end_ms = max(step.at_ms, row.at_ms)
        stack.extend(below)
    return rows


def _row_order(row: Row) -> tuple[int, int, str]:
    appended = row.event.appended_ms if isinstance(row, Step) else row.at_ms
    return row.at_ms, appended, row.event_id


def _bar(step: Step, handling: Handling) -> Bar:
    told = handling.duration_ms or 0.0
    start = handling.started_ms
    if start is None:
        start = step.at_ms if handling.ended_ms is None else handling.ended_ms - int(told)
    end = handling.ended_ms if handling.ended_ms is not None else start + int(told)
    shift = max(0, step.at_ms - start)
    start, end = start + shift, max(end, start) + shift
    return Bar(
        handling=handling,
        start_ms=start,
        end_ms=end,
        queue_ms=max(0, start - _delivered_ms(step, start)),
        processing_ms=max(0.0, told) if handling.duration_ms is not None else float(end - start),
        shift_ms=shift,
    )


def _delivered_ms(step: Step, start: int) -> int:
    """When the copy was appended that a handling from ``start`` on had been waiting for."""
    if not step.copies:
        return step.event.appended_ms
    seen = [copy.appended_ms for copy in step.copies if copy.appended_ms <= start]
    return max(seen, default=step.event.appended_ms)


def _mark_critical(steps: dict[str, Step], duration: int) -> list[str]:
    if not steps:
        return []
    last = max(steps.values(), key=lambda step: (step.end_ms, step.depth, step.event_id))
    path: list[Step] = []
    until, at = last.end_ms, last
    while True:
        at.critical = True
        at.share = (until - at.at_ms) / duration if duration else 0.0
        path.append(at)
        if at.state != "child":
            return [step.event_id for step in reversed(path)]
        until, at = at.at_ms, steps[at.parent]


def _find_gaps(steps: Sequence[Step], duration: int) -> list[Gap]:
    """The longest quiet stretches, each a good part of the whole; in order of time."""
    least = max(GAP_LEAST_MS, duration * GAP_SHARE)
    spans = [(step.at_ms, step.at_ms, step.event_id) for step in steps]
    spans += [(bar.start_ms, bar.end_ms, step.event_id) for step in steps for bar in step.bars]
    spans.sort()
    gaps: list[Gap] = []
    if spans:
        until, after = spans[0][1], spans[0][2]
        for start, end, event_id in spans[1:]:
            if start - until >= least:
                gaps.append(Gap(until, start, after, event_id))
            if end >= until:
                until, after = end, event_id
    longest = sorted(gaps, key=lambda gap: -gap.duration_ms)[:GAPS_SHOWN]
    return sorted(longest, key=lambda gap: gap.from_ms)


def _skews(steps: Sequence[Step]) -> dict[str, int]:
    """How far each clock's times had to be moved, at most: by source of events or by consumer."""
    skews: dict[str, int] = {}
    for step in steps:
        moved = [(step.event.source, step.shift_ms)]
        moved += [(bar.handling.consumer, bar.shift_ms) for bar in step.bars]
        for clock, shift in moved:
            if shift > 0:
                skews[clock] = max(skews.get(clock, 0), shift)
    return skews
