"""A registry that tells what it told before while it is away: a worker that starts then reads on.

What a number or a version stands for never changes, but a registry may be made anew; so as long as it answers,
what it says counts.
"""

from __future__ import annotations

import time

import msgspec
import structlog
import xxhash
from django.db import DatabaseError, connections

from ingest.models import RegistryAnswer
from ingest.options import RegistryOptions
from ingest.registry.client import Client, Told
from ingest.registry.errors import RegistryAway

__all__ = ["RememberingClient"]

WITHIN_S = 0.5
"""What the registry has to answer in where its answer of before is kept."""
AWAY_FOR_S = 3.0
"""How long it is not asked for what is kept, once it failed to answer."""

log = structlog.get_logger("ingest")


class RememberingClient(Client):
    """Keeps the latest answers, as many as the options say, in the database of events.

    For a thread of its own: each look at the database closes the connection behind it. A database that fails
    is as one that keeps nothing.
    """

    def __init__(self, options: RegistryOptions) -> None:
        super().__init__(options)
        self._rows = RegistryAnswer.objects.filter(place=options.url[:300])
        self._most = options.schemas
        self._away_until = float("-inf")

    def _asked(self, path: str, what: str, *, within: float | None = None) -> Told:
        kept = self._recall(path)
        if kept is not None and time.monotonic() < self._away_until:
            return kept
        try:
            told = super()._asked(path, what, within=within if kept is None else WITHIN_S)
        except RegistryAway as error:
            if kept is None:
                raise
            self._note_away(str(error))
            return kept
        if told != kept:
            self._keep(path, told)
        return told

    def _note_away(self, why: str) -> None:
        """One line, however many schemas are asked for meanwhile."""
        now = time.monotonic()
        if now - self._away_until > AWAY_FOR_S:
            log.warning(
                "schema registry is away, schemas are those of before",
                action="ingest.registry_remembered",
                error=why,
            )
        self._away_until = now + AWAY_FOR_S

    def _recall(self, path: str) -> Told | None:
        try:
            told = self._rows.filter(digest=_digest(path)).values_list("told", flat=True).first()
        except DatabaseError as error:
            _failed(error)
            return None
        finally:
            connections["events"].close()
        return None if told is None else msgspec.json.decode(told, type=Told)

    def _keep(self, path: str, told: Told) -> None:
        try:
            RegistryAnswer.objects.update_or_create(
                place=self._options.url[:300],
                digest=_digest(path),
                defaults={"told": msgspec.json.encode(told)},
            )
            newest = self._rows.order_by("-pk").values_list("pk", flat=True)
            if (older := newest[self._most : self._most + 1].first()) is not None:
                self._rows.filter(pk__lte=older).delete()
        except DatabaseError as error:
            _failed(error)
        finally:
            connections["events"].close()


def _digest(path: str) -> str:
    return xxhash.xxh3_128_hexdigest(path.encode())


def _failed(error: DatabaseError) -> None:
    log.warning(
        "what the schema registry told is not kept",
        action="ingest.registry_not_kept",
        error=str(error),
    )
