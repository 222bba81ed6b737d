"""Showing what is encrypted at rest: to those who may, and never without a line in the audit log."""

from __future__ import annotations

from typing import Any, NamedTuple

from django.conf import settings

from dashboard.accounts.audit import record
from dashboard.accounts.rights import may_reveal, reveal_role
from ingest.envelopes import innermost
from ingest.envelopes.privacy import hides
from ingest.queries.bodies import read_body
from ingest.queries.events import EventView
from ingest.queries.opening import open_headers, open_stored, sealed_keys
from ingest.queries.sealed import sealed_paths
from ingest.store.sql import to_message
from ingest.wire import WIRE

__all__ = ["Revealed", "is_encrypted", "may_reveal", "paths_in", "reveal", "reveal_role"]


class Revealed(NamedTuple):
    """An event with its values opened; ``locked`` are ids of keys that are not configured."""

    body: bytes
    envelope: Any
    headers: list[tuple[str, str]]
    paths: list[str]
    locked: list[str]


def reveal(event: EventView, *, by: Any) -> Revealed:
    """Open what is encrypted in ``event``, noted in the audit log with the paths and without the values.

    The caller has asked `may_reveal`. The note is written first: nothing is shown that is not noted.
    """
    paths = paths_in(event)
    record(actor=by, action="event.revealed", subject=event.event_id, detail={"paths": paths})
    opened = open_stored(event.stored)
    headers = [
        (name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
        for name, value in open_headers(event.stored)
        if name != WIRE
    ]
    locked = sorted({*opened.locked, *_locked_headers(headers)})
    message = to_message(event.stored)._replace(value=opened.text)
    envelope = read_body(innermost(message, event.topic).envelope)
    return Revealed(opened.text, envelope, headers, paths, locked)


def is_encrypted(path: str) -> bool:
    """Whether values at ``path`` are to be encrypted: they belong into no address, so no link leads by them."""
    taken = [tuple(one.split(".")) for one in settings.INGEST.privacy.encrypt]
    return hides(taken, path)


def paths_in(event: EventView) -> list[str]:
    """Where encrypted values stand in ``event``."""
    return sealed_paths(event.envelope, event.headers)


def _locked_headers(headers: list[tuple[str, str]]) -> list[str]:
    return [key for _, value in headers for key in sealed_keys(value.encode())]
