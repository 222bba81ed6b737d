"""The events list as a file."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponseBase, StreamingHttpResponse
from django.views.decorators.http import require_GET

from dashboard.accounts.audit import record
from dashboard.explore.exporting import file_name, parse_most, write_rows
from dashboard.explore.filters import FilterError, parse_event_query
from dashboard.explore.listing import iterate_events
from dashboard.explore.presentation import split_parameters
from dashboard.explore.searches import shown_for
from dashboard.explore.views.shared import indexed_paths, now_ms, refused

__all__ = ["download"]

TYPES = {"csv": "text/csv; charset=utf-8", "ndjson": "application/x-ndjson; charset=utf-8"}


@require_GET
def download(request: HttpRequest, kind: str) -> HttpResponseBase:
    """The current list from its first row on, ``most`` rows at the most, streamed and audited."""
    now = now_ms()
    selects, shows = split_parameters(dict(request.GET.lists()))
    asked = selects.pop("most", [""])
    try:
        most = parse_most(asked[-1])
        query = parse_event_query(selects, now_ms=now, system=False, indexed=indexed_paths())
        columns = shown_for(request.user, shows).columns  # type: ignore[arg-type]
    except FilterError as error:
        return refused(request, error)
    detail = {"query": query.identity, "format": kind, "most": most}
    record(actor=request.user, action="events.exported", subject="events", detail=detail)
    pieces = write_rows(iterate_events(query, most), columns, kind)
    response = StreamingHttpResponse(_in_thread(pieces), content_type=TYPES[kind])
    response["Content-Disposition"] = f'attachment; filename="{file_name(kind, now)}"'
    response["Cache-Control"] = "no-store"
    response["X-Most-Rows"] = str(most)
    return response


async def _in_thread(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """Each piece made in the request's own thread while the server writes: an ordinary iterator
    would be read whole, into memory, before its first byte is sent."""
    following = sync_to_async(next)
    while (piece := await following(pieces, None)) is not None:
        yield piece
