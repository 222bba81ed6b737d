"""What the tests of recovery over HTTP share."""

from __future__ import annotations

from typing import Any

from django.test import Client

__all__ = ["post"]


def post(client: Client, path: str, body: Any, expected: int) -> dict[str, Any]:
    answer = client.post(f"/api/v1/dead-letters/{path}", body, content_type="application/json")
    assert answer.status_code == expected, answer.content
    told: dict[str, Any] = answer.json()
    return told
