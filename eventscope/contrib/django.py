"""Publishing from Django: after the commit, from one bus a process; and a health view.

``INSTALLED_APPS`` gets ``"eventscope.contrib.django.EventscopeConfig"``, the settings get
``EVENTSCOPE = {"URL": "redis://…", "SOURCE": "order-service"}`` and, if wanted, ``"OPTIONS"``, further
arguments of `eventscope.EventBus`.
"""

from __future__ import annotations

import time
from functools import partial
from typing import Any

from eventscope.contrib.missing import MissingLibrary
from eventscope.contrib.process import ProcessBus
from eventscope.envelope import Event
from eventscope.sync import SyncEventBus

try:
    from django.apps import AppConfig
    from django.conf import settings
    from django.core.checks import CheckMessage, Error, register
    from django.db import DatabaseError, InterfaceError, connections, transaction
    from django.http import HttpRequest, JsonResponse
except ImportError as error:
    raise MissingLibrary("django", "django") from error

__all__ = ["EventscopeConfig", "check_settings", "event_bus", "health", "publish_on_commit"]

_REQUIRED = ("URL", "SOURCE")


class EventscopeConfig(AppConfig):
    name = "eventscope.contrib.django"
    label = "eventscope"
    verbose_name = "Eventscope"

    def ready(self) -> None:
        register(check_settings)


def check_settings(app_configs: Any, **_: Any) -> list[CheckMessage]:
    """``EVENTSCOPE`` names the broker and the service."""
    told = getattr(settings, "EVENTSCOPE", {})
    return [
        Error(
            f'EVENTSCOPE["{name}"] is not set.',
            hint='EVENTSCOPE = {"URL": "redis://127.0.0.1:6379/0", "SOURCE": "order-service"}',
            id="eventscope.E001",
        )
        for name in _REQUIRED
        if not told.get(name)
    ]


def _make_bus() -> SyncEventBus:
    told: dict[str, Any] = getattr(settings, "EVENTSCOPE", {})
    return SyncEventBus(told["URL"], source=told["SOURCE"], **told.get("OPTIONS", {}))


_process = ProcessBus(_make_bus)


def event_bus() -> SyncEventBus:
    """The started bus of this process."""
    return _process.get()


def publish_on_commit(
    event_type: str,
    payload: Any = None,
    *,
    using: str | None = None,
    topic: str | None = None,
    key: str | None = None,
    **ids: Any,
) -> Event:
    """Publish when the transaction commits, at once if there is none, never if it rolls back.

    The event is made now, so its id and time are known and its cause is the event being handled; ``ids``
    as in `eventscope.new_event`. A broker that does not answer raises `BrokerUnavailable` after the commit
    stands: what must not be lost belongs in the database first.
    """
    bus = event_bus()
    event = bus.bus.event(event_type, payload, **ids)
    transaction.on_commit(partial(bus.publish, event, topic=topic, key=key), using=using)
    return event


def health(request: HttpRequest) -> JsonResponse:
    """Databases and broker as JSON: 200 if all answer, else 503. It tells no secret."""
    components = [
        _looked_at(f"database:{name}", partial(_ask_database, name)) for name in connections
    ]
    components.append(_looked_at("event-bus", event_bus().is_healthy))
    healthy = all(one["status"] == "healthy" for one in components)
    return JsonResponse(
        {"status": "healthy" if healthy else "unhealthy", "components": components},
        status=200 if healthy else 503,
        headers={"Cache-Control": "no-store"},
    )


def _looked_at(name: str, check: Any) -> dict[str, Any]:
    began = time.perf_counter()
    status = "healthy" if check() else "unhealthy"
    took = round((time.perf_counter() - began) * 1000, 3)
    return {"name": name, "status": status, "latencyMs": took}


def _ask_database(name: str) -> bool:
    try:
        with connections[name].cursor() as cursor:
            cursor.execute("SELECT 1")
    except (DatabaseError, InterfaceError):
        return False
    return True
