"""Every route and every metric is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.test import Client
from prometheus_client.parser import text_string_to_metric_families

from tests.dashboard.notifying.makers import make_notification
from tests.docs.routes import route_patterns

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = (DOCS / "pages.md").read_text(encoding="utf-8")
API = (DOCS / "api.md").read_text(encoding="utf-8")
OPERATIONS = (DOCS / "operations.md").read_text(encoding="utf-8")

UNDER_ANOTHER = {
    "settings/password/": "settings/",
    "settings/people/<int:user_id>/": "settings/people/",
    "settings/people/<int:user_id>/link/": "settings/people/",
    "settings/tokens/<int:token_id>/revoke/": "settings/tokens/",
    "searches/<int:search_id>/change/": "searches/<int:search_id>/",
    "searches/<int:search_id>/delete/": "searches/<int:search_id>/",
    "searches/<int:search_id>/pin/": "searches/<int:search_id>/",
}
"""What a form of a documented page posts to."""
NO_PAGE = {
    "api/docs/": "redirects to api/docs",
    "api/": "says that there is no such call",
    "api/<path:rest>": "says that there is no such call",
}


def words_of(pattern: str) -> str:
    """As documents write it: ``/events/<event_id>/`` for a page, ``/api/v1/events/{eventId}`` for a call."""
    bounds = r"{\1}" if pattern.startswith("api/v1/") else r"<\1>"
    return "/" + re.sub(r"<(?:\w+:)?(\w+)>", bounds, pattern)


@pytest.mark.parametrize("pattern", [p for p in route_patterns() if p not in NO_PAGE])
def test_route_is_documented(pattern: str) -> None:
    path = words_of(UNDER_ANOTHER.get(pattern, pattern))
    if path.startswith("/api/v1/"):
        assert re.search(rf"[`\s]{re.escape(path)}[`?]", API)
    elif action := re.fullmatch(r"/alerts/<episode_id>(/\w+)", path):
        assert f"`…{action[1]}`" in PAGES
    else:
        assert f"`{path}`" in PAGES


def test_exceptions_are_routes() -> None:
    assert {*UNDER_ANOTHER, *NO_PAGE} - set(route_patterns()) == set()


@pytest.mark.django_db(databases=["default", "events"])
def test_every_metric_is_documented_and_every_documented_one_exists(client: Client) -> None:
    make_notification("ops", save=True)  # those of receivers are told once there is one
    text = client.get("/metrics").content.decode()
    told = {
        sample.name for family in text_string_to_metric_families(text) for sample in family.samples
    }
    assert {name for name in told if name.startswith("eventscope_")} == set(
        re.findall(r"^\| `(eventscope_\w+)` \|", OPERATIONS, re.MULTILINE)
    )
