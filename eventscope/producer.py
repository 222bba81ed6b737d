"""The publishing half of the bus; a service that only publishes needs no more."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from eventscope.envelope import Event, encode_event, new_event
from eventscope.errors import EnvelopeError, TransportError
from eventscope.payloads import ErrorReport, Receipt, describe_error
from eventscope.publisher import Publisher
from eventscope.receipts import Counters, Observer
from eventscope.retry import Backoff
from eventscope.routing import Router
from eventscope.stamps import Identity
from eventscope.transports.base import Outgoing, Transport

__all__ = ["EventProducer"]


class EventProducer:
    """Publishes events and reports; connects with the first one."""

    def __init__(
        self,
        transport: Transport,
        identity: Identity,
        router: Router,
        *,
        system_topic: str,
        observed: bool,
        publish_timeout: float,
        backoff: Backoff,
    ) -> None:
        self.transport = transport
        self.identity = identity
        self.router = router
        self.counters = Counters()
        self.system_topic = system_topic
        self._publish_timeout = publish_timeout
        self._backoff = backoff
        self._publisher: Publisher | None = None
        self._observer = Observer(self._publish_system, self.counters) if observed else None

    @property
    def source(self) -> str:
        return self.identity.source

    @property
    def instance(self) -> str:
        return self.identity.instance

    async def publish(
        self,
        event: str | Event | Mapping[str, Any],
        payload: Any = None,
        *,
        key: str | None = None,
        topic: str | None = None,
        correlation_id: str | None = None,
        causation_id: str | None = None,
        traceparent: str | None = None,
        version: str | None = None,
        metadata: Mapping[str, Any] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Event:
        """Publish by type and payload, as the guide's mapping, or an `Event` made before.

        Returns the event with its topic and position. Raises `BrokerUnavailable` when the broker
        did not answer within the publish time-out, `EnvelopeError` when it cannot be JSON.
        """
        if not isinstance(event, Event):
            if not isinstance(event, str):
                event, payload, metadata = _guide_form(event, metadata)
            event = self.event(
                event,
                payload,
                correlation_id=correlation_id,
                causation_id=causation_id,
                traceparent=traceparent,
                version=version,
                metadata=metadata,
            )
        placed = self._place(event, topic=topic, key=key)
        (position,) = await self._append([_outgoing(placed, headers)])
        return msgspec.structs.replace(placed, position=position)

    async def publish_many(
        self, events: Iterable[Event | Mapping[str, Any]], *, topic: str | None = None
    ) -> list[Event]:
        """Publish in order in one round trip; an event's own ``key`` is kept."""
        placed = [self._place(self._made(event), topic=topic) for event in events]
        positions = await self._append([_outgoing(event) for event in placed])
        return [
            msgspec.structs.replace(event, position=position)
            for event, position in zip(placed, positions, strict=True)
        ]

    def event(
        self, event_type: str, payload: Any = None, *, version: str | None = None, **ids: Any
    ) -> Event:
        """A new event of this service, not yet published; ``ids`` as in `new_event`."""
        identity = self.identity
        return new_event(
            event_type, payload, source=identity.source, version=version or identity.version, **ids
        )

    def report(self, event: str | Event, payload: Any = None) -> None:
        """Publish a system event sometime soon, from any thread; never raises, is counted.

        An `Event` goes to its own topic, all else to the system topic.
        """
        if self._observer is not None:
            event_type = event if isinstance(event, str) else event.event_type
            self._observer.report(event_type, payload if isinstance(event, str) else event)

    def report_receipt(self, receipt: Receipt) -> None:
        """Publish a receipt sometime soon, from any thread; never raises, is counted.

        For handlings that the bus has not made itself, such as those of another library.
        """
        if self._observer is not None:
            self._observer.take(receipt)

    def report_error(self, error: BaseException, context: Any = None) -> None:
        """Publish ``ErrorOccurred``, as `report` does."""
        self.report(
            "ErrorOccurred",
            ErrorReport(self.source, self.instance, describe_error(error), context),
        )

    async def is_healthy(self) -> bool:
        """Whether the broker answers; the guide's ``eventBus.isHealthy``."""
        try:
            await self.transport.ping()
        except TransportError:
            return False
        return True

    def _made(self, event: Event | Mapping[str, Any]) -> Event:
        if isinstance(event, Event):
            return event
        event_type, payload, metadata = _guide_form(event, None)
        return self.event(event_type, payload, metadata=metadata)

    def _place(self, event: Event, *, topic: str | None, key: str | None = None) -> Event:
        place = topic or self.router.topic(event.event_type)
        return msgspec.structs.replace(event, topic=place, key=key or event.key)

    async def _append(self, messages: Sequence[Outgoing]) -> list[str]:
        if self._publisher is None:
            self._publisher = Publisher(
                self.transport, timeout=self._publish_timeout, backoff=self._backoff
            )
        positions = await self._publisher.append(messages)
        self.counters.published += len(positions)
        return positions

    async def _drain(self, grace: float) -> None:
        if self._publisher is not None:
            await self._publisher.drain(grace)
            self._publisher = None

    async def _publish_system(self, events: Sequence[tuple[str, Any]]) -> None:
        made = [
            payload if isinstance(payload, Event) else self.event(event_type, payload)
            for event_type, payload in events
        ]
        placed = [self._place(event, topic=event.topic or self.system_topic) for event in made]
        await self._append([_outgoing(event) for event in placed])


def _guide_form(
    event: Mapping[str, Any], metadata: Mapping[str, Any] | None
) -> tuple[str, Any, Mapping[str, Any] | None]:
    """``{"eventType": …, "payload": …, "metadata"?: …}`` as the guide's services publish it."""
    event_type = event.get("eventType")
    if not isinstance(event_type, str) or not event_type:
        raise ValueError("an event needs an eventType")
    return event_type, event.get("payload"), {**event.get("metadata", {}), **(metadata or {})}


def _outgoing(event: Event, headers: Mapping[str, str] | None = None) -> Outgoing:
    """Everything is made bytes here, so that what cannot be is the publisher's own error."""
    body = encode_event(event)
    try:
        event.topic.encode()
        fields = {"key": event.key, **(headers or {})} if event.key else headers or {}
        pairs = tuple((name.encode(), text.encode()) for name, text in fields.items())
    except UnicodeEncodeError as error:
        raise EnvelopeError(f"topic, key and headers must be valid Unicode: {error}") from error
    return Outgoing(event.topic, body, pairs)
