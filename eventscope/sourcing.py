"""Event sourcing: an entity is the sequence of its events, its state their reduction.

The guide's ``saveEvent``, ``getOrderHistory`` and ``rebuildOrderState`` are `EventStore.append`,
`EventStore.history` and `Entities.load` here, for entities of any kind. A reducer registered by
`reducer` also rebuilds the entity on the dashboard (docs/entities.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Generic, NamedTuple, Protocol, TypeVar

import msgspec

from eventscope.envelope import Event, decode_event, encode_event
from eventscope.errors import BrokerUnavailable, ConcurrencyError
from eventscope.outbox import RedisOutbox
from eventscope.reducers import reducer
from eventscope.transports.redis import RedisTransport

__all__ = [
    "Entities",
    "Entity",
    "EventStore",
    "MemoryEventStore",
    "RedisEventStore",
    "Snapshot",
    "StoredEvent",
    "reducer",
]

State = TypeVar("State")


class StoredEvent(NamedTuple):
    """``version`` is 1 for the first event of an entity and has no gaps."""

    version: int
    event: Event


class Snapshot(NamedTuple):
    """The state after ``version`` events, as plain data that JSON can carry."""

    version: int
    state: Any


class EventStore(Protocol):
    """Append-only, one sequence an entity."""

    async def append(
        self, entity: str, events: Sequence[Event], *, expected_version: int | None = None
    ) -> int:
        """All events or none; the new version. None expects nothing.

        Raises `ConcurrencyError` when the entity is not at ``expected_version`` any more.
        """
        ...

    async def history(
        self, entity: str, *, after: int = 0, until: int | None = None
    ) -> list[StoredEvent]:
        """Events with ``after`` < version ≤ ``until``, in order."""
        ...

    async def save_snapshot(self, entity: str, snapshot: Snapshot) -> None: ...

    async def load_snapshot(self, entity: str) -> Snapshot | None: ...


class MemoryEventStore:
    """For tests and trials; publishes nothing, forgets when the process ends."""

    def __init__(self) -> None:
        self._events: dict[str, list[Event]] = {}
        self._snapshots: dict[str, Snapshot] = {}

    async def append(
        self, entity: str, events: Sequence[Event], *, expected_version: int | None = None
    ) -> int:
        stored = self._events.setdefault(entity, [])
        _expect(entity, expected_version, len(stored))
        stored.extend(events)
        return len(stored)

    async def history(
        self, entity: str, *, after: int = 0, until: int | None = None
    ) -> list[StoredEvent]:
        events = self._events.get(entity, [])[after:until]
        return [StoredEvent(after + number, event) for number, event in enumerate(events, 1)]

    async def save_snapshot(self, entity: str, snapshot: Snapshot) -> None:
        self._snapshots[entity] = snapshot

    async def load_snapshot(self, entity: str) -> Snapshot | None:
        return self._snapshots.get(entity)


# All types are looked at before the first write: a script that fails later is not rolled back.
_CHECK = """
for i = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind ~= 'none' and kind ~= 'stream' then return redis.error_reply('WRONGTYPE ' .. KEYS[i]) end
end
local version = 0
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
if #last > 0 then version = tonumber(string.match(last[1][1], '^%d+')) end
if ARGV[1] ~= '' and tonumber(ARGV[1]) ~= version then return {0, version} end
"""
_PUBLISH = (
    _CHECK
    + """
-- KEYS entity topic...; ARGV expected maxlen then for each event: body topic-number key
for i = 3, #ARGV, 3 do
  version = version + 1
  redis.call('XADD', KEYS[1], version .. '-0', 'event', ARGV[i])
  local topic = tonumber(ARGV[i + 1])
  if topic > 0 then
    redis.call('XADD', KEYS[1 + topic], 'MAXLEN', '~', ARGV[2], '*',
               'event', ARGV[i], 'key', ARGV[i + 2])
  end
end
return {1, version}
"""
)
_HOLD = (
    _CHECK
    + """
-- KEYS entity outbox refused; ARGV expected limit then for each event: body topic key
local held = redis.call('XLEN', KEYS[2]) + redis.call('XLEN', KEYS[3])
if held + (#ARGV - 2) / 3 > tonumber(ARGV[2]) then return {-1, held} end
for i = 3, #ARGV, 3 do
  version = version + 1
  redis.call('XADD', KEYS[1], version .. '-0', 'event', ARGV[i])
  if ARGV[i + 1] ~= '' then
    redis.call('XADD', KEYS[2], '*', 'topic', ARGV[i + 1], 'event', ARGV[i], 'key', ARGV[i + 2])
  end
end
return {1, version}
"""
)


class RedisEventStore:
    """A stream an entity, its entry ids being versions; the check and the append are one step.

    ``outbox`` names the topic that an event is also published to, in that same step, or None: so
    what is stored is published, exactly once, and nothing else is. Use the router of a bus:
    ``RedisEventStore(bus.transport, "order", outbox=lambda event: bus.router.topic(event.event_type))``.

    ``relayed``: the topics are of another broker. Then events wait in `waiting` until an `OutboxRelay`
    has published them, up to ``limit``; beyond, `append` raises `BrokerUnavailable` and stores nothing.
    """

    def __init__(
        self,
        transport: RedisTransport | str,
        kind: str,
        *,
        outbox: Callable[[Event], str | None] | None = None,
        max_length: int = 200_000,
        relayed: bool = False,
        limit: int = 100_000,
    ) -> None:
        self._own = isinstance(transport, str)
        self._redis = RedisTransport(transport) if isinstance(transport, str) else transport
        self._kind = kind
        self._outbox = outbox or (lambda event: None)
        self._max_length = max_length
        self._relayed = relayed
        self._limit = limit
        self.waiting = RedisOutbox(self._redis, kind)

    async def append(
        self, entity: str, events: Sequence[Event], *, expected_version: int | None = None
    ) -> int:
        expected = "" if expected_version is None else expected_version
        append = self._hold if self._relayed else self._publish
        done, number = await append(entity, events, expected)
        if done < 0:
            raise BrokerUnavailable(f"{number} events wait to be published, and more may not")
        if not done:
            _expect(entity, expected_version, number)
        return int(number)

    async def _publish(self, entity: str, events: Sequence[Event], expected: int | str) -> Any:
        topics: dict[str, int] = {}
        words: list[str | bytes | int] = []
        for event in events:
            topic = self._outbox(event)
            number = topics.setdefault(topic, len(topics) + 1) if topic else 0
            words += [encode_event(event), number, event.key or entity]
        keys = [self._key(entity), *topics]
        return await self._redis.script(_PUBLISH, keys, expected, self._max_length, *words)

    async def _hold(self, entity: str, events: Sequence[Event], expected: int | str) -> Any:
        words: list[str | bytes] = []
        for event in events:
            words += [encode_event(event), self._outbox(event) or "", event.key or entity]
        keys = [self._key(entity), self.waiting.key, self.waiting.refused_key]
        return await self._redis.script(_HOLD, keys, expected, self._limit, *words)

    async def history(
        self, entity: str, *, after: int = 0, until: int | None = None
    ) -> list[StoredEvent]:
        end = "+" if until is None else f"{until}-0"
        rows = await self._redis.command("XRANGE", self._key(entity), f"{after + 1}-0", end)
        return [_stored(entry, fields) for entry, fields in rows]

    async def save_snapshot(self, entity: str, snapshot: Snapshot) -> None:
        body = msgspec.json.encode([snapshot.version, snapshot.state])
        await self._redis.command("SET", f"{self._key(entity)}:snapshot", body)

    async def load_snapshot(self, entity: str) -> Snapshot | None:
        body = await self._redis.command("GET", f"{self._key(entity)}:snapshot")
        return None if body is None else Snapshot(*msgspec.json.decode(body))

    async def close(self) -> None:
        """Closes the connection unless it was handed in."""
        if self._own:
            await self._redis.close()

    def _key(self, entity: str) -> str:
        return f"eventscope:entity:{self._kind}:{entity}"


class Entity(NamedTuple, Generic[State]):
    id: str
    version: int
    state: State


class Entities(Generic[State]):
    """Entities of one kind: load by reducing, change by deciding on events.

    ``reducer`` takes a state and an event and returns the next state, without side effects.
    ``snapshot_every`` > 0 keeps a snapshot each so many events; the state must then be plain data.
    """

    def __init__(
        self,
        store: EventStore,
        reducer: Callable[[State, Event], State],
        initial: Callable[[], State],
        *,
        snapshot_every: int = 0,
    ) -> None:
        self._store = store
        self._reducer = reducer
        self._initial = initial
        self._snapshot_every = snapshot_every

    async def load(self, entity: str, *, at_version: int | None = None) -> Entity[State]:
        """The entity as it is, or as it was ``at_version``; version 0 when it has no events."""
        version, state = 0, self._initial()
        if self._snapshot_every and at_version is None:
            snapshot = await self._store.load_snapshot(entity)
            version, state = snapshot or (version, state)
        for stored in await self._store.history(entity, after=version, until=at_version):
            version, state = stored.version, self._reducer(state, stored.event)
        return Entity(entity, version, state)

    async def change(
        self, entity: str, decide: Callable[[State], Sequence[Event]], *, tries: int = 5
    ) -> tuple[Entity[State], Sequence[Event]]:
        """Load, decide on new events, append; repeated when another change came between.

        Raises `ConcurrencyError` after ``tries``, and whatever ``decide`` raises. No events, no
        change.
        """
        for last in range(tries, 0, -1):
            before = await self.load(entity)
            events = decide(before.state)
            if not events:
                return before, events
            try:
                version = await self._store.append(entity, events, expected_version=before.version)
            except ConcurrencyError:
                if last == 1:
                    raise
                continue
            return await self._changed(before, version, events), events
        raise ConcurrencyError

    async def _changed(
        self, before: Entity[State], version: int, events: Sequence[Event]
    ) -> Entity[State]:
        state = before.state
        for event in events:
            state = self._reducer(state, event)
        every = self._snapshot_every
        if every and version // every > before.version // every:
            await self._store.save_snapshot(before.id, Snapshot(version, state))
        return Entity(before.id, version, state)


def _expect(entity: str, expected: int | None, version: int) -> None:
    if expected is not None and expected != version:
        raise ConcurrencyError(f"{entity} is at version {version}, not {expected}")


def _stored(entry: bytes, fields: Sequence[bytes]) -> StoredEvent:
    version = int(entry.partition(b"-")[0])
    return StoredEvent(version, decode_event(fields[fields.index(b"event") + 1]))
