"""What every page has in common when a reading takes too long."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from dashboard.accounts.errors import too_long
from ingest.queries.events import ReadingTooLong

__all__ = ["ReadingLimit"]


class ReadingLimit:
    """Answers `ReadingTooLong` from any view with 503 and what to do about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        return too_long(request) if isinstance(exception, ReadingTooLong) else None
