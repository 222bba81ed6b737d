"""What is stored as the JSON that the API answers: camelCase, RFC 3339 in UTC. Pure."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from dashboard.explore.flows import Expected
from dashboard.explore.native import event_json, iso
from dashboard.explore.reading import EventPage, Told
from dashboard.explore.slowness import Slow
from dashboard.explore.spending import Segment, spend
from dashboard.explore.story import Bar, Handling, Missing, Step
from ingest.folds.foreign import header_pairs
from ingest.models import (
    Breaker,
    ConsumerGroup,
    DeadLetter,
    HealthComponent,
    QuarantinedMessage,
    Stream,
)
from ingest.queries.events import EventView
from ingest.queries.quarantine import position_of

__all__ = [
    "breaker_json",
    "consumer_json",
    "correlation_json",
    "dead_letter_json",
    "detail_json",
    "event_json",
    "handling_json",
    "health_json",
    "iso",
    "quarantined_json",
    "slow_json",
    "topic_json",
]


def slow_json(slow: Slow | None) -> dict[str, Any] | None:
    """Why a list took long, for a program."""
    if slow is None:
        return None
    suggestions = [{"text": one.text, "parameters": one.parameters} for one in slow.suggestions]
    return {"reason": slow.reason, "text": slow.text, "suggestions": suggestions}


def detail_json(page: EventPage) -> dict[str, Any]:
    """One event with every place it was seen at, its receipts, dead letters and redrives."""
    places = [page.event, *page.copies]
    return {
        **event_json(page.event, page.outcome),
        "positions": [
            {
                "topic": place.topic,
                "partition": place.partition,
                "position": place.position,
                "receivedAt": iso(place.appended_ms),
                "size": place.size,
            }
            for place in places
        ],
        "receipts": [handling_json(handling) for handling in page.handlings],
        "deadLetters": [dead_letter_json(letter) for letter in page.dead_letters],
        "redrives": [redrive for place in places if (redrive := _redrive(place))],
    }


def correlation_json(
    told: Told, correlation_id: str, expected: Sequence[Expected] = ()
) -> dict[str, Any]:
    story = told.story
    return {
        "correlationId": correlation_id,
        "startedAt": iso(story.started_ms),
        "endedAt": iso(story.ended_ms),
        "durationMs": story.duration_ms,
        "events": [_step(told, step) for step in story.steps],
        "edges": [{"cause": cause, "effect": effect} for cause, effect in story.edges],
        "criticalPath": story.critical_path,
        "timeSpent": [_stretch(segment) for segment in spend(story)],
        "missing": [
            *(_missing_cause(missing) for missing in story.missing),
            *(_missing_step(one) for one in expected),
        ],
        "complete": told.complete,
    }


def _stretch(segment: Segment) -> dict[str, Any]:
    return {
        "kind": segment.kind,
        "service": segment.service,
        "eventId": segment.event_id,
        "startedAt": iso(segment.from_ms),
        "durationMs": segment.duration_ms,
    }


def _missing_cause(missing: Missing) -> dict[str, Any]:
    return {"kind": "cause", "eventId": missing.event_id, "namedBy": missing.children}


def _missing_step(expected: Expected) -> dict[str, Any]:
    return {
        "kind": "step",
        "eventId": None,
        "namedBy": [],
        "type": expected.type,
        "source": expected.source or None,
        "after": expected.after_event_id,
        "share": round(expected.share, 6),
        "p50": expected.p50,
        "p95": expected.p95,
        "p99": expected.p99,
        "verdict": expected.verdict,
        "lateByMs": expected.late_by_ms,
    }


def handling_json(handling: Handling) -> dict[str, Any]:
    """One handling as its receipt told it."""
    failed = handling.error_type or handling.error_message
    return {
        "eventId": handling.event_id,
        "eventType": handling.event_type,
        "consumer": handling.consumer,
        "consumerGroup": handling.group,
        "instance": handling.instance,
        "topic": handling.topic,
        "partition": handling.partition,
        "offset": handling.offset,
        "correlationId": handling.correlation_id,
        "attempt": handling.attempt,
        "maxAttempts": handling.max_attempts,
        "outcome": handling.outcome,
        "producedAt": iso(handling.produced_ms),
        "startedAt": iso(handling.started_ms),
        "endedAt": iso(handling.ended_ms),
        "durationMs": handling.duration_ms,
        "error": {
            "type": handling.error_type,
            "message": handling.error_message,
            "stack": handling.error_stack,
        }
        if failed
        else None,
    }


def dead_letter_json(letter: DeadLetter) -> dict[str, Any]:
    return {
        "id": letter.pk,
        "eventId": letter.event_id,
        "eventType": letter.event_type,
        "source": letter.source,
        "correlationId": letter.correlation_id,
        "topic": letter.topic,
        "partition": letter.partition,
        "offset": letter.offset,
        "status": letter.status,
        "consumer": letter.consumer,
        "consumerGroup": letter.consumer_group,
        "attempts": letter.attempts,
        "error": {
            "type": letter.error_type,
            "message": letter.error_message,
            "stack": letter.error_stack,
        },
        "group": letter.fingerprint,
        "receivedAt": iso(letter.received_ms),
        "firstFailedAt": iso(letter.first_failed_ms),
        "lastFailedAt": iso(letter.last_failed_ms),
        "archivedAt": iso(letter.archived_ms),
        "importedFrom": letter.origin or None,
    }


def health_json(component: HealthComponent) -> dict[str, Any]:
    return {
        "id": component.pk,
        "component": component.component,
        "service": component.service,
        "instance": component.instance,
        "status": component.status,
        "since": iso(component.since_ms),
        "seenAt": iso(component.seen_ms),
        "latencyMs": component.latency_ms,
        "checks": component.checks,
    }


def breaker_json(breaker: Breaker) -> dict[str, Any]:
    return {
        "id": breaker.pk,
        "name": breaker.name,
        "service": breaker.service,
        "instance": breaker.instance,
        "state": breaker.state,
        "since": iso(breaker.since_ms),
        "seenAt": iso(breaker.seen_ms),
        "failureCount": breaker.failure_count,
        "failureThreshold": breaker.failure_threshold,
        "resetTimeoutMs": breaker.reset_timeout_ms,
        "halfOpenTimeoutMs": breaker.half_open_timeout_ms,
        "errorRate": breaker.error_rate,
        "latencyMs": breaker.latency_ms,
        "throughput": breaker.throughput,
        "reason": breaker.reason,
    }


def consumer_json(group: ConsumerGroup) -> dict[str, Any]:
    return {
        "id": group.pk,
        "consumerGroup": group.name,
        "topic": group.stream.topic,
        "partition": group.stream.partition,
        "lag": group.lag,
        "pending": group.pending,
        "consumers": group.consumers,
        "sampledAt": iso(group.sampled_ms),
    }


def quarantined_json(message: QuarantinedMessage) -> dict[str, Any]:
    """A message that is no event: why, and its bytes."""
    body = bytes(message.body)
    return {
        "id": message.pk,
        "broker": message.stream.broker,
        "topic": message.stream.topic,
        "partition": message.stream.partition,
        "position": position_of(message),
        "receivedAt": iso(message.appended_ms),
        "reason": message.reason,
        "size": message.size,
        "body": _as_text(body),
        "bodyBase64": base64.b64encode(body).decode(),
        "headers": {
            name.decode("utf-8", "replace"): value.decode("utf-8", "replace")
            for name, value in header_pairs(bytes(message.headers))
        },
    }


def _as_text(body: bytes) -> str | None:
    try:
        return body.decode()
    except UnicodeDecodeError:
        return None


def topic_json(stream: Stream) -> dict[str, Any]:
    return {
        "id": stream.pk,
        "broker": stream.broker,
        "topic": stream.topic,
        "partition": stream.partition,
        "deadLetters": stream.dead_letters,
        "stored": stream.stored,
        "undecoded": stream.undecoded,
        "lost": stream.lost,
        "lag": stream.lag,
        "newestAt": iso(stream.newest_ms),
    }


def _redrive(event: EventView) -> Any:
    envelope = event.envelope
    metadata = envelope.get("metadata") if isinstance(envelope, dict) else None
    return metadata.get("redrive") if isinstance(metadata, dict) else None


def _step(told: Told, step: Step) -> dict[str, Any]:
    event: Any = step.event
    letters = told.dead_letters.get(step.event_id, ())
    return {
        **event_json(event, told.outcomes.get(step.event_id, "")),
        "at": iso(step.at_ms),
        "depth": step.depth,
        "parent": step.parent or None,
        "state": step.state,
        "shiftedMs": step.shift_ms,
        "handlings": [_bar(bar) for bar in step.bars],
        "deadLetters": [letter.pk for letter in letters],
    }


def _bar(bar: Bar) -> dict[str, Any]:
    return {
        **handling_json(bar.handling),
        "queueMs": bar.queue_ms,
        "processingMs": bar.processing_ms,
        "shiftedMs": bar.shift_ms,
    }
