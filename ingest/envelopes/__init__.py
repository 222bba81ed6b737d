"""From bytes and headers to a record: one file a format, pure functions (docs/wire-format.md)."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache

from django.conf import settings

from ingest.envelopes.decoder import BODY_FIELD, Decoder, Readable
from ingest.envelopes.text import bounded_id, bounded_name, stored_id
from ingest.options import IngestOptions
from ingest.records import Message, Quarantined, Record
from ingest.sealing import configured_keyring

__all__ = [
    "BODY_FIELD",
    "FORMAT_NAMES",
    "Decoder",
    "Readable",
    "bounded_id",
    "bounded_name",
    "configured_decoder",
    "decode",
    "innermost",
    "searched_values",
    "stored_id",
]

FORMAT_NAMES = {
    0: "native",
    1: "cloudevents",
    2: "cloudevents-binary",
    3: "masstransit",
    4: "nservicebus",
    5: "faststream",
    6: "celery",
    7: "mapped",
    15: "opaque",
}


def decode(message: Message, topic: str, *, dead_letters: bool = False) -> Record | Quarantined:
    """``message`` by the configuration in force, as reading does again what ingest has done."""
    return configured_decoder().decode(message, topic, dead_letters=dead_letters)


def innermost(message: Message, topic: str) -> Readable:
    """What of ``message`` is to be read by people, by the configuration in force."""
    return configured_decoder().innermost(message, topic)


def configured_decoder() -> Decoder:
    return _decoder_of(_ById(settings.INGEST))


def searched_values(values: Iterable[str]) -> list[str]:
    """``values``, and what they are found by where they stand encrypted."""
    wanted = list(values)
    if _decoder_of(_ById(settings.INGEST)).seals_keys:
        keyring = configured_keyring()
        wanted += [blind for value in wanted for blind in keyring.blinds(value)]
    return wanted


class _ById:
    """Options hold dictionaries, so they are told apart by identity."""

    def __init__(self, options: IngestOptions) -> None:
        self.options = options

    def __hash__(self) -> int:
        return id(self.options)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.options is self.options


@lru_cache(maxsize=4)
def _decoder_of(options: _ById) -> Decoder:
    return Decoder(options.options, stored=True)
