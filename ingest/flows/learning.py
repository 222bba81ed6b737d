"""The learner: one round after the other, all of its memory in the database.

1. *Until when* everything appended is stored is read first: what is read after it lacks nothing of
   that time, so "quiet since" and "overdue" are never the fault of a worker that is behind.
2. *Read* all pieces: what ingest traced since, and the open correlations carried over.
3. *Join* them, look which correlations have ended and which lack a step.
4. *Learn*, in one transaction: count the ended ones, put what is still open in the place of the
   pieces read. A round that dies changed nothing; one that was raced is undone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F

from ingest.flows.counting import count_flows
from ingest.flows.ending import MOST_OPEN_EVENTS, Ending, choose_ended
from ingest.flows.joining import OVERFLOW, Joined, Kinds, join
from ingest.flows.overdue import ByStart, Lacking, count_instead, find_lacking
from ingest.flows.pieces import Raced, Taken, consume_pieces, read_pieces
from ingest.flows.stuck import Stuck, list_stuck, name_new, write_stuck
from ingest.flows.writing import add_tallies
from ingest.models import FlowState, Series
from ingest.options import FlowOptions
from ingest.queries.coverage import coverage_of, read_streams
from ingest.queries.flows import Flow, expected_steps, flow_state, read_flows

__all__ = ["FlowLearner", "next_bits"]

log = structlog.get_logger(__name__)

EVENTS = "events"
STATE = 1
"""The key of the one row of `FlowState`."""
MANY_PIECES = 64
WORTH = 4
"""Rounds that would end less than one in so many open events are put off, for a while."""
_IDS = 500


class _Round(NamedTuple):
    taken: Taken
    kinds: Kinds
    joined: Joined
    ending: Ending
    expected: ByStart
    lacking: Lacking
    watermark_ms: int


class FlowLearner:
    """`step` is one round. Keeps nothing but what it may read again at any time."""

    def __init__(
        self,
        *,
        hold_s: float = 60.0,
        flows_s: float = 30.0,
        most_open: int = MOST_OPEN_EVENTS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._hold_s = hold_s
        self._flows_s = flows_s
        self._most_open = most_open
        self._clock = clock
        self._learnt_at = float("-inf")
        self._flows: dict[str, Flow] = {}
        self._flows_at = float("-inf")

    def step(self, *, now_ms: int | None = None) -> None:
        """Learn from what has ended and renew the list of stuck flows. Raises nothing for a race."""
        options: FlowOptions = settings.INGEST.flows
        now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
        watermark = coverage_of(read_streams()).until_ms
        if watermark is None:
            return
        state = flow_state()
        if not state.ran_ms:
            state.unsure_until_ms = watermark + int(options.quiet * 1000)
        flows = self._known_flows(options, now)
        done = _look(state, flows, options, watermark, self._most_open)
        stuck = name_new(list_stuck(done.joined, done.kinds, _still_overdue(done)))
        worth = self._is_worth(done)
        try:
            with transaction.atomic(using=EVENTS):
                _note(state, done, stuck, now)
                if worth:
                    _learn(state, done)
        except Raced:
            log.info("flows.raced", action="flows.raced", pieces=len(done.taken.ids))
            return
        if worth:
            self._learnt_at = self._clock()

    def _known_flows(self, options: FlowOptions, now_ms: int) -> dict[str, Flow]:
        if self._clock() >= self._flows_at + self._flows_s:
            since = now_ms - int(options.window * 1000)
            self._flows = read_flows(since_ms=since, now_ms=now_ms)
            self._flows_at = self._clock()
        return self._flows

    def _is_worth(self, done: _Round) -> bool:
        """Whether to write: many pieces, a good part has ended, or some has and time has passed."""
        if len(done.taken.ids) >= MANY_PIECES:
            return True
        ended = int(done.ending.ended[done.joined.group].sum())
        if not ended:
            return False
        waited = self._clock() >= self._learnt_at + self._hold_s
        return waited or ended * WORTH >= done.joined.group.size


def next_bits(
    bits: int, since_ms: int, *, needed: int, watermark_ms: int, calm_ms: int
) -> tuple[int, int]:
    """The bits to go on with, and when so many were last needed: more at once, fewer after a calm."""
    if needed >= bits:
        return needed, watermark_ms
    if watermark_ms - since_ms <= calm_ms:
        return bits, since_ms
    return needed, watermark_ms


def _look(
    state: FlowState,
    flows: Mapping[str, Flow],
    options: FlowOptions,
    watermark_ms: int,
    most_open: int,
) -> _Round:
    taken = read_pieces(state.bits)
    kinds = Kinds.of(_series(taken.traces.series))
    joined = join(taken.traces, kinds)
    expected = {start: expected_steps(flow, options) for start, flow in flows.items()}
    lacking = find_lacking(joined, kinds, expected)
    ending = choose_ended(
        joined,
        kinds,
        flows,
        lacking.group,
        watermark_ms=watermark_ms,
        options=options,
        most=most_open,
    )
    needed = max(taken.needed, taken.bits if taken.bits > state.bits else 0)
    if ending.hasty:
        needed = max(needed, taken.bits + 1)
    bits, since = next_bits(
        max(state.bits, taken.bits),
        state.bits_ms,
        needed=needed,
        watermark_ms=watermark_ms,
        calm_ms=int(options.quiet * 1000),
    )
    if bits < state.bits:
        state.unsure_until_ms = watermark_ms + int(options.quiet * 1000)
    state.bits, state.bits_ms = bits, since
    return _Round(taken, kinds, joined, ending, expected, lacking, watermark_ms)


def _still_overdue(done: _Round) -> Lacking:
    overdue = done.lacking.overdue(done.watermark_ms)
    return overdue.take(~done.ending.ended[overdue.group])


def _learn(state: FlowState, done: _Round) -> None:
    """Count what has ended; flows that may have been seen in part tell nothing."""
    joined, ended = done.joined, done.ending.ended
    carried = joined.traces.take(~ended[joined.group])
    consume_pieces(done.taken.ids, carried=carried, bits=done.taken.bits)
    told = ended & ~_partial(joined, state.unsure_until_ms)
    instead = count_instead(joined, done.kinds, done.expected, told)
    overflowed = add_tallies(count_flows(joined, done.kinds, told, instead))
    FlowState.objects.filter(pk=STATE).update(
        learnt=F("learnt") + int(told.sum()),
        evicted=F("evicted") + done.ending.evicted,
        overflowed=F("overflowed") + overflowed,
    )


def _partial(joined: Joined, unsure_until_ms: int) -> npt.NDArray[np.bool_]:
    """Whose first event names a cause that is not there, and that began when it may be ours to blame."""
    return joined.orphan & (joined.traces.appended[joined.start] < unsure_until_ms)


def _note(state: FlowState, done: _Round, stuck: Stuck, now_ms: int) -> None:
    write_stuck(stuck.rows.values())
    noted = {
        "bits": state.bits,
        "bits_ms": state.bits_ms,
        "unsure_until_ms": state.unsure_until_ms,
        "watermark_ms": done.watermark_ms,
        "open": int((~done.ending.ended).sum()),
        "stuck": stuck.counts,
        "ran_ms": now_ms,
    }
    FlowState.objects.update_or_create(pk=STATE, defaults=noted)


def _series(ids: npt.NDArray[np.int64]) -> dict[int, tuple[str, str]]:
    """Type and source of each series; one that is gone is no step."""
    wanted = np.unique(ids).tolist()
    names = dict.fromkeys(wanted, (OVERFLOW, ""))
    for begin in range(0, len(wanted), _IDS):
        rows = Series.objects.filter(id__in=wanted[begin : begin + _IDS])
        names.update(
            (id, (type, source)) for id, type, source in rows.values_list("id", "type", "source")
        )
    return names
