"""The duty of asking Spring actuators for their breakers."""

from __future__ import annotations

import http.client
import time
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from django.conf import settings
from django.db import transaction

from dashboard.monitor.actuators import (
    NotUnderstood,
    Polled,
    changes_since,
    read_events,
    read_states,
)
from dashboard.monitor.probes import fetch
from eventscope.errors import EventscopeError
from ingest.folds.breakers import BreakerKey, Change, record_breakers
from ingest.folds.health import record_health
from ingest.folds.health_words import HEALTHY, ComponentKey, HealthSample
from ingest.models import Breaker
from ingest.options import ActuatorOptions

__all__ = ["COMPONENT", "ActuatorsAway", "Answer", "ask", "poll_actuators"]

AT_ONCE = 8
COMPONENT = "circuit-breakers"
"""An actuator that answers is a sign of life of its instance; one that does not is silent, hence unknown."""


class ActuatorsAway(EventscopeError):
    """Some actuators did not answer as they should."""


class Answer(NamedTuple):
    """What one actuator said; ``error`` is "" if it went well."""

    actuator: ActuatorOptions
    states: list[Polled]
    events: list[Change]
    took_ms: float
    error: str = ""


def poll_actuators(*, now_ms: int | None = None) -> int:
    """Ask all of them at once; how many breakers were told of.

    Raises `ActuatorsAway` naming those that did not answer, after what the others said is written.
    """
    actuators = settings.INGEST.circuit_breakers.actuators
    if not actuators:
        return 0
    now = time.time_ns() // 1_000_000 if now_ms is None else now_ms
    with ThreadPoolExecutor(max_workers=AT_ONCE, thread_name_prefix="actuator") as pool:
        answers = list(pool.map(lambda one: ask(one, now_ms=now), actuators))
    for answer in answers:
        if not answer.error:
            _write(answer, now)
    away = [_away(answer) for answer in answers if answer.error]
    if away:
        raise ActuatorsAway(f"{len(away)} of {len(answers)} actuators: {'; '.join(away)[:1000]}")
    return sum(len(answer.states) for answer in answers)


def _away(answer: Answer) -> str:
    """Without the url, which may hold a password."""
    return f"{answer.actuator.service} ({answer.actuator.place}): {answer.error}"


def ask(actuator: ActuatorOptions, *, now_ms: int) -> Answer:
    """Never raises for what the actuator does; its list of events may be missing."""
    begun = time.monotonic()
    timeout = float(settings.DASHBOARD.health.timeout)
    try:
        states = read_states(_get(actuator, "circuitbreakers", timeout))
        took_ms = (time.monotonic() - begun) * 1000
        events = _events(actuator, timeout, now_ms)
    except TimeoutError:
        return Answer(actuator, [], [], 0.0, f"no answer within {timeout:g} s")
    except (OSError, http.client.HTTPException, ValueError) as error:
        return Answer(actuator, [], [], 0.0, str(error)[:300] or type(error).__name__)
    return Answer(actuator, states, events, round(took_ms, 2))


def _events(actuator: ActuatorOptions, timeout: float, now_ms: int) -> list[Change]:
    """Without them changes are known to the interval of polling, and without reasons."""
    try:
        return read_events(_get(actuator, "circuitbreakerevents", timeout), actuator, now_ms=now_ms)
    except NotUnderstood:
        return []


def _get(actuator: ActuatorOptions, name: str, timeout: float) -> bytes:
    code, body = fetch(f"{actuator.url.rstrip('/')}/{name}", timeout=timeout)
    if code != 200:
        raise NotUnderstood(f"{name}: HTTP {code}")
    return body


def _write(answer: Answer, now_ms: int) -> None:
    actuator = answer.actuator
    here = {"service": actuator.service, "instance": actuator.place}
    with transaction.atomic(using="events"):
        seen = {
            BreakerKey(name, **here): seen_ms
            for name, seen_ms in Breaker.objects.filter(**here).values_list("name", "seen_ms")
        }
        record_breakers(
            list(changes_since(answer.states, answer.events, seen, actuator, now_ms=now_ms))
        )
        key = ComponentKey(COMPONENT, actuator.service, actuator.place)
        record_health([HealthSample(key, now_ms, HEALTHY, answer.took_ms)])
