"""MassTransit's JSON envelope: the message within, ids and addresses around it.

https://masstransit.io/architecture/interoperability — ``messageType`` is a list of URNs, the most
derived type first: ``urn:message:Shop.Contracts:OrderPlaced``.
"""

from __future__ import annotations

from eventscope.reading import text_of
from ingest.envelopes.scan import Span, array_items, object_members, scalar
from ingest.envelopes.view import Found, View

__all__ = ["FORMAT", "decode", "headers", "last_part", "recognise"]

FORMAT = 3
_URN = "urn:message:"


def recognise(view: View) -> bool:
    """An object with ``messageType`` and ``message``, and an id or an address of MassTransit's."""
    members = view.members
    return (
        "messageType" in members
        and "message" in members
        and ("messageId" in members or "conversationId" in members or "sourceAddress" in members)
    )


def decode(view: View) -> Found:
    around = view.inside("headers")
    return Found(
        FORMAT,
        event_id=view.text("messageId"),
        event_type=_type(view),
        source=view.text("assembly", view.inside("host")) or last_part(view.text("sourceAddress")),
        timestamp=view.value("sentTime"),
        correlation_id=view.text("correlationId"),
        conversation_id=view.text("conversationId"),
        causation_id=view.text("initiatorId") or _faulted(view),
        traceparent=view.text("traceparent", around) or view.text("MT-Activity-Id", around),
        payload=view.members["message"],
    )


def headers(view: View) -> list[tuple[str, Span]]:
    """The headers that travel inside the body."""
    return view.pairs_inside("headers")


def last_part(address: str) -> str:
    """``rabbitmq://host/shop/order-service?durable=true`` → ``order-service``."""
    return address.partition("?")[0].rstrip("/").rpartition("/")[2]


def _type(view: View) -> str:
    """``Shop.Contracts.OrderPlaced``, as .NET writes it, of the first URN."""
    span = view.members["messageType"]
    first = (array_items(view.body, *span) or [span])[:1]
    urn = text_of(scalar(view.raw(first[0]))) if first else ""
    return urn.removeprefix(_URN).replace(":", ".")


def _faulted(view: View) -> str:
    """A ``Fault<T>`` names the message that failed in its own message."""
    span = view.members["message"]
    if view.body[span.start : span.start + 1] != b"{":
        return ""
    return view.text("faultedMessageId", object_members(view.body, *span) or {})
