"""What is known of schemas, and a thread that asks for what is not: readers never wait for long.

1. A schema that is not known is asked for, and waited for until the reader's time is over.
2. If that was in vain the registry counts as away: nobody waits until it has answered something.
3. A refusal is kept for a while, and told at once meanwhile; then the next value has it asked anew.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from typing import NamedTuple

import structlog

from ingest.registry.errors import RegistryAway, Undecodable

__all__ = ["Reader", "Schema", "Schemas"]

log = structlog.get_logger("ingest")

MOST_ASKED = 1000
UNKNOWN_FOR = 10.0
AWAY_FOR = 3.0

Reader = Callable[[bytes], bytes]
"""From the bytes behind the schema's number to JSON. Raises `Undecodable`."""


class Schema(NamedTuple):
    """``kind`` is ``avro``, ``json`` or ``protobuf``."""

    kind: str
    read: Reader


class _Known(NamedTuple):
    """A schema, or why there is none and until when (monotonic) that is believed."""

    schema: Schema | None
    reason: str = ""
    until: float = 0.0


class Schemas:
    """The latest ``most`` schemas of one registry; for any thread."""

    def __init__(self, fetch: Callable[[int], Schema], *, patience: float, most: int) -> None:
        self._fetch = fetch
        self._patience = patience
        self._most = most
        self._known: OrderedDict[int, _Known] = OrderedDict()
        self._asked: dict[int, threading.Event] = {}
        self._queue: deque[int] = deque()
        self._lock = threading.Lock()
        self._working = False
        self._away = False

    def deadline(self) -> float:
        """Until when (monotonic) who begins now may be kept waiting, for all schemas together."""
        return time.monotonic() + (0 if self._away else self._patience)

    def get(self, number: int, until: float) -> Schema:
        """Raises `Undecodable` with the reason, at ``until`` at the latest."""
        known = self._known.get(number)
        if known is None or (known.schema is None and known.until <= time.monotonic()):
            known = self._await(number, until)
        if known.schema is None:
            raise Undecodable(known.reason)
        return known.schema

    def _await(self, number: int, until: float) -> _Known:
        answered = self._ask(number)
        if answered is None:
            return _Known(None, f"schema {number} is not asked for: too many others are")
        rest = 0.0 if self._away else until - time.monotonic()
        if not answered.wait(max(0.0, rest)) and rest > 0:
            self._note(away=True, why="it did not answer in time")
        return self._known.get(number) or _Known(
            None, f"schema {number} is not known: the registry has not answered yet"
        )

    def _ask(self, number: int) -> threading.Event | None:
        with self._lock:
            if number in self._asked:
                return self._asked[number]
            if len(self._asked) >= MOST_ASKED:
                return None
            answered = self._asked[number] = threading.Event()
            self._queue.append(number)
            if not self._working:
                self._working = True
                threading.Thread(target=self._work, name="schema-registry", daemon=True).start()
            return answered

    def _work(self) -> None:
        while True:
            with self._lock:
                if not self._queue:
                    self._working = False
                    return
                number = self._queue.popleft()
            known = self._fetched(number)
            with self._lock:
                answered = self._asked.pop(number)
                self._known[number] = known
                while len(self._known) > self._most:
                    self._known.popitem(last=False)
            answered.set()

    def _fetched(self, number: int) -> _Known:
        try:
            schema = self._fetch(number)
        except RegistryAway as error:
            self._note(away=True, why=str(error))
            return _Known(None, str(error), time.monotonic() + AWAY_FOR)
        except Undecodable as error:
            return self._refused(number, str(error))
        except Exception as error:  # noqa: BLE001 - of a strange schema; this thread has to go on
            return self._refused(number, f"schema {number}: {type(error).__name__}: {error}")
        self._note(away=False)
        return _Known(schema)

    def _refused(self, number: int, reason: str) -> _Known:
        self._note(away=False)
        log.warning(
            "schema cannot be used", action="ingest.schema_refused", schema=number, error=reason
        )
        return _Known(None, reason, time.monotonic() + UNKNOWN_FOR)

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
