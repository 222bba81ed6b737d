"""What is known right now: dead letters, health, breakers, consumers, topics, audit, scaling."""

from __future__ import annotations

import json
import time
from typing import Any

from django.conf import settings
from django.db.models import Count, Max, Min, Q
from django.http import HttpRequest
from ninja import Query, Router
from ninja.params.functions import Path
from pydantic import Field

from dashboard.accounts.models import AuditEntry, Role
from dashboard.api.paging import PageParameters, keyset_page
from dashboard.api.problems import Problem
from dashboard.api.security import require
from dashboard.api.serialise import (
    breaker_json,
    consumer_json,
    dead_letter_json,
    health_json,
    iso,
    topic_json,
)
from dashboard.api.shapes import (
    AuditPage,
    BreakerPage,
    ConsumerPage,
    DeadLetterGroupPage,
    DeadLetterPage,
    HealthPage,
    ScalingShape,
    TopicPage,
    TopologyShape,
)
from dashboard.explore.filters import parse_time
from dashboard.explore.topology import read_topology
from dashboard.fleet.scaling import wanted_instances
from ingest.models import Breaker, ConsumerGroup, DeadLetter, HealthComponent, Stream

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


@router.get(
    "/dead-letters/groups", response=DeadLetterGroupPage, operation_id="listDeadLetterGroups"
)
def dead_letter_groups(request: HttpRequest, limit: Query[int] = 100) -> Any:
    """Dead letters of one error, type and consumer together; most open first."""
    if not 1 <= limit <= 1000:
        raise Problem(400, "limit: must be from 1 to 1000")
    grouped = (
        DeadLetter.objects.values("fingerprint")
        .annotate(
            count=Count("id"),
            open=Count("id", filter=Q(status=DeadLetter.Status.OPEN)),
            first=Min("received_ms"),
            last=Max("received_ms"),
            newest=Max("id"),
        )
        .order_by("-open", "-last")[:limit]
    )
    found = list(grouped)
    newest = DeadLetter.objects.defer("event", "headers").in_bulk([one["newest"] for one in found])
    return {"results": [_group(dict(one), newest[one["newest"]]) for one in found], "next": None}


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
    kafka = all(_is_kafka(group.stream.broker) for group in found)
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
        rows = rows.filter(fingerprint=parameters.group)
    if parameters.since:
        rows = rows.filter(received_ms__gte=parse_time("since", parameters.since, now))
    if parameters.until:
        rows = rows.filter(received_ms__lt=parse_time("until", parameters.until, now))
    return rows


def _group(one: dict[str, Any], newest: DeadLetter) -> dict[str, Any]:
    return {
        "id": one["fingerprint"],
        "error_type": newest.error_type,
        "error_message": newest.error_message,
        "consumer": newest.consumer,
        "event_type": newest.event_type,
        "count": one["count"],
        "open": one["open"],
        "first_received_at": iso(one["first"]),
        "last_received_at": iso(one["last"]),
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


def _is_kafka(broker: str) -> bool:
    options = settings.INGEST.brokers.get(broker)
    return options is not None and options.type == "kafka"
