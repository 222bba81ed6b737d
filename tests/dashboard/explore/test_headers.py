from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from dashboard.explore.headers import InnerHeader, inner_headers
from tests.dashboard.explore.factories import House, envelope


def test_metadata_tells_all_but_what_the_facts_tell() -> None:
    metadata = {"source": "shop", "correlationId": "c", "version": "1.0", "tenant": "north"}
    assert inner_headers("native", {"eventId": "e", "metadata": metadata}) == [
        InnerHeader("metadata.version", "1.0"),
        InnerHeader("metadata.tenant", "north"),
    ]


def test_headers_of_masstransit_stand_in_its_envelope() -> None:
    told = {"headers": {"MT-Fault": None, "tenant": {"id": 5}}}
    assert inner_headers("masstransit", told) == [
        InnerHeader("headers.MT-Fault", "null"),
        InnerHeader("headers.tenant", '{"id": 5}'),
    ]


@pytest.mark.parametrize("told", [None, "text", [], {}, {"metadata": "x"}, {"metadata": []}])
def test_envelope_without_any_has_none(told: Any) -> None:
    assert inner_headers("native", told) == []
    assert inner_headers("opaque", told) == []


@pytest.mark.django_db(databases=["default", "events"])
def test_panel_shows_headers_of_the_broker_and_of_the_body_apart(
    visitor: Client, house: House
) -> None:
    body = envelope("evt_1")
    body["metadata"]["tenant"] = "<north>"
    house.publish([body], headers=((b"region", b"eu"),))

    page = visitor.get("/events/evt_1/").content.decode()

    assert '<dt class="es-mono">region</dt>' in page
    assert '<dt class="es-mono">metadata.tenant</dt>' in page
    assert "&lt;north&gt;" in page
    assert "In the body" in page
