"""What answers of health endpoints mean, by the documented examples of each framework: pure."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.monitor.health_answers import MOST_CHECKS, read_health_answer

SPRING = b'{"status":"DOWN","components":{"db":{"status":"DOWN"},"disk":{"status":"UP"}}}'
HEALTH_JSON = b'{"status":"warn","checks":{"db:time":[{"status":"warn","output":"slow"}]}}'
MICROPROFILE = b'{"status":"UP","checks":[{"name":"ready","status":"UP"}]}'
ASP_NET = b'{"status":"Degraded","results":{"cache":{"status":"Unhealthy","description":"gone"}}}'


@pytest.mark.parametrize(
    ("code", "body", "status", "checks"),
    [
        (200, b"", "healthy", []),
        (204, b"", "healthy", []),
        (302, b"", "healthy", []),
        (404, b"", "unhealthy", []),
        (200, b"<html>anything", "healthy", []),
        (200, b"Healthy", "healthy", []),
        (200, b"Unhealthy\n", "unhealthy", []),
        (200, b'"Degraded"', "degraded", []),
        (503, SPRING, "unhealthy", [("db", "unhealthy"), ("disk", "healthy")]),
        (200, SPRING, "unhealthy", [("db", "unhealthy"), ("disk", "healthy")]),
        (200, HEALTH_JSON, "degraded", [("db:time", "degraded")]),
        (200, MICROPROFILE, "healthy", [("ready", "healthy")]),
        (200, ASP_NET, "degraded", [("cache", "unhealthy")]),
        (503, MICROPROFILE, "unhealthy", [("ready", "healthy")]),
        (200, b'{"status":"UNKNOWN"}', "unknown", []),
        (503, b'{"status":"UNKNOWN"}', "unhealthy", []),
        (503, b'{"status":"OUT_OF_SERVICE"}', "unhealthy", []),
        (200, b'{"outcome":"DOWN","checks":[{"name":"a","state":"DOWN"}]}', "unhealthy", [("a", "unhealthy")]),
        (200, b'{"status":7,"checks":"none"}', "healthy", []),
        (200, b'{"status":"busy"}', "healthy", []),
        (200, b'{"status":"UP"', "healthy", []),
        (200, b"[]", "healthy", []),
        (200, b"null", "healthy", []),
    ],
)  # fmt: skip
def test_answers_of_many_frameworks_are_understood(
    code: int, body: bytes, status: str, checks: list[tuple[str, str]]
) -> None:
    verdict = read_health_answer(code, body)
    assert verdict.status == status
    assert [(check["name"], check["status"]) for check in verdict.checks] == checks


# https://docs.spring.io/spring-boot/api/rest/actuator/health.html
SPRING_NESTED = {
    "status": "UP",
    "components": {
        "broker": {
            "status": "UP",
            "components": {
                "us1": {"status": "UP", "details": {"version": "1.0.2"}},
                "us2": {"status": "DOWN", "details": {"error": "java.net.ConnectException"}},
            },
        },
        "db": {"status": "UP", "details": {"database": "H2", "validationQuery": "isValid()"}},
    },
}
SPRING_2_0 = {
    "status": "DOWN",
    "details": {"db": {"status": "DOWN", "details": {"error": "refused"}}, "version": "7"},
}
# https://datatracker.ietf.org/doc/html/draft-inadarei-api-health-check-06#section-5
HEALTH_JSON_WHOLE = {
    "status": "fail",
    "output": "one node is away",
    "checks": {
        "cassandra:responseTime": [
            {"componentType": "datastore", "observedValue": 250, "observedUnit": "ms",
             "status": "pass", "output": ""},
        ],
        "memory:utilization": [
            {"node": 1, "observedValue": 8.5, "observedUnit": "GiB", "status": "warn"},
            {"node": 2, "status": "fail", "output": "no answer"},
        ],
    },
}  # fmt: skip
# https://github.com/Xabaril/AspNetCore.Diagnostics.HealthChecks: UIResponseWriter
HEALTH_CHECKS_UI = {
    "status": "Unhealthy",
    "totalDuration": "00:00:00.2137",
    "entries": {
        "sqlserver": {
            "data": {},
            "description": "A network-related error",
            "duration": "00:00:01.1096521",
            "exception": "SqlException",
            "status": "Unhealthy",
        }
    },
}
# https://download.eclipse.org/microprofile/microprofile-health-4.0/
MICROPROFILE_DATA = {
    "status": "DOWN",
    "checks": [{"name": "db", "status": "DOWN", "data": {"error": "refused", "port": 5432}}],
}


def rows(body: dict[str, Any], code: int = 200) -> list[tuple[str, str, float | None, str]]:
    checks = read_health_answer(code, orjson.dumps(body)).checks
    return [(one["name"], one["status"], one["latencyMs"], one["output"]) for one in checks]


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (
            SPRING_NESTED,
            [
                ("broker", "healthy", None, ""),
                ("broker/us1", "healthy", None, ""),
                ("broker/us2", "unhealthy", None, "java.net.ConnectException"),
                ("db", "healthy", None, ""),
            ],
        ),
        (SPRING_2_0, [("db", "unhealthy", None, "refused")]),
        (
            HEALTH_JSON_WHOLE,
            [
                ("cassandra:responseTime", "healthy", 250.0, ""),
                ("memory:utilization", "degraded", None, ""),
                ("memory:utilization", "unhealthy", None, "no answer"),
            ],
        ),
        (
            HEALTH_CHECKS_UI,
            [("sqlserver", "unhealthy", 1109.652, "A network-related error")],
        ),
        (MICROPROFILE_DATA, [("db", "unhealthy", None, "refused")]),
    ],
    ids=["spring", "spring-2.0", "health+json", "healthchecks-ui", "microprofile"],
)
def test_parts_within_parts_their_words_and_latencies_are_told(
    body: dict[str, Any], expected: list[tuple[str, str, float | None, str]]
) -> None:
    assert rows(body) == expected


def test_an_unwell_answer_says_why_in_its_own_words() -> None:
    assert read_health_answer(503, orjson.dumps(HEALTH_JSON_WHOLE)).output == (
        "HTTP 503: one node is away"
    )
    assert read_health_answer(200, b'{"status":"UP","output":"fine"}').output == ""


def test_parts_are_bounded_in_number_and_depth() -> None:
    many = {"status": "UP", "checks": [{"name": f"c{n}", "status": "UP"} for n in range(900)]}
    deep: dict[str, Any] = {"status": "UP"}
    for _ in range(40):
        deep = {"status": "UP", "components": {"in": deep}}

    assert len(rows(many)) == MOST_CHECKS
    assert rows(deep)[-1][0] == "in/in/in/in/in"


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_is_too_strange(code: int, body: bytes) -> None:
    assert read_health_answer(code, body).status in ("healthy", "degraded", "unhealthy", "unknown")


json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.floats(allow_nan=False) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["status", "checks", "components", "details", "data", "name", "output", "duration", "x"]
            ),
            inner,
        )
    ),
    max_leaves=12,
)  # fmt: skip


@given(json)
def test_no_json_is_too_strange(value: object) -> None:
    verdict = read_health_answer(200, orjson.dumps(value))
    assert all(isinstance(check["name"], str) for check in verdict.checks)
    assert all(isinstance(check["output"], str) for check in verdict.checks)
