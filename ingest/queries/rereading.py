"""Values that no schema made readable when they were stored: perhaps one does by now."""

from __future__ import annotations

from functools import lru_cache

from django.conf import settings

from ingest.models import Stream
from ingest.options import IngestOptions
from ingest.records import Message
from ingest.registry import open_unframers
from ingest.wire import UNDECODED

__all__ = ["broker_of", "read_again"]


def read_again(message: Message, stream_id: int) -> Message:
    """``message``, read by its schema if that can be had now; nothing is stored of it.

    A registry that does not answer is waited for as long as ingest would, once.
    """
    if not any(name == UNDECODED for name, _ in message.headers):
        return message
    options: IngestOptions = settings.INGEST
    unframer = open_unframers(options, remembers=True).get(broker_of(stream_id))
    return message if unframer is None else unframer.unframe([message])[0]


@lru_cache(maxsize=65536)
def broker_of(stream_id: int) -> str:
    """The name of the broker of a stream; streams never change theirs."""
    name: str = Stream.objects.values_list("broker", flat=True).get(id=stream_id)
    return name
