"""Messages that could not be read as events: why, and each with its bytes."""

from __future__ import annotations

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from dashboard.explore.raw import hexdump_of, opening, readable
from ingest.folds.foreign import header_pairs
from ingest.queries.quarantine import (
    position_of,
    read_message,
    read_quarantined,
    read_reasons,
)

__all__ = ["quarantine_page", "quarantined_page"]

PAGE = 50
MOST_REASONS = 30
AROUND_MS = 60_000


@require_safe
def quarantine_page(request: HttpRequest) -> HttpResponse:
    """The reasons and the newest messages; ``topic`` and ``reason`` narrow them, ``before`` is the next page's start."""
    asked = request.GET
    topic, reason, before = (asked.get(name, "") for name in ("topic", "reason", "before"))
    paged = before.isdecimal() and len(before) < 19
    found = read_quarantined(
        topic=topic, reason=reason, before=int(before) if paged else None, limit=PAGE + 1
    )
    shown = found[:PAGE]
    reasons = read_reasons()
    context = {
        "reasons": reasons,
        "rows": reasons.rows[:MOST_REASONS],
        "shown": [(one, position_of(one), opening(beginning)) for one, beginning in shown],
        "topic": topic,
        "reason": reason,
        "paged": paged,
        "next": shown[-1].message.pk if len(found) > PAGE else None,
        "kept_ms": settings.INGEST.retention.quarantine * 1000,
    }
    return render(request, "explore/quarantine.html", context)


@require_safe
def quarantined_page(request: HttpRequest, key: int) -> HttpResponse:
    """One message; ``?part=raw`` is its bytes as a file."""
    message = read_message(key)
    if message is None:
        raise Http404("No such message is in quarantine: it may be past its retention.")
    body = bytes(message.body)
    if request.GET.get("part") == "raw":
        answer = HttpResponse(body, content_type="application/octet-stream")
        answer["Content-Disposition"] = f"attachment; filename=quarantined-{key}.bin"
        return answer
    context = {
        "message": message,
        "position": position_of(message),
        "body": body,
        "cut": len(body) < message.size,
        "text": readable(body),
        "dump": hexdump_of(body),
        "headers": [
            (name.decode("utf-8", "replace"), value.decode("utf-8", "replace"))
            for name, value in header_pairs(bytes(message.headers))
        ],
        "since_ms": message.appended_ms - AROUND_MS,
        "until_ms": message.appended_ms + AROUND_MS,
    }
    return render(request, "explore/quarantined.html", context)
