"""Hands drafts to the brokers through the kit's transport."""

from __future__ import annotations

from collections.abc import Sequence

from asgiref.sync import async_to_sync, sync_to_async
from django.conf import settings

from dashboard.api.drafts import Draft
from dashboard.api.problems import Problem
from eventscope.errors import BrokerUnavailable, TransportError
from eventscope.transports.base import Outgoing
from eventscope.transports.redis import RedisTransport
from ingest.options import BrokerOptions

__all__ = ["publish_drafts"]

NEVER_TRIM = 2**53
TIMEOUT = 10.0


def publish_drafts(drafts: Sequence[Draft]) -> list[str]:
    """Append all and answer their positions, in order.

    Raises `Problem` 503 when a broker is away, 502 when it refuses; what had been appended is told.
    """
    return async_to_sync(_publish)(drafts)


async def _publish(drafts: Sequence[Draft]) -> list[str]:
    places: dict[int, str] = {}
    for broker in {draft.broker for draft in drafts}:
        chosen = [index for index, draft in enumerate(drafts) if draft.broker == broker]
        replies = await _append(broker, [drafts[index] for index in chosen])
        refused = {}
        for index, reply in zip(chosen, replies, strict=True):
            if isinstance(reply, TransportError):
                refused[index] = str(reply)
            else:
                places[index] = reply
        if refused:
            raise Problem(
                502,
                f"The broker {broker} refused {len(refused)} of {len(drafts)} events.",
                errors=[
                    {"index": index, "place": "broker", "message": reason}
                    for index, reason in refused.items()
                ],
                published=[
                    {"eventId": drafts[index].event_id, "position": place}
                    for index, place in sorted(places.items())
                ],
            )
    return [places[index] for index in range(len(drafts))]


async def _append(broker: str, drafts: Sequence[Draft]) -> list[str | TransportError]:
    options = settings.INGEST.brokers[broker]
    try:
        if options.type == "kafka":
            return await _produce(options, drafts)
        return await _append_to_streams(options, drafts)
    except BrokerUnavailable as error:
        raise Problem(503, f"The broker {broker} does not answer: {error}") from error
    except TransportError as error:
        raise Problem(502, f"The broker {broker} refused: {error}") from error


async def _produce(options: BrokerOptions, drafts: Sequence[Draft]) -> list[str | TransportError]:
    from dashboard.api.kafka_publishing import produce_drafts  # its library only where it is used

    return await sync_to_async(produce_drafts)(options, drafts, timeout=TIMEOUT)


async def _append_to_streams(
    options: BrokerOptions, drafts: Sequence[Draft]
) -> list[str | TransportError]:
    transport = RedisTransport(options.url, max_length=NEVER_TRIM, timeout=TIMEOUT)
    try:
        return await transport.append(
            [Outgoing(draft.topic, draft.body, draft.headers) for draft in drafts]
        )
    finally:
        await transport.close()
