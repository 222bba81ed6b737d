"""Dead letters as a file, and from one."""

from __future__ import annotations

import time

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.shortcuts import render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods

from dashboard.accounts.models import Role
from dashboard.accounts.rights import role_required
from dashboard.recovery import exporting
from dashboard.recovery.asking import parse_ask
from dashboard.recovery.forms import ImportForm
from dashboard.recovery.importing import BadFile, import_letters
from dashboard.streaming import in_thread

__all__ = ["export_letters", "import_page"]


@require_GET
@role_required(Role.OPERATOR)
def export_letters(request: HttpRequest) -> StreamingHttpResponse:
    """All that the filters of the list choose, one a line; streamed and audited."""
    now = time.time_ns() // 1_000_000
    ask = parse_ask(request.GET, now_ms=now)
    pieces = exporting.export_letters(
        ask.where, by=request.user, asked=ask.query, host=request.get_host()
    )
    response = StreamingHttpResponse(
        in_thread(pieces), content_type="application/x-ndjson; charset=utf-8"
    )
    name = f"dead-letters-{time.strftime('%Y%m%dT%H%M%SZ', time.gmtime(now / 1000))}.ndjson"
    response["Content-Disposition"] = f'attachment; filename="{name}"'
    response["Cache-Control"] = "no-store"
    return response


@require_http_methods(["GET", "POST"])
@never_cache
@role_required(Role.OPERATOR)
def import_page(request: HttpRequest) -> HttpResponse:
    """A file that was exported elsewhere; with a POST what became of it."""
    form = ImportForm(
        request.POST or None, request.FILES or None, brokers=list(settings.INGEST.brokers)
    )
    if request.method != "POST" or not form.is_valid():
        status = 200 if request.method == "GET" else 400
        return render(request, "recovery/import.html", {"form": form}, status=status)
    told = form.cleaned_data
    try:
        done = import_letters(told["file"], broker=told["broker"], by=request.user)
    except BadFile as error:
        context = {"form": form, "errors": error.errors}
        return render(request, "recovery/import.html", context, status=400)
    return render(request, "recovery/import.html", {"form": form, "done": done})
