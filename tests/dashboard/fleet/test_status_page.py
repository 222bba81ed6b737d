"""The public status page and its badges: off by default, open to all, telling nothing that is inner."""

from __future__ import annotations

import time
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from django.conf import settings
from django.core.cache import cache
from django.db import connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import Role
from dashboard.fleet.status import sum_up
from dashboard.options import DashboardOptions, StatusOptions
from ingest.folds.health import record_health
from ingest.folds.health_words import ComponentKey, HealthSample
from ingest.options import OptionsError, decode_options
from tests.dashboard.care import HOSTILE, client_for

pytestmark = pytest.mark.django_db(databases=["default", "events"])

SHOWN = [
    {"name": "Payments & Cards", "component": "inner-provider"},
    {"name": "Search", "component": "inner-search"},
]


@pytest.fixture(autouse=True)
def _nothing_is_remembered() -> Iterator[None]:
    cache.clear()
    yield
    cache.clear()


def show(monkeypatch: pytest.MonkeyPatch, **given: Any) -> None:
    options = decode_options(
        {"enabled": True, "components": SHOWN, **given}, StatusOptions, file="x.toml"
    )
    monkeypatch.setattr(settings, "DASHBOARD", DashboardOptions(status=options))


def tell(component: str, *told: str) -> None:
    """A result every ten seconds up to now."""
    now = time.time_ns() // 1_000_000
    key = ComponentKey(component, "secret-service", "secret-host-1")
    check = ({"name": "secret-check", "status": "unhealthy", "output": "secret words"},)
    samples = [
        HealthSample(key, now - (len(told) - 1 - n) * 10_000, status, 3.0, check)
        for n, status in enumerate(told)
    ]
    with transaction.atomic(using="events"):
        record_health(samples)


@pytest.mark.parametrize("path", ["/status/", "/status/badges/search.svg"])
def test_nothing_is_there_unless_it_is_configured(path: str) -> None:
    assert Client().get(path).status_code == 404


def test_everybody_sees_the_listed_components_under_their_public_names(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    show(monkeypatch, title="Example Shop", text="What works just now.")
    tell("inner-provider", "healthy", "unhealthy", "healthy")
    tell("not-listed", "unhealthy")

    answer = Client().get("/status/")

    text = " ".join(answer.content.decode().split())
    assert "<h1>Example Shop</h1>" in text
    assert "What works just now." in text
    assert "1 of 2 cannot be seen just now" in text
    assert "<h2>Payments &amp; Cards</h2>" in text
    assert "50% uptime" in text
    assert "Nothing has been heard of it yet." in text
    assert text.count("<b>Payments &amp; Cards</b>") == 1
    for inner in ("inner-provider", "inner-search", "not-listed", "secret"):
        assert inner not in text


def test_it_is_the_same_for_everybody_and_may_be_kept_by_any_cache(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    show(monkeypatch, max_age="45s")

    for client in (Client(), client_for(Role.ADMIN)):
        answer = client.get("/status/")
        assert answer["Cache-Control"] == "public, max-age=45"
        assert answer.cookies == {}
        assert "Cookie" not in answer.get("Vary", "")
        assert "a-admin" not in answer.content.decode()


def test_what_it_says_is_worked_out_once_in_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch)
    client = Client()
    client.get("/status/")
    with CaptureQueriesContext(connections["events"]) as queries:
        client.get("/status/")
        client.get("/status/badges/search.svg")
    assert len(queries) == 0


def test_many_components_cost_no_more_queries(monkeypatch: pytest.MonkeyPatch) -> None:
    counts = []
    for number in (1, 30):
        listed = [{"name": f"C {n}", "component": f"c{n}"} for n in range(number)]
        show(monkeypatch, components=listed)
        for n in range(number):
            tell(f"c{n}", "healthy", "unhealthy", "healthy")
        cache.clear()
        with CaptureQueriesContext(connections["events"]) as queries:
            Client().get("/status/")
        counts.append(len(queries))
    assert counts[0] == counts[1]


@pytest.mark.parametrize(
    ("query", "words"), [("", "unhealthy"), ("?show=uptime", "50%"), ("?show=else", "unhealthy")]
)
def test_badge_is_an_image_that_says_it_in_words(
    monkeypatch: pytest.MonkeyPatch, query: str, words: str
) -> None:
    show(monkeypatch)
    tell("inner-provider", "healthy", "unhealthy", "unhealthy")

    answer = Client().get(f"/status/badges/payments-cards.svg{query}")

    assert answer["Content-Type"] == "image/svg+xml"
    assert answer["Cache-Control"] == "public, max-age=30"
    image = ET.fromstring(answer.content)
    assert image.attrib["aria-label"] == f"Payments & Cards: {words}"
    assert "style" not in answer.content.decode()
    assert "inner" not in answer.content.decode()


def test_badge_of_what_is_not_listed_is_not_found(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch)
    tell("inner-provider", "healthy")
    assert Client().get("/status/badges/inner-provider.svg").status_code == 404


def test_names_cannot_script_page_or_badge(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch, title=HOSTILE, components=[{"name": HOSTILE, "component": "c"}])
    page = Client().get("/status/").content.decode()
    assert "<script>alert" not in page
    assert "<img src=x" not in page
    (slug,) = {one.slug for one in settings.DASHBOARD.status.components}
    ET.fromstring(Client().get(f"/status/badges/{slug}.svg").content)


def test_only_reading_is_answered(monkeypatch: pytest.MonkeyPatch) -> None:
    show(monkeypatch)
    assert Client().post("/status/").status_code == 405
    assert Client().head("/status/").status_code == 200


@pytest.mark.parametrize(
    ("statuses", "expected"),
    [
        (["healthy", "healthy"], ("Everything works", "ok")),
        (["healthy", "unknown"], ("1 of 2 cannot be seen just now", "off")),
        (["degraded", "unknown"], ("1 of 2 is degraded", "warn")),
        (["unhealthy", "degraded", "unhealthy"], ("2 of 3 are down", "bad")),
    ],
)
def test_unknown_is_never_summed_up_as_well(statuses: list[str], expected: tuple[str, str]) -> None:
    assert sum_up(statuses) == expected


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"enabled": True}, "Expected [[status.components]] beside enabled"),
        ({"components": [{"name": "!?", "component": "c"}]}, "Expected a name with letters"),
        (
            {"components": [{"name": "A b", "component": "c"}, {"name": "a-B", "component": "d"}]},
            "a-b is twice",
        ),
        ({"components": [{"name": "A"}]}, "missing required field `component`"),
        ({"enabled": "yes"}, "Expected `bool`"),
    ],
)
def test_wrong_settings_are_refused_with_the_place(given: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionsError) as refused:
        decode_options({"status": given}, DashboardOptions, file="x.toml")
    assert words in str(refused.value)
    assert str(refused.value).startswith("x.toml: status")


def test_the_default_is_off() -> None:
    assert msgspec.structs.asdict(DashboardOptions())["status"].enabled is False
