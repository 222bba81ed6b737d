"""What is known of schemas, and a thread that asks for what is not: readers never wait for long.

1. A schema that is not known is asked for, and waited for until the reader's time is over.
2. A registry that failed to answer counts as away: nobody waits until it has answered something.
3. A refusal is kept for a while, and told at once meanwhile; then the next value has it asked anew.

Readers wait for a twentieth of the time in the long run, whatever happens. Bytes that are no framed
values at all name any number; they must take from the others neither the turn (registries count from
one, so small numbers are asked for first) nor the place of schemas that are known.
"""

from __future__ import annotations

import heapq
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from typing import NamedTuple

import structlog

from ingest.registry.errors import RegistryAway, Undecodable

__all__ = ["Reader", "Schema", "Schemas"]

log = structlog.get_logger("ingest")

MOST_ASKED = 200
MOST_REFUSED = 10_000
UNKNOWN_FOR = 10.0
AWAY_FOR = 3.0
WAITING_SHARE = 0.05
"""Of the time that passes, what readers may spend waiting."""
REST = 0.02
"""Between two questions, when the first was about a number that the registry does not know."""
QUIET = 10.0
"""Between two lines of the log about schemas that cannot be used."""

Reader = Callable[[bytes], bytes]
"""From the bytes behind the schema's number to JSON. Raises `Undecodable`."""


_NOT_YET = "schema {} is not known: the registry has not answered yet"


class Schema(NamedTuple):
    """``kind`` is ``avro``, ``json`` or ``protobuf``."""

    kind: str
    read: Reader


class _Refusal(NamedTuple):
    """Why there is no schema, and until when (monotonic) that is believed."""

    reason: str
    until: float = 0.0


class Schemas:
    """The latest ``most`` schemas of one registry; for any thread."""

    def __init__(self, fetch: Callable[[int], Schema], *, patience: float, most: int) -> None:
        self._fetch = fetch
        self._patience = self._credit = patience
        self._credited = time.monotonic()
        self._most = most
        self._known: OrderedDict[int, Schema] = OrderedDict()
        self._refused: OrderedDict[int, _Refusal] = OrderedDict()
        self._asked: dict[int, threading.Event] = {}
        self._queue: list[int] = []
        self._lock = threading.Lock()
        self._working = False
        self._away = False
        self._quiet_until = float("-inf")

    def deadline(self) -> float:
        """Until when (monotonic) who begins now may be kept waiting, for all schemas together."""
        now = time.monotonic()
        with self._lock:
            gained = (now - self._credited) * WAITING_SHARE
            self._credit, self._credited = min(self._patience, self._credit + gained), now
            return now + (0 if self._away else max(0.0, self._credit))

    def get(self, number: int, until: float) -> Schema:
        """Raises `Undecodable` with the reason, at ``until`` at the latest."""
        schema = self._known.get(number)
        if schema is not None:
            return schema
        refusal = self._refused.get(number)
        if refusal is None or refusal.until <= time.monotonic():
            self._await(number, until)
            schema, refusal = self._known.get(number), self._refused.get(number)
        if schema is not None:
            return schema
        raise Undecodable(refusal.reason if refusal else _NOT_YET.format(number))

    def _await(self, number: int, until: float) -> None:
        answered = self._ask(number)
        began = time.monotonic()
        answered.wait(0.0 if self._away else max(0.0, until - began))
        with self._lock:
            self._credit -= time.monotonic() - began

    def _ask(self, number: int) -> threading.Event:
        """Heard when there is an answer, or the turn was lost to smaller numbers."""
        with self._lock:
            if number in self._asked:
                return self._asked[number]
            answered = self._asked[number] = threading.Event()
            heapq.heappush(self._queue, number)
            if len(self._queue) > MOST_ASKED:
                self._give_up(max(self._queue))
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, name="schema-registry", daemon=True).start()
            return answered

    def _give_up(self, number: int) -> None:
        self._queue.remove(number)
        heapq.heapify(self._queue)
        self._asked.pop(number).set()

    def _work(self) -> None:
        while (number := self._next()) is not None:
            found = self._fetched(number)
            with self._lock:
                self._keep(number, found)
                answered = self._asked.pop(number)
            answered.set()
            if isinstance(found, _Refusal):
                time.sleep(REST)

    def _next(self) -> int | None:
        with self._lock:
            if self._queue:
                return heapq.heappop(self._queue)
            self._working = False
            return None

    def _keep(self, number: int, found: Schema | _Refusal) -> None:
        if isinstance(found, _Refusal):
            self._refused[number] = found
            self._refused.move_to_end(number)
            while len(self._refused) > MOST_REFUSED:
                self._refused.popitem(last=False)
            return
        self._refused.pop(number, None)
        self._known[number] = found
        while len(self._known) > self._most:
            self._known.popitem(last=False)

    def _fetched(self, number: int) -> Schema | _Refusal:
        try:
            schema = self._fetch(number)
        except RegistryAway as error:
            self._note(away=True, why=str(error))
            return _Refusal(str(error), time.monotonic() + AWAY_FOR)
        except Undecodable as error:
            return self._unusable(number, str(error))
        except Exception as error:  # noqa: BLE001 - of a strange schema; this thread has to go on
            return self._unusable(number, f"schema {number}: {type(error).__name__}: {error}")
        self._note(away=False)
        return schema

    def _unusable(self, number: int, reason: str) -> _Refusal:
        self._note(away=False)
        now = time.monotonic()
        if now >= self._quiet_until:
            self._quiet_until = now + QUIET
            log.warning(
                "schema cannot be used", action="ingest.schema_refused", schema=number, error=reason
            )
        return _Refusal(reason, now + UNKNOWN_FOR)

    def _note(self, *, away: bool, why: str = "") -> None:
        """One line a change."""
        if away is self._away:
            return
        self._away = away
        if away:
            log.warning(
                "schema registry is away, values are stored as they came",
                action="ingest.registry_away",
                error=why,
            )
        else:
            log.info("schema registry answers again", action="ingest.registry_back")
