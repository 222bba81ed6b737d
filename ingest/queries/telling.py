"""The events that messages tell of, in order of time, told as they are asked for. Pure."""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from typing import NamedTuple

from ingest.envelopes import stored_id
from ingest.queries.wanted import Wanted
from ingest.records import Record
from ingest.store.marks import Told

__all__ = ["Candidate", "Message", "chunks_of", "told_in_order"]


class Candidate(NamedTuple):
    """The id of an event that may be wanted, appended in [from_ms, until_ms]."""

    event_id: str
    event_type: str
    from_ms: int
    until_ms: int


class Message(NamedTuple):
    """Tells of events appended in [from_ms, until_ms]; ``open`` gives what it says."""

    from_ms: int
    until_ms: int
    open: Callable[[], Record | None]


def told_in_order(
    messages: Iterable[Message], wanted: Wanted, window: range, *, newest_first: bool
) -> Iterator[Candidate]:
    """The ``wanted`` events that ``messages`` tell of and that may lie in ``window``, each once.

    In order of the end of their span that comes first. A message is opened when those before it are used
    up: whoever wants a few of the events of a busy second opens a few of its messages.
    """
    waiting: list[tuple[int, str, Told]] = []
    seen: set[str] = set()
    for message in _in_order(messages, window, newest_first=newest_first):
        yield from _before(_place(message, newest_first=newest_first), waiting, seen)
        record = message.open()
        if record is None:
            continue
        for told in wanted.told_by(record, dead_letter=True):
            if _is_within(told, window):
                place = _place(told, newest_first=newest_first)
                heapq.heappush(waiting, (place, stored_id(told.event_id), told))
    yield from _before(None, waiting, seen)


def chunks_of(
    candidates: Iterable[Candidate], size: int, *, newest_first: bool
) -> Iterator[list[Candidate]]:
    """Candidates in order of time, some at a time; times that are not exact stay together, as they may cross.

    They are in order of the end that comes first, so that behind one that lies apart all others do.
    """
    chunk: list[Candidate] = []
    edge: int | None = None
    for candidate in candidates:
        _, _, from_ms, until_ms = candidate
        apart = edge is None or (until_ms < edge if newest_first else from_ms > edge)
        if len(chunk) >= size and apart:
            yield chunk
            chunk, edge = [], None
        chunk.append(candidate)
        reach = from_ms if newest_first else until_ms
        edge = reach if edge is None else (min if newest_first else max)(edge, reach)
    if chunk:
        yield chunk


def _in_order(messages: Iterable[Message], window: range, *, newest_first: bool) -> list[Message]:
    within = [message for message in messages if _is_within(message, window)]
    return sorted(within, key=partial(_place, newest_first=newest_first))


def _is_within(spanned: Message | Told, window: range) -> bool:
    return spanned.from_ms < window.stop and spanned.until_ms >= window.start


def _place(spanned: Message | Told, *, newest_first: bool) -> int:
    """The end of the span that comes first; the smaller, the earlier in the order."""
    return -spanned.until_ms if newest_first else spanned.from_ms


def _before(
    place: int | None, waiting: list[tuple[int, str, Told]], seen: set[str]
) -> Iterator[Candidate]:
    """What comes before ``place`` (all, if there is none), and so before all that is yet to be opened."""
    while waiting and (place is None or waiting[0][0] < place):
        _, event_id, told = heapq.heappop(waiting)
        if event_id not in seen:
            seen.add(event_id)
            yield Candidate(event_id, told.event_type, told.from_ms, told.until_ms)
