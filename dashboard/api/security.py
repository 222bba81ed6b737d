"""Who calls: a bearer token, or a signed-in person (whose changes are CSRF-checked)."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest
from ninja.errors import HttpError
from ninja.security import HttpBearer, SessionAuth

from dashboard.accounts.models import Role
from dashboard.accounts.rights import allows
from dashboard.accounts.tokens import user_for_token
from dashboard.api.problems import Problem

__all__ = ["BearerToken", "SignedIn", "actor", "caller", "require"]


class BearerToken(HttpBearer):
    """``Authorization: Bearer TOKEN``."""

    def authenticate(self, request: HttpRequest, token: str) -> Any:
        return user_for_token(token)


class SignedIn(SessionAuth):
    """The browser's session. A request that brings a token is judged by the token alone."""

    def __call__(self, request: HttpRequest) -> Any:
        if "Authorization" in request.headers or not request.user.is_authenticated:
            return None
        try:
            return super().__call__(request)
        except HttpError as error:
            raise Problem(403, "The CSRF token is missing or wrong.") from error


def require(request: HttpRequest, role: Role) -> None:
    """Refuse callers below ``role``. Raises `Problem` 403."""
    if not allows(caller(request), role):
        raise Problem(403, f"This call needs the role {role.value}.")


def caller(request: HttpRequest) -> Any:
    """The user or token that ninja accepted."""
    return request.auth  # type: ignore[attr-defined]


def actor(request: HttpRequest) -> str:
    """The caller's name, for the audit log."""
    return str(caller(request).get_username())
