"""The overview page and the charts it asks for."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

__all__ = ["overview"]


@require_GET
def overview(request: HttpRequest) -> HttpResponse:
    return render(request, "live/overview.html", {})
