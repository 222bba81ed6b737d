"""Values in Confluent's wire format: a schema's number, and bytes that the schema makes readable.

The schema is asked of the broker's registry (docs/schema-registry.md, docs/adr/0022). Nothing of it is
loaded where no broker has one.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from typing import TYPE_CHECKING

import msgspec

from ingest.options import Duration, IngestOptions, RegistryOptions
from ingest.registry.errors import RegistryAway

if TYPE_CHECKING:
    from ingest.registry.framing import Unframer

__all__ = ["RegistryAway", "open_unframers", "registry_kinds"]


def open_unframers(options: IngestOptions, *, remembers: bool = False) -> Mapping[str, Unframer]:
    """By name of their broker; a broker without a registry has none.

    One that ``remembers`` keeps in the database of events what the registry told, for when that is away.
    """
    hides = bool(options.privacy.redact or options.privacy.encrypt)
    return {
        name: _unframer_of(broker.registry, options.limits.body_bytes, not hides, remembers)
        for name, broker in options.brokers.items()
        if broker.registry is not None
    }


def registry_kinds(options: RegistryOptions, *, timeout: float) -> list[str]:
    """The kinds of schemas that a registry keeps, [] where it does not say. Raises `RegistryAway`."""
    from ingest.registry.client import Client

    within = Duration(min(timeout, options.timeout))
    return Client(msgspec.structs.replace(options, timeout=within)).kinds()


@lru_cache(maxsize=32)
def _unframer_of(
    options: RegistryOptions, most_bytes: int, keeps_wire: bool, remembers: bool
) -> Unframer:
    """One of each process, so that a schema is asked for once."""
    from ingest.registry.client import Client
    from ingest.registry.compiling import compile_schema
    from ingest.registry.framing import Unframer
    from ingest.registry.remembering import RememberingClient
    from ingest.registry.schemas import Schemas

    client = RememberingClient(options) if remembers else Client(options)
    schemas = Schemas(
        lambda number: compile_schema(client, number),
        patience=float(options.timeout),
        most=options.schemas,
    )
    return Unframer(schemas, most_bytes=most_bytes, keeps_wire=keeps_wire)
