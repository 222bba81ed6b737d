"""Every error of the API as ``application/problem+json`` (RFC 9457)."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from http import HTTPStatus
from typing import Any

import structlog
from django.conf import settings
from django.core.exceptions import RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from ninja import NinjaAPI
from ninja.errors import HttpError, ValidationError

from dashboard.explore.filters import FilterError
from dashboard.explore.querytext import QueryTextError
from ingest.queries.events import ReadingTooLong, StoreUnavailable

__all__ = ["Problem", "handle_problems", "in_problem_shape", "no_such_call", "problem_response"]

log = structlog.get_logger(__name__)


class Problem(Exception):
    """An answer that is an error; ``members`` are added to the problem's own."""

    def __init__(self, status: int, detail: str, **members: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.detail = detail
        self.members = members


def problem_response(status: int, detail: str, **members: Any) -> HttpResponse:
    """The problem as a response."""
    body = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        **members,
    }
    response = JsonResponse(body, status=status, content_type="application/problem+json")
    if status == HTTPStatus.UNAUTHORIZED:
        response["WWW-Authenticate"] = 'Bearer realm="eventscope"'
    return response


def handle_problems(api: NinjaAPI) -> None:
    """Make ``api`` answer every exception as a problem."""
    api.add_exception_handler(Problem, _on_problem)
    api.add_exception_handler(QueryTextError, _on_query_text)
    api.add_exception_handler(FilterError, _on_filter)
    api.add_exception_handler(ReadingTooLong, _on_too_long)
    api.add_exception_handler(StoreUnavailable, _on_store_away)
    api.add_exception_handler(ValidationError, _on_invalid)
    api.add_exception_handler(HttpError, _on_http_error)
    api.add_exception_handler(Http404, _on_missing)
    api.add_exception_handler(RequestDataTooBig, _on_too_big)
    api.add_exception_handler(Exception, _on_failure)


def in_problem_shape(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """``view`` with its 405, which never reaches an exception handler, as a problem too."""

    @wraps(view)
    def shaped(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = view(request, *args, **kwargs)
        if response.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
            return response
        allowed = response.headers.get("Allow", "")
        answer = problem_response(405, f"{request.method} is not one of {allowed}.")
        answer["Allow"] = allowed
        return answer

    return shaped


def no_such_call(request: HttpRequest, rest: str = "") -> HttpResponse:
    """Whatever under ``/api/`` is no call of ours."""
    return problem_response(404, "There is no such call; see /api/docs.")


def _on_problem(request: HttpRequest, error: Any) -> HttpResponse:
    return problem_response(error.status, error.detail, **error.members)


def _on_too_long(request: HttpRequest, error: Any) -> HttpResponse:
    return problem_response(
        503,
        "Reading took longer than [limits] reading allows; ask for a shorter time or a rarer value.",
    )


def _on_store_away(request: HttpRequest, error: Any) -> HttpResponse:
    return problem_response(503, "The store of events does not answer; try again later.")


def _on_filter(request: HttpRequest, error: Any) -> HttpResponse:
    return problem_response(
        400, str(error), errors=[{"place": error.place, "message": error.reason}]
    )


def _on_query_text(request: HttpRequest, error: Any) -> HttpResponse:
    place = {"place": error.place, "at": error.at, "length": error.length}
    return problem_response(400, str(error), errors=[{**place, "message": error.reason}])


def _on_invalid(request: HttpRequest, error: Any) -> HttpResponse:
    errors = [
        {"place": ".".join(str(part) for part in item["loc"][1:]), "message": item["msg"]}
        for item in error.errors
    ]
    first = errors[0] if errors else {"place": "request", "message": "not valid"}
    return problem_response(400, f"{first['place']}: {first['message']}", errors=errors)


def _on_http_error(request: HttpRequest, error: Any) -> HttpResponse:
    details = {
        401: "Send Authorization: Bearer TOKEN (python manage.py token create) or sign in.",
    }
    return problem_response(error.status_code, details.get(error.status_code, error.message))


def _on_missing(request: HttpRequest, error: Any) -> HttpResponse:
    return problem_response(404, str(error) or "Not found.")


def _on_too_big(request: HttpRequest, error: Any) -> HttpResponse:
    most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE
    return problem_response(413, f"The body is larger than {most:,} bytes; send fewer at once.")


def _on_failure(request: HttpRequest, error: Any) -> HttpResponse:
    log.error("api failed", action="api.failed", path=request.path, exc_info=error)
    return problem_response(500, "Eventscope failed to answer; the log has the reason.")
