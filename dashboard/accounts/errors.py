"""Error pages with the house's look; programs get a problem in JSON."""

from __future__ import annotations

from typing import Any

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


def bad_request(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    return _error(
        request, 400, "That request was not understood", "Check the address, or start again."
    )


def forbidden(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    reason = str(exception or "") or "Your role does not allow this."
    return _error(request, 403, "Not for your role", reason)


def not_found(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = "There is no such page, or what it showed is past its retention."
    return _error(request, 404, "Nothing here", text)


def server_error(request: HttpRequest) -> HttpResponse:
    """Without context processors: what failed may be the database that they read."""
    text = "Something failed on the server; its log says what. Your data is not affected."
    return _error(request, 500, "That did not work", text, plain=True)


def too_long(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = "Reading took longer than [limits] reading allows. Choose a shorter time or a rarer value, or try again when less is going on."
    return _error(request, 503, "That would take too long", text)


def store_away(request: HttpRequest, exception: Exception | None = None) -> HttpResponse:
    text = "The store of events does not answer. What is read from it is back when it is; python manage.py doctor says what is wrong."
    return _error(request, 503, "Events cannot be read now", text)


def csrf_failure(request: HttpRequest, reason: str = "") -> HttpResponse:
    text = "The form was too old, or came from another site. Go back, reload and send it again."
    return _error(request, 403, "The form could not be trusted", text)


def locked_out(
    request: HttpRequest, original: Any = None, credentials: Any = None, *args: Any, **kwargs: Any
) -> HttpResponse:
    text = "Too many wrong passwords for this name. Wait 15 minutes, or ask an admin for a sign-in link."
    return _error(request, 429, "Locked for a while", text)


def _error(
    request: HttpRequest, status: int, title: str, text: str, *, plain: bool = False
) -> HttpResponse:
    if request.path.startswith("/api/") or wants_json(request):
        return problem(status, title, text)
    context = {"status": status, "error_title": title, "error_text": text}
    body = render_to_string("accounts/error.html", context, None if plain else request)
    return HttpResponse(body, status=status)
