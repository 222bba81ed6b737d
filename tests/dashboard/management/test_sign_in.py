"""A way in for who runs the parts without ``up``."""

from __future__ import annotations

import re

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from pytest_django.fixtures import Settings

from dashboard.accounts.models import AuditEntry, Role, User
from tests.dashboard.accounts.factories import make_user

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def link(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    call_command("sign_in", *words)
    return capsys.readouterr().out.splitlines()[-1]


def test_first_link_makes_the_admin_and_signs_in(
    settings: Settings, capsys: pytest.CaptureFixture[str]
) -> None:
    settings.PUBLIC_URL = "https://events.example"
    settings.ADMIN_PASSWORD = "correct horse"
    address = link(capsys)

    assert re.fullmatch(r"https://events\.example/sign-in/[\w-]+/", address)
    client = Client()
    answer = client.post(address.removeprefix(settings.PUBLIC_URL))
    assert (answer.status_code, client.get("/").status_code) == (302, 200)
    admin = User.objects.get()
    assert (admin.username, admin.role) == ("admin", Role.ADMIN)
    assert admin.check_password("correct horse")
    entry = AuditEntry.objects.get(action="link.add")
    assert (entry.actor, entry.subject) == ("manage.py", "admin")


def test_link_for_somebody_is_for_one_who_is_there(capsys: pytest.CaptureFixture[str]) -> None:
    make_user(Role.VIEWER, "mia")

    assert "/sign-in/" in link(capsys, "mia")
    with pytest.raises(CommandError, match="No active user is named 'nobody'"):
        call_command("sign_in", "nobody")
    assert list(User.objects.values_list("username", flat=True)) == ["mia"]
