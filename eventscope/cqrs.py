"""Command-query separation: commands change, queries read, a projector feeds the read model."""

from __future__ import annotations

import copy
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, NamedTuple, Protocol, TypeVar

import msgspec

from eventscope.bus import EventBus
from eventscope.envelope import Event
from eventscope.errors import ConcurrencyError, EventscopeError
from eventscope.transports.redis import RedisTransport

__all__ = [
    "CommandBus",
    "Document",
    "MemoryReadModel",
    "NoHandler",
    "Projector",
    "QueryBus",
    "ReadModel",
    "RedisReadModel",
]

Handler = TypeVar("Handler", bound=Callable[[Any], Any])
Change = Callable[[dict[str, Any]], dict[str, Any]]

_REMEMBERED = 64


class NoHandler(EventscopeError, LookupError):
    """Nobody handles messages of this type."""


class _Dispatcher:
    """One handler a message type, sync or async."""

    def __init__(self) -> None:
        self._handlers: dict[type, Callable[[Any], Any]] = {}

    def handles(self, kind: type) -> Callable[[Handler], Handler]:
        """Decorate the handler of ``kind``; a second one for the same type is refused."""

        def add(handler: Handler) -> Handler:
            if kind in self._handlers:
                raise ValueError(f"{kind.__name__} has a handler already")
            self._handlers[kind] = handler
            return handler

        return add

    async def _dispatch(self, message: Any) -> Any:
        handler = self._handlers.get(type(message))
        if handler is None:
            raise NoHandler(f"nobody handles {type(message).__name__}")
        result = handler(message)
        return await result if isinstance(result, Awaitable) else result


class CommandBus(_Dispatcher):
    """Takes intents to change something to their handlers."""

    async def send(self, command: Any) -> Any:
        """What the handler returns. Raises `NoHandler`, or the handler's own error."""
        return await self._dispatch(command)


class QueryBus(_Dispatcher):
    """Takes questions to their handlers, which read and never change."""

    async def ask(self, query: Any) -> Any:
        return await self._dispatch(query)


class Document(NamedTuple):
    """``revision`` counts changes; ``applied`` are the latest events that it has taken in."""

    data: dict[str, Any]
    revision: int = 0
    applied: tuple[str, ...] = ()

    def after(self, event_id: str, change: Change) -> Document:
        data = change(copy.deepcopy(self.data))
        applied = (*self.applied, event_id)[-_REMEMBERED:]
        return Document(data, self.revision + 1, applied)


class ReadModel(Protocol):
    """Documents by id, found by the values of the fields that are indexed."""

    async def get(self, id: str) -> dict[str, Any] | None: ...

    async def find(self, field: str, value: str) -> list[dict[str, Any]]: ...

    async def apply(self, id: str, event: Event, change: Change) -> bool:
        """Change a document ({} when new); False when it has taken this event in before."""
        ...


class MemoryReadModel:
    """Forgets when the process ends; feed it from the start of the stream."""

    def __init__(self, *, indexes: Sequence[str] = ()) -> None:
        self._indexes = tuple(indexes)
        self._documents: dict[str, Document] = {}
        self._ids: dict[tuple[str, str], dict[str, None]] = {}

    async def get(self, id: str) -> dict[str, Any] | None:
        document = self._documents.get(id)
        return None if document is None else copy.deepcopy(document.data)

    async def find(self, field: str, value: str) -> list[dict[str, Any]]:
        ids = self._ids.get((field, value), {})
        return [copy.deepcopy(self._documents[id].data) for id in ids]

    async def apply(self, id: str, event: Event, change: Change) -> bool:
        before = self._documents.get(id, Document({}))
        if event.event_id in before.applied:
            return False
        after = before.after(event.event_id, change)
        for field, value in _indexed(before.data, self._indexes).items():
            self._ids.get((field, value), {}).pop(id, None)
        for field, value in _indexed(after.data, self._indexes).items():
            self._ids.setdefault((field, value), {})[id] = None
        self._documents[id] = after
        return True


_PUT = """
-- KEYS document, index sets to leave, index sets to enter; ARGV revision body id leave-count
local now = redis.call('HGET', KEYS[1], 'revision') or '0'
if now ~= ARGV[1] then return 0 end
redis.call('HSET', KEYS[1], 'revision', tonumber(now) + 1, 'body', ARGV[2])
local leave = tonumber(ARGV[4])
for i = 2, 1 + leave do redis.call('SREM', KEYS[i], ARGV[3]) end
for i = 2 + leave, #KEYS do redis.call('SADD', KEYS[i], ARGV[3]) end
return 1
"""


class RedisReadModel:
    """A hash a document and a set an indexed value; several projectors may feed it."""

    def __init__(
        self, transport: RedisTransport | str, name: str, *, indexes: Sequence[str] = ()
    ) -> None:
        self._own = isinstance(transport, str)
        self._redis = RedisTransport(transport) if isinstance(transport, str) else transport
        self._prefix = f"eventscope:model:{name}"
        self._indexes = tuple(indexes)

    async def get(self, id: str) -> dict[str, Any] | None:
        document = await self._load(id)
        return None if document is None else document.data

    async def find(self, field: str, value: str) -> list[dict[str, Any]]:
        ids = await self._redis.command("SMEMBERS", self._index(field, value))
        found = [await self.get(id.decode()) for id in sorted(ids)]
        return [data for data in found if data is not None]

    async def apply(self, id: str, event: Event, change: Change) -> bool:
        for _ in range(20):
            before = await self._load(id) or Document({})
            if event.event_id in before.applied:
                return False
            after = before.after(event.event_id, change)
            if await self._put(id, before, after):
                return True
        raise ConcurrencyError(f"{id} is changed by others all the time")

    async def close(self) -> None:
        """Closes the connection unless it was handed in."""
        if self._own:
            await self._redis.close()

    async def _load(self, id: str) -> Document | None:
        body = await self._redis.command("HGET", self._document(id), "body")
        return None if body is None else msgspec.json.decode(body, type=Document)

    async def _put(self, id: str, before: Document, after: Document) -> bool:
        old, new = (_indexed(one.data, self._indexes) for one in (before, after))
        leave = [self._index(*item) for item in old.items() if item not in new.items()]
        enter = [self._index(*item) for item in new.items()]
        body = msgspec.json.encode(after)
        keys = [self._document(id), *leave, *enter]
        done = await self._redis.script(_PUT, keys, before.revision, body, id, len(leave))
        return bool(done)

    def _document(self, id: str) -> str:
        return f"{self._prefix}:{id}"

    def _index(self, field: str, value: str) -> str:
        return f"{self._prefix}:by:{field}:{value}"


Projection = Callable[[dict[str, Any], Event], dict[str, Any]]


class Projector:
    """Feeds a read model from the stream; an event that comes again changes nothing again.

    >>> projector = Projector(bus, model, group="order-views")
    >>> @projector.on("ORDER_CREATED", id=lambda event: event.payload["orderId"])
    ... def created(view, event): return {**view, **event.payload}
    """

    def __init__(self, bus: EventBus, model: ReadModel, *, group: str) -> None:
        self._bus = bus
        self._model = model
        self._group = group

    def on(
        self,
        event_type: str | Sequence[str],
        *,
        id: Callable[[Event], str],
        topic: str | Sequence[str] | None = None,
    ) -> Callable[[Projection], Projection]:
        """Decorate a function from a document and an event to the next document."""

        def add(project: Projection) -> Projection:
            async def handle(event: Event) -> None:
                await self._model.apply(id(event), event, lambda data: project(data, event))

            self._bus.subscribe(event_type, handle, group=self._group, topic=topic, concurrency=1)
            return project

        return add


def _indexed(data: Mapping[str, Any], fields: Sequence[str]) -> dict[str, str]:
    return {field: str(data[field]) for field in fields if data.get(field) is not None}
