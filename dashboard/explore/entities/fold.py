"""States of an entity: its events folded one by one, within limits of time and size. Pure but for the clock.

A snapshot is kept each so many events, so that any state is had without folding from the start again.
What fails is told at its event, which then changes nothing.
"""

from __future__ import annotations

import copy
import sys
import time
from collections.abc import Callable, Collection, Sequence
from types import FrameType
from typing import Any

import msgspec
import orjson

from eventscope.envelope import Event
from eventscope.errors import ReducerError
from eventscope.reducers import Reducer

__all__ = ["Fold", "guarded"]

SNAPSHOT_EVERY = 100
SECONDS = 3.0
SECONDS_AN_EVENT = 0.5
MOST_BYTES = 1_000_000
MOST_NODES = 100_000
LONGEST_ERROR = 500


class OutOfTime(BaseException):
    """The reducer took too long. No `Exception`: a reducer that catches those is ended all the same."""


class Fold:
    """The states that ``events`` make, beginning with ``{}``; those at ``skipped`` places change nothing.

    ``errors`` tells by place what failed in those folded so far. ``stopped`` is the place from which on
    nothing is folded any more, as the time (of the processor) or the size is used up; None mostly.
    """

    def __init__(
        self,
        events: Sequence[Event],
        reducer: Reducer,
        *,
        skipped: Collection[int] = (),
        every: int = SNAPSHOT_EVERY,
        seconds: float = SECONDS,
    ) -> None:
        self.errors: dict[int, str] = {}
        self.stopped: int | None = None
        self._events = events
        self._reducer = reducer
        self._skipped = skipped
        self._every = every
        self._reach = 0
        self._left = seconds
        self._snapshots: dict[int, Any] = {0: {}}

    def state_after(self, count: int) -> Any:
        """The state that the first ``count`` events make."""
        return self.states(count, count)[0]

    def states(self, first: int, last: int) -> list[Any]:
        """The states after ``first``, ``first`` + 1, … ``last`` events."""
        at = max(place for place in self._snapshots if place <= first)
        state = self._snapshots[at]
        found = []
        while True:
            if at >= first:
                found.append(state)
            if at == last:
                return found
            state = self._after(state, at)
            at += 1
            if at % self._every == 0:
                self._snapshots.setdefault(at, state)

    def _after(self, state: Any, place: int) -> Any:
        stopped = self.stopped is not None and place >= self.stopped
        if stopped or place in self._skipped:
            return state
        new = place >= self._reach
        began = time.thread_time()
        try:
            state = self._reducer(state, self._events[place])
        except (ReducerError, RecursionError) as error:
            self.errors[place] = str(error)[:LONGEST_ERROR]
        if new:
            self._reach = place + 1
            self._spend(place, time.thread_time() - began, state)
        return state

    def _spend(self, place: int, seconds: float, state: Any) -> None:
        self._left -= seconds
        why = ""
        if self._left <= 0:
            why = "rebuilding took too long"
        elif (place + 1) % self._every == 0 and _is_too_large(state):
            why = f"the state has more than {MOST_NODES:,} values"
        if why:
            self.stopped = place + 1
            told = f"{self.errors[place]}; " if place in self.errors else ""
            self.errors[place] = f"{told}{why}: later events are not in the state"


def guarded(function: Reducer, *, seconds: float = SECONDS_AN_EVENT) -> Reducer:
    """Somebody's Python as a reducer that can do no harm to what it is given, nor run on for ever.

    Whatever it raises, or returns that is no JSON or too large, is a `ReducerError`.
    """

    def reduce(state: Any, event: Event) -> Any:
        own = msgspec.structs.replace(
            event, payload=copy.deepcopy(event.payload), metadata=copy.deepcopy(event.metadata)
        )
        given = copy.deepcopy(state)
        try:
            made = _within(seconds, lambda: function(given, own))
        except OutOfTime:
            raise ReducerError(f"it took longer than {seconds:g} s") from None
        except Exception as error:
            raise ReducerError(f"{type(error).__name__}: {error}") from error
        return _plain(made)

    return reduce


def _plain(made: Any) -> Any:
    if made is None:
        raise ReducerError("it returned nothing; a reducer returns the next state")
    try:
        packed = orjson.dumps(made)
    except TypeError as error:
        raise ReducerError(f"what it returned is no JSON: {error}") from error
    if len(packed) > MOST_BYTES:
        raise ReducerError(f"what it returned has {len(packed):,} bytes of {MOST_BYTES:,}")
    return orjson.loads(packed)


def _within(seconds: float, call: Callable[[], Any]) -> Any:
    """``call()``, ended by `OutOfTime` at the first line of Python that it runs after ``seconds``."""
    deadline = time.monotonic() + seconds

    def watch(frame: FrameType, what: str, argument: Any) -> Any:
        if time.monotonic() > deadline:
            raise OutOfTime
        return watch

    before = sys.gettrace()
    sys.settrace(watch)
    try:
        return call()
    finally:
        sys.settrace(before)


def _is_too_large(state: Any) -> bool:
    """Whether there are more values in it than a page or an answer should hold."""
    waiting, count = [state], 0
    while waiting and count <= MOST_NODES:
        value = waiting.pop()
        count += 1
        if isinstance(value, dict):
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return bool(waiting) or count > MOST_NODES
