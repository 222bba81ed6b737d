"""What every page and call has in common: who is asked for, HEAD, and readings that take too long or find no store."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib.auth.middleware import LoginRequiredMiddleware
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase

from dashboard.accounts.errors import store_away, too_long
from ingest.queries.events import ReadingTooLong, StoreUnavailable

__all__ = ["HeadLikeGet", "ReadingLimit", "SignInRequired"]


class SignInRequired(LoginRequiredMiddleware):
    """Asks who it is only where that matters.

    Django's own looks the session up first; probes asked from a browser that has one would then fail with
    the database that they are there to tell of.
    """

    def process_view(
        self, request: HttpRequest, view_func: Any, view_args: Any, view_kwargs: Any
    ) -> HttpResponseBase | None:
        if not getattr(view_func, "login_required", True):
            return None
        answer: HttpResponseBase | None = super().process_view(
            request, view_func, view_args, view_kwargs
        )
        return answer


class HeadLikeGet:
    """Answers HEAD with the status and headers of GET, and with no body (RFC 9110 §9.3.2).

    The body is taken out here because Daphne lets through what follows its first 64 KB, which the
    connection's next reader would take for an answer.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        if request.method != "HEAD":
            return self.get_response(request)
        request.method = "GET"
        return _without_body(self.get_response(request))


def _without_body(response: HttpResponseBase) -> HttpResponseBase:
    if isinstance(response, HttpResponse):
        response.headers.setdefault("Content-Length", str(len(response.content)))
        response.content = b""
        return response
    bare = HttpResponse(status=response.status_code, headers=dict(response.headers))
    bare.cookies = response.cookies
    return bare


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
