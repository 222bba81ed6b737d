"""The API against its own OpenAPI document: whatever is asked, the answer has a told shape."""

from __future__ import annotations

import time
from typing import Any

import pytest
import schemathesis
from django.core.wsgi import get_wsgi_application
from hypothesis import HealthCheck, settings
from schemathesis.checks import not_a_server_error
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from dashboard.accounts.models import Role
from dashboard.accounts.tokens import issue_token
from dashboard.api.app import openapi_document
from ingest.folds.health import record_health
from ingest.folds.health_words import ComponentKey, HealthSample
from tests.dashboard.care import make_breaker
from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@schemathesis.serializer("application/x-ndjson")
def as_it_is(context: Any, value: Any) -> bytes:
    return str(value).encode("utf-8", "replace")


schema = schemathesis.openapi.from_dict(openapi_document())
schema.app = get_wsgi_application()
CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
]


@schema.parametrize()
@settings(
    max_examples=8,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_every_answer_is_as_the_document_tells(case: Any, house: House) -> None:
    token = issue_token("fuzz", Role.VIEWER)
    response = case.call(headers={"Authorization": f"Bearer {token}"})
    case.validate_response(response, checks=CHECKS)


@pytest.mark.parametrize(
    ("path", "names"),
    [
        ("/api/v1/events", {}),
        ("/api/v1/events/{eventId}", {"eventId": "evt_1"}),
        ("/api/v1/correlations/{id}", {"id": "corr_1"}),
        ("/api/v1/entities", {}),
        ("/api/v1/entities/{kind}/{id}", {"kind": "order", "id": "ORD_789"}),
        ("/api/v1/dead-letters", {}),
        ("/api/v1/dead-letters/groups", {}),
        ("/api/v1/topics", {}),
        ("/api/v1/catalog", {}),
        ("/api/v1/metrics", {}),
        ("/api/v1/alerts", {}),
        ("/api/v1/health/{component}", {"component": "database"}),
        ("/api/v1/breakers/{breaker}", {"breaker": "payment-service/payment-provider"}),
    ],
)
def test_answer_with_something_in_it_is_as_the_document_tells(
    house: House, path: str, names: dict[str, str]
) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2", cause="evt_gone")])
    house.receipts([receipt("evt_1", "pay", "retry", error="busy")])
    house.dead_letter("evt_2")
    record_health([HealthSample(ComponentKey("database", "s", "i"), START, "unhealthy", 2.0)])
    make_breaker(since_ms=time.time_ns() // 1_000_000)
    headers = {"Authorization": f"Bearer {issue_token('reader', Role.VIEWER)}"}
    case = schema[path]["GET"].Case(path_parameters=names)

    response = case.call(headers=headers)

    assert response.status_code == 200
    case.validate_response(response, checks=CHECKS)


def test_document_names_every_call_once() -> None:
    document = openapi_document()
    names = [
        operation["operationId"]
        for operations in document["paths"].values()
        for operation in operations.values()
    ]
    assert len(set(names)) == len(names)
    assert all(path.startswith("/api/v1/") for path in document["paths"])
