"""The tables of the ``events`` database. Times are milliseconds since 1970 UTC unless named ``_at``.

Blocks, frames, key runs and postings are written only through `ingest.store`; state rows only
through `ingest.folds`, in the transaction that advances the checkpoint.
"""

from __future__ import annotations

from ingest.models.breakers import Breaker, BreakerSample, BreakerTransition
from ingest.models.catalog import CatalogPiece, EventSchema
from ingest.models.fleet import ConsumerGroup, ServiceEvent, ServiceInstance
from ingest.models.flows import FlowCount, FlowState, StuckFlow, TracePiece
from ingest.models.health import (
    HealthComponent,
    HealthPeriod,
    HealthResult,
    HealthSpan,
    HealthStanding,
)
from ingest.models.letters import DeadLetter, FailurePart, LetterCell, LetterHour
from ingest.models.metrics import MetricPiece
from ingest.models.stored import Block, Frame, KeyPage, KeyRun, Posting, Series
from ingest.models.streams import Gap, Lease, QuarantinedMessage, RegistryAnswer, Stream

__all__ = [
    "Block",
    "Breaker",
    "BreakerSample",
    "BreakerTransition",
    "CatalogPiece",
    "ConsumerGroup",
    "DeadLetter",
    "EventSchema",
    "FailurePart",
    "FlowCount",
    "FlowState",
    "Frame",
    "Gap",
    "HealthComponent",
    "HealthPeriod",
    "HealthResult",
    "HealthSpan",
    "HealthStanding",
    "KeyPage",
    "KeyRun",
    "Lease",
    "LetterCell",
    "LetterHour",
    "MetricPiece",
    "Posting",
    "QuarantinedMessage",
    "RegistryAnswer",
    "Series",
    "ServiceEvent",
    "ServiceInstance",
    "Stream",
    "StuckFlow",
    "TracePiece",
]
