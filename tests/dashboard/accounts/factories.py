"""People for the tests."""

from __future__ import annotations

from django.test import Client

from dashboard.accounts.models import Role, User

__all__ = ["PASSWORD", "client_of", "make_user"]

PASSWORD = "correct horse battery staple"


def make_user(role: Role = Role.VIEWER, username: str = "") -> User:
    return User.objects.create_user(username or role.value, password=PASSWORD, role=role)


def client_of(user: User) -> Client:
    """A browser in which ``user`` is signed in, with CSRF checked as in production."""
    client = Client()
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client
