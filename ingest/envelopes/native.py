"""The guide's envelope: ``{eventId, eventType, timestamp, payload, metadata: {…}}``.

Two readers of one format. `strict` is msgspec on the well-formed message, a third of a microsecond;
`recognise` and `decode` are for everything that it refuses.
"""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from eventscope.reading import is_native
from ingest.envelopes.text import ID_LENGTH, NAME_LENGTH
from ingest.envelopes.view import Found, View

__all__ = ["FORMAT", "decode", "recognise", "strict"]

FORMAT = 0

_Id = Annotated[str, msgspec.Meta(min_length=1, max_length=ID_LENGTH)]
_Name = Annotated[str, msgspec.Meta(min_length=1, max_length=NAME_LENGTH)]


class Metadata(msgspec.Struct, rename="camel", gc=False):
    source: Annotated[str, msgspec.Meta(max_length=NAME_LENGTH)] = ""
    correlation_id: Annotated[str, msgspec.Meta(max_length=ID_LENGTH)] | None = None
    causation_id: Annotated[str, msgspec.Meta(max_length=ID_LENGTH)] | None = None
    conversation_id: Annotated[str, msgspec.Meta(max_length=ID_LENGTH)] | None = None
    traceparent: str | None = None


_NO_METADATA = Metadata()


def strict(payload: type[Any], metadata: type[Metadata]) -> msgspec.json.Decoder[Any]:
    """A decoder of well-formed native envelopes whose payload and metadata are read as given."""
    envelope = msgspec.defstruct(
        "Envelope",
        [
            ("event_id", _Id),
            ("event_type", _Name),
            ("timestamp", str | int | float | None, None),
            ("payload", payload | None, None),
            ("metadata", metadata, msgspec.field(default_factory=metadata)),
        ],
        rename="camel",
        gc=False,
    )
    return msgspec.json.Decoder(envelope)


def recognise(view: View) -> bool:
    """As `eventscope.reading.is_native` of the body's members."""
    return is_native(view.members)


def decode(view: View) -> Found:
    """Ids are looked for in ``metadata``, then at the top (flat Redis entries have them there)."""
    metadata = view.inside("metadata")

    def either(name: str) -> str:
        return view.text(name, metadata) or view.text(name)

    return Found(
        FORMAT,
        event_id=view.text("eventId"),
        event_type=view.text("eventType"),
        source=either("source"),
        timestamp=view.value("timestamp"),
        correlation_id=either("correlationId"),
        conversation_id=either("conversationId"),
        causation_id=either("causationId"),
        traceparent=either("traceparent"),
        version=either("version"),
        payload=view.members.get("payload"),
    )
