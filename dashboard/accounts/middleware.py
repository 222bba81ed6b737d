"""What every page has in common when a reading takes too long, or the store of events is away."""

from __future__ import annotations

from collections.abc import Callable

from django.http import HttpRequest, HttpResponse

from dashboard.accounts.errors import store_away, too_long
from ingest.queries.events import ReadingTooLong, StoreUnavailable

__all__ = ["ReadingLimit"]


class ReadingLimit:
    """Answers `ReadingTooLong` and `StoreUnavailable` from any view with 503 and what to do about it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        return self.get_response(request)

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        if isinstance(exception, ReadingTooLong):
            return too_long(request)
        return store_away(request) if isinstance(exception, StoreUnavailable) else None
