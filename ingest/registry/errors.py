"""What can be wrong with a framed value, or with the registry."""

from __future__ import annotations

from eventscope.errors import EventscopeError

__all__ = ["RegistryAway", "Undecodable", "UnknownSchema"]


class Undecodable(EventscopeError):
    """The value cannot be read; the message says why. ``kind`` is the format of its schema, if known."""


class UnknownSchema(Undecodable):
    """The registry has no such schema, or one that cannot be used."""


class RegistryAway(Undecodable):
    """The registry does not answer, or refuses to; asking again later may help."""
