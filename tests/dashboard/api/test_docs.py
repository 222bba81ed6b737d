from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.test import Client

from dashboard.accounts.models import Role, User
from dashboard.accounts.tokens import issue_token
from dashboard.api.app import openapi_document
from dashboard.api.docs import read_calls

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def visitor() -> Client:
    client = Client()
    client.force_login(
        User.objects.create_user("vera", password="x"),
        backend="django.contrib.auth.backends.ModelBackend",
    )
    return client


def test_reference_shows_every_call_under_the_strict_policy(visitor: Client) -> None:
    response = visitor.get("/api/docs")
    html = response.content.decode()

    for call in read_calls(openapi_document()):
        assert f'id="{call.anchor}"' in html
        assert call.path in html
    assert "unsafe" not in response["Content-Security-Policy"]
    assert re.findall(r"<script(?![^>]* src=)", html) == []
    assert ' style="' not in html


def test_document_is_for_those_who_may_look(visitor: Client) -> None:
    assert visitor.get("/api/v1/openapi.json").json()["info"]["title"] == "Eventscope"
    token = issue_token("tool", Role.VIEWER)
    tool = Client(headers={"Authorization": f"Bearer {token}"})
    assert tool.get("/api/v1/openapi.json").json() == openapi_document()
    assert Client().get("/api/v1/openapi.json").status_code == 401


def test_written_documentation_names_every_call() -> None:
    text = Path(settings.BASE_DIR, "docs", "api.md").read_text()
    for call in read_calls(openapi_document()):
        assert f"{call.method} {call.path}" in text
