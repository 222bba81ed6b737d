"""What is known right now: dead letters, health, breakers, consumers, topics, audit, scaling."""

from __future__ import annotations

import json
import time
from typing import Any, Literal

from django.conf import settings
from django.http import HttpRequest
from ninja import Query, Router
from ninja.params.functions import Path
from pydantic import Field

from dashboard.accounts.models import AuditEntry, Role
from dashboard.api.paging import PageParameters, keyset_page, seal, unseal
from dashboard.api.problems import Problem
from dashboard.api.security import require
from dashboard.api.serialise import (
    breaker_json,
    consumer_json,
    dead_letter_json,
    health_json,
    iso,
    quarantined_json,
    topic_json,
)
from dashboard.api.shapes.audit import AuditPage
from dashboard.api.shapes.letters import DeadLetterGroupPage, DeadLetterPage
from dashboard.api.shapes.state import (
    BreakerPage,
    ConsumerPage,
    HealthPage,
    QuarantinePage,
    ScalingShape,
    TopicPage,
)
from dashboard.api.shapes.topology import TopologyShape
from dashboard.explore.filters import parse_time
from dashboard.explore.topology import read_topology
from dashboard.fleet.scaling import wanted_instances
from dashboard.recovery.asking import Ask
from dashboard.recovery.groups import GroupRow, merged_fingerprints, read_groups
from ingest.models import (
    Breaker,
    ConsumerGroup,
    DeadLetter,
    HealthComponent,
    QuarantinedMessage,
    Stream,
)
from ingest.queries.letter_cells import members_of
from ingest.queries.letters import LetterFilter
from ingest.store.streams import is_kafka

__all__ = ["router"]

router = Router(tags=["state"], by_alias=True)


class DeadLetterParameters(PageParameters):
    status: DeadLetter.Status | None = None
    type: str = Field("", max_length=200)
    consumer: str = Field("", max_length=200)
    group: str = Field("", max_length=32, description="id of a failure group")
    since: str = ""
    until: str = ""


@router.get("/dead-letters", response=DeadLetterPage, operation_id="listDeadLetters")
def dead_letters(request: HttpRequest, parameters: Query[DeadLetterParameters]) -> Any:
    """Newest first."""
    rows = _dead_letters(parameters).defer("event", "headers")
    asked = parameters.model_dump_json(exclude={"limit", "cursor"})
    return keyset_page(rows, parameters, dead_letter_json, identity=f"dead-letters {asked}")


class GroupParameters(PageParameters):
    by: Literal["failure", "type", "consumer", "topic", "error"] = "failure"
    status: DeadLetter.Status | None = None
    type: str = Field("", max_length=200)
    consumer: str = Field("", max_length=200)


@router.get(
    "/dead-letters/groups", response=DeadLetterGroupPage, operation_id="listDeadLetterGroups"
)
def dead_letter_groups(request: HttpRequest, parameters: Query[GroupParameters]) -> Any:
    """Dead letters of one failure together (or of one type, consumer, …); most open first."""
    where = LetterFilter(
        statuses=(parameters.status,) if parameters.status else (),
        types=(parameters.type,) if parameters.type else (),
        consumers=(parameters.consumer,) if parameters.consumer else (),
    )
    # The order moves with the counts, so that there is no key to go on behind: pages are counted.
    asked = f"dead-letter-groups {parameters.model_dump_json(exclude={'cursor'})}"
    page = unseal(parameters.cursor, asked) or 0
    rows = read_groups(
        Ask(where, by=parameters.by, page=page),
        now_ms=time.time_ns() // 1_000_000,
        limit=parameters.limit,
    )
    return {
        "results": [_group(row) for row in rows[: parameters.limit]],
        "next": seal(page + 1, asked) if len(rows) > parameters.limit else None,
    }


@router.get("/health", response=HealthPage, operation_id="listHealth")
def health(request: HttpRequest, page: Query[PageParameters]) -> Any:
    """The latest word of every component instance."""
    return keyset_page(HealthComponent.objects.all(), page, health_json, identity="health")


@router.get("/breakers", response=BreakerPage, operation_id="listBreakers")
def breakers(request: HttpRequest, page: Query[PageParameters]) -> Any:
    """The latest state of every circuit breaker instance."""
    return keyset_page(Breaker.objects.all(), page, breaker_json, identity="breakers")


@router.get("/consumers", response=ConsumerPage, operation_id="listConsumers")
def consumers(request: HttpRequest, page: Query[PageParameters]) -> Any:
    """Consumer groups by stream, with lag and pending as the broker told."""
    rows = ConsumerGroup.objects.select_related("stream")
    return keyset_page(rows, page, consumer_json, identity="consumers")


@router.get("/topics", response=TopicPage, operation_id="listTopics")
def topics(request: HttpRequest, page: Query[PageParameters]) -> Any:
    """Watched streams and partitions with what is stored, undecoded, lost and waiting."""
    return keyset_page(Stream.objects.all(), page, topic_json, identity="topics")


class QuarantineParameters(PageParameters):
    topic: str = Field("", max_length=255)


@router.get("/quarantine", response=QuarantinePage, operation_id="listQuarantine")
def quarantine(request: HttpRequest, parameters: Query[QuarantineParameters]) -> Any:
    """Messages that are no events, newest first: the reason, and the bytes that are kept."""
    rows = QuarantinedMessage.objects.select_related("stream")
    if parameters.topic:
        rows = rows.filter(stream__topic=parameters.topic)
    return keyset_page(
        rows,
        parameters,
        quarantined_json,
        identity=f"quarantine {parameters.topic}",
        weigh=lambda message: len(message.body),
    )


@router.get("/topology", response=TopologyShape, operation_id="getTopology")
def topology(request: HttpRequest) -> Any:
    """Sources, topics and consumers, and which types flow between them."""
    graph = read_topology(now_ms=time.time_ns() // 1_000_000)
    ends = {"source": "topic", "topic": "consumer"}
    return {
        "nodes": [
            {
                "id": f"{node.kind}:{node.name}",
                "kind": node.kind,
                "name": node.name,
                "events_per_second": node.load.per_second,
                "error_rate": node.load.error_rate,
            }
            for node in graph.nodes
        ],
        "edges": [
            {
                "start": f"{edge.kind}:{edge.start}",
                "end": f"{ends[edge.kind]}:{edge.end}",
                "types": list(edge.types),
            }
            for edge in graph.edges
        ],
    }


@router.get("/audit", response=AuditPage, operation_id="listAudit")
def audit(request: HttpRequest, page: Query[PageParameters]) -> Any:
    """Every change by a person or a token, newest first; an append-only chain of hashes."""
    require(request, Role.OPERATOR)
    return keyset_page(AuditEntry.objects.all(), page, _audit, identity="audit")


@router.get("/scaling/{path:consumerGroup}", response=ScalingShape, operation_id="getScaling")
def scaling(request: HttpRequest, consumer_group: str = Path(alias="consumerGroup")) -> Any:
    """Backlog and wanted instances, flat numbers as KEDA's metrics-api scaler reads them."""
    found = list(ConsumerGroup.objects.filter(name=consumer_group).select_related("stream"))
    if not found:
        raise Problem(404, "No consumer group of this name was seen.")
    options = settings.DASHBOARD.scaling
    backlog = sum((group.lag or 0) + group.pending for group in found)
    kafka = all(is_kafka(group.stream.broker) for group in found)
    return {
        "id": consumer_group,
        "consumer_group": consumer_group,
        "backlog": backlog,
        "wanted_instances": wanted_instances(
            backlog=backlog, options=options, partitions=len(found) if kafka else None
        ),
        "min_instances": options.min_instances,
        "max_instances": options.max_instances,
        "unknown": sorted({group.stream.topic for group in found if group.lag is None}),
    }


def _dead_letters(parameters: DeadLetterParameters) -> Any:
    now = time.time_ns() // 1_000_000
    rows = DeadLetter.objects.all()
    if parameters.status:
        rows = rows.filter(status=parameters.status)
    if parameters.type:
        rows = rows.filter(event_type=parameters.type)
    if parameters.consumer:
        rows = rows.filter(consumer=parameters.consumer)
    if parameters.group:
        members = members_of(parameters.group, merged_fingerprints())
        rows = rows.filter(fingerprint__in=members)
    if parameters.since:
        rows = rows.filter(received_ms__gte=parse_time("since", parameters.since, now))
    if parameters.until:
        rows = rows.filter(received_ms__lt=parse_time("until", parameters.until, now))
    return rows


def _group(row: GroupRow) -> dict[str, Any]:
    group, newest, kept = row.group, row.group.newest, row.kept
    deploy = row.standing.deploy
    return {
        "id": group.key,
        "error_type": newest.error_type if newest else group.error_type,
        "error_message": newest.error_message if newest else "",
        "consumer": newest.consumer if newest else "",
        "event_type": newest.event_type if newest else group.event_type,
        "count": group.count,
        "open": group.open,
        "counts": group.counts,
        "trend": row.trend,
        "new": row.standing.new,
        "regressed": row.standing.regressed,
        "deploy": f"{deploy.service} {deploy.version}" if deploy else None,
        "muted_until": iso(row.standing.muted_until_ms),
        "owner": kept.owner if kept else "",
        "note": kept.note if kept else "",
        "ticket": kept.ticket if kept else "",
        "first_received_at": iso(group.first_ms),
        "last_received_at": iso(group.last_ms),
    }


def _audit(entry: AuditEntry) -> dict[str, Any]:
    return {
        "id": entry.number,
        "at": iso(entry.at_ms),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "detail": json.loads(entry.detail),
        "digest": entry.digest,
        "previous": entry.previous,
    }
