"""Answers as JSON bytes, whatever an envelope holds."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja.renderers import BaseRenderer

from dashboard.explore.dumping import dump_json

__all__ = ["Renderer", "json_answer"]


class Renderer(BaseRenderer):
    """JSON in which NaN and infinities, which an envelope may hold, are null."""

    media_type = "application/json"

    def render(self, request: HttpRequest, data: Any, *, response_status: int) -> bytes:
        return dump_json(data)


def json_answer(data: Any) -> HttpResponse:
    """``data`` as it is: what a shape of fixed fields would cut, as an envelope's own are."""
    return HttpResponse(dump_json(data), content_type="application/json; charset=utf-8")
