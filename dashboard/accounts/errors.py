"""Error pages with the house's look; programs get a problem in JSON.

Who is signed in keeps the frame, so that the way on is at hand.
"""

from __future__ import annotations

import sys
from typing import Any

from django.core.exceptions import RequestDataTooBig
from django.db import InterfaceError, OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string

from dashboard.accounts.rights import problem, wants_json

__all__ = [
    "bad_request",
    "csrf_failure",
    "forbidden",
    "locked_out",
    "not_found",
    "server_error",
    "store_away",
    "too_long",
]

AGAIN_S = 10
"""A page that could not be made for want of a server asks again so often, until it is there."""


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    if isinstance(exception, RequestDataTooBig):
        return _error(
            request, 413, "Too much at once", "What was sent is larger than a page takes."
        )
    return _error(
        request, 400, "That request was not understood", "Check the address, or start again."
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    reason = str(exception or "") or "Your role does not allow this."
    return _error(request, 403, "Not for your role", reason)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    told = exception.args[0] if exception and exception.args else ""
    text = told if isinstance(told, str) and told else "There is no such page."
    return _error(request, 404, "Nothing here", text)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without context processors: what failed may be the database that they read."""
    if isinstance(sys.exception(), (OperationalError, InterfaceError)):
        text = "The database does not answer, so there is no page. Nothing is lost by waiting; python manage.py doctor says what is wrong."
        return _away(request, "The database is away", text, plain=True)
    text = "Something failed on the server; its log says what. Your data is not affected."
    return _error(request, 500, "That did not work", text, plain=True)


def too_long(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = "Reading took longer than [limits] reading allows. Choose a shorter time or a rarer value, or try again when less is going on."
    return _error(request, 503, "That would take too long", text)


def store_away(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = "The store of events does not answer. What is read from it is back when it is; python manage.py doctor says what is wrong."
    return _away(request, "Events cannot be read now", text)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = "The form was too old, or came from another site. Go back, reload and send it again."
    return _error(request, 403, "The form could not be trusted", text)


def locked_out(
    request: HttpRequest, original: Any = None, credentials: Any = None, *args: Any, **kwargs: Any
) -> HttpResponse:
    text = "Too many wrong passwords for this name. Wait 15 minutes, or ask an admin for a sign-in link."
    return _error(request, 429, "Locked for a while", text)


def _away(request: HttpRequest, title: str, text: str, *, plain: bool = False) -> HttpResponse:
    """For what comes back by itself: the page asks for itself again, unless it sent something."""
    again = request.get_full_path() if request.method == "GET" else ""
    answer = _error(request, 503, title, text, plain=plain, again=again, again_s=AGAIN_S)
    answer["Retry-After"] = str(AGAIN_S)
    return answer


def _error(
    request: HttpRequest,
    status: int,
    title: str,
    text: str,
    *,
    plain: bool = False,
    **more: Any,
) -> HttpResponse:
    if request.path.startswith("/api/") or wants_json(request):
        return problem(status, title, text)
    context = {"status": status, "error_title": title, "error_text": text, **more}
    user = None if plain else getattr(request, "user", None)
    framed = user is not None and user.is_authenticated
    template = "accounts/error_framed.html" if framed else "accounts/error.html"
    body = render_to_string(template, context, None if plain else request)
    return HttpResponse(body, status=status)
