"""The events list as a file."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from dashboard.accounts.audit import record
from dashboard.explore.exporting import file_name, parse_most, write_rows
from dashboard.explore.filters import FilterError
from dashboard.explore.listing import iterate_events
from dashboard.explore.views.shared import refused
from dashboard.explore.views.state import read_asked
from dashboard.streaming import in_thread
from eventscope.stamps import now_ms

__all__ = ["download"]

TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson; charset=utf-8"}


@require_GET
def download(request: HttpRequest, kind: str) -> HttpResponseBase:
    """The current list from its first row on, ``most`` rows at the most, streamed and audited."""
    now = now_ms()
    try:
        most = parse_most(request.GET.get("most", ""))
        asked = read_asked(request, now_ms=now, beside=("most",))
    except FilterError as error:
        return refused(request, error)
    detail = {"query": asked.query.identity, "format": kind, "most": most}
    record(actor=request.user, action="events.exported", subject="events", detail=detail)
    pieces = write_rows(iterate_events(asked.query, most), asked.shown.columns, kind)
    response = StreamingHttpResponse(in_thread(pieces), content_type=TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="{file_name(kind, now)}"'
    response["Cache-Control"] = "no-store"
    response["X-Most-Rows"] = str(most)
    return response
