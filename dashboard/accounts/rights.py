"""Who may do what: a role may do all that the ones before it may."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, JsonResponse

from dashboard.accounts.models import Role

__all__ = [
    "ROLE_ORDER",
    "Actor",
    "allows",
    "may_reveal",
    "problem",
    "reveal_role",
    "role_required",
    "wants_json",
]

ROLE_ORDER: tuple[Role, ...] = (Role.VIEWER, Role.OPERATOR, Role.ADMIN)


class Actor(Protocol):
    """A user or a token: somebody with a role."""

    is_authenticated: bool
    is_active: bool
    role: str


def allows(user: Actor | Any, role: Role) -> bool:
    """Whether ``user`` is signed in, active and has at least ``role``."""
    if user is None or not getattr(user, "is_authenticated", False):
        return False
    held = getattr(user, "role", "")
    if held not in ROLE_ORDER or not getattr(user, "is_active", False):
        return False
    return ROLE_ORDER.index(Role(held)) >= ROLE_ORDER.index(role)


def reveal_role() -> Role:
    """The least role that may see encrypted values: ``[privacy] reveal``."""
    return Role(settings.INGEST.privacy.reveal)


def may_reveal(user: Actor | Any) -> bool:
    return allows(user, reveal_role())


def role_required(role: Role) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Let a view be called by ``role`` and up; others get the 403 page, or a problem where JSON is wanted."""

    def decorate(view: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
            if allows(request.user, role):
                return view(request, *args, **kwargs)
            reason = f"This needs the role {role.value}. Ask an admin if you should have it."
            if wants_json(request):
                return problem(403, "Forbidden", reason)
            raise PermissionDenied(reason)

        guarded.required_role = role  # type: ignore[attr-defined]
        return guarded

    return decorate


def wants_json(request: HttpRequest) -> bool:
    """Whether a program asks: JSON is accepted and HTML is not."""
    return request.accepts("application/json") and not request.accepts("text/html")


def problem(status: int, title: str, detail: str) -> JsonResponse:
    """An error as RFC 9457 ``application/problem+json``."""
    body = {"type": "about:blank", "status": status, "title": title, "detail": detail}
    return JsonResponse(body, status=status, content_type="application/problem+json")
