"""Celery: task and worker events, and task messages of protocol 2, bare or in kombu's JSON wrapper.

https://docs.celeryq.dev/en/stable/userguide/monitoring.html#event-reference
https://docs.celeryq.dev/en/stable/internals/protocol.html — a worker sends its task events by the
dozen, as an array. kombu wraps ``{body, content-type, headers, properties}`` around everything, with the
body mostly in base64.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode

import msgspec

from ingest.envelopes.celery_reports import MANY, detail_of
from ingest.envelopes.scan import Span, array_items
from ingest.envelopes.view import Found, Inner, View

__all__ = ["FORMAT", "decode", "headers", "recognise", "repeated"]

FORMAT = 6
_TOLD_OF_TASK = ("task-sent", "task-received")
"""They describe the task message itself, so they are that event; all others tell of it."""
_ANONYMOUS = re.compile(r"gen\d+@")
_WRAPPER = frozenset(("body", "content-type", "headers", "properties"))
_REPEATED = ("args", "kwargs", "result")
_REPEATED_HEADERS = ("argsrepr", "kwargsrepr")


def recognise(view: View) -> bool:
    if view.message.headers and _is_task(view.headers):
        return True
    if view.body.lstrip()[:1] == b"[":
        return bool(_items(view))
    return _is_event(view) or (view.members.keys() >= _WRAPPER and _wrapped(view) is not None)


def decode(view: View) -> Found:
    if view.message.headers and _is_task(view.headers):
        return _task(view.headers, Span(0, len(view.body)))
    if _is_event(view):
        return _event(view)
    items = _items(view)
    return _many(view, items) if items else _wrapped(view) or Found(FORMAT)


def headers(view: View) -> list[tuple[str, Span]]:
    """The headers that travel inside kombu's wrapper."""
    return view.pairs_inside("headers") if view.members.keys() >= _WRAPPER else []


def repeated(view: View) -> list[Span]:
    """Texts that repeat what a task was called with or gave back, in Python's own notation.

    No path leads into them, so they are taken out whole where any of the payload is.
    """
    if _is_event(view):
        return [view.members[name] for name in _REPEATED if name in view.members]
    if items := _items(view):
        return [
            Span(item.start + span.start, item.start + span.end)
            for item in items
            for span in repeated(view.within(view.raw(item)))
        ]
    return [span for name, span in headers(view) if name in _REPEATED_HEADERS]


def _is_event(view: View) -> bool:
    members = view.members
    if not ("type" in members and "hostname" in members and "timestamp" in members):
        return False
    kind = view.text("type")
    return kind.startswith("worker-") or (kind.startswith("task-") and "uuid" in members)


def _items(view: View) -> list[Span]:
    """The events of an array that begins with one."""
    if view.body.lstrip()[:1] != b"[":
        return []
    items = array_items(view.body, 0, len(view.body)) or []
    return items if items and _is_event(view.within(view.raw(items[0]))) else []


def _event(view: View) -> Found:
    kind, task = view.text("type"), view.text("uuid")
    told = kind in _TOLD_OF_TASK
    here = f"{task or view.text('hostname')}:{kind}:{view.text('clock') or view.text('timestamp')}"
    return Found(
        FORMAT,
        event_id=task if told else here,
        event_type=(told and view.text("name")) or kind,
        source=_node(view.text("hostname")),
        timestamp=view.value("timestamp"),
        correlation_id=view.text("root_id") or task,
        causation_id=view.text("parent_id") if told else task,
        payload=Span(0, len(view.body)),
        detail=detail_of(kind, view.body, view.topic),
    )


def _many(view: View, items: list[Span]) -> Found:
    first = view.within(view.raw(items[0]))
    return Found(
        FORMAT,
        event_type=MANY,
        source=_node(first.text("hostname")),
        timestamp=first.value("timestamp"),
        payload=Span(0, len(view.body)),
        detail=detail_of(MANY, view.body, view.topic),
    )


def _is_task(told: dict[str, str]) -> bool:
    return bool(told.get("task") and told.get("id") and "root_id" in told)


def _task(told: dict[str, str], payload: Span) -> Found:
    return Found(
        FORMAT,
        event_id=told["id"],
        event_type=told["task"],
        source=_node(told.get("origin", "")),
        correlation_id=told["root_id"] or told.get("correlation_id", ""),
        causation_id=told.get("parent_id", ""),
        traceparent=told.get("traceparent", ""),
        payload=payload,
    )


def _wrapped(view: View) -> Found | None:
    """What kombu's wrapper holds; None if that is neither a task nor events of Celery."""
    span = view.members["body"]
    inner = view.within(_unpacked(view))
    around = {name: view.header_text(place) for name, place in headers(view)}
    if _is_task(around):
        found = _task(around, span)
        told = Found(FORMAT, payload=Span(0, len(inner.body)))
    elif _is_event(inner) or _items(inner):
        told = decode(inner)
        found = msgspec.structs.replace(told, payload=span)
    else:
        return None
    found.inner = Inner(span, inner, told, as_it_is=False)
    return found


def _unpacked(view: View) -> bytes:
    text = view.text("body")
    if view.text("body_encoding", view.inside("properties")) != "base64":
        return text.encode("utf-8", "replace")
    try:
        return b64decode(text)
    except (binascii.Error, ValueError):
        return b""


def _node(name: str) -> str:
    """``celery@web-1`` → ``celery``; of the anonymous ``gen123@web-1`` the host, as the rest is a process id."""
    return name.partition("@")[2] if _ANONYMOUS.match(name) else name.partition("@")[0]
