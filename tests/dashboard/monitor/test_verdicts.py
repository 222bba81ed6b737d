"""What answers mean and what results make of a component: pure."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.monitor.verdicts import Standing, next_standing, read_health_answer

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
        (200, b'{"status":7,"checks":"none"}', "healthy", []),
        (200, b'{"status":"UP"', "healthy", []),
        (200, b"[]", "healthy", []),
        (200, b"null", "healthy", []),
    ],
)
def test_answers_of_many_frameworks_are_understood(
    code: int, body: bytes, status: str, checks: list[tuple[str, str]]
) -> None:
    verdict = read_health_answer(code, body)
    assert verdict.status == status
    assert [(check["name"], check["status"]) for check in verdict.checks] == checks


@given(st.integers(100, 599), st.binary(max_size=200))
def test_no_answer_is_too_strange(code: int, body: bytes) -> None:
    assert read_health_answer(code, body).status in ("healthy", "degraded", "unhealthy", "unknown")


json = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=5),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["status", "checks", "components", "name", "x"]), inner)
    ),
    max_leaves=12,
)


@given(json)
def test_no_json_is_too_strange(value: object) -> None:
    import orjson

    verdict = read_health_answer(200, orjson.dumps(value))
    assert all(isinstance(check["name"], str) for check in verdict.checks)


def play(results: str, threshold: int = 3) -> list[tuple[str, int, int]]:
    words = {"h": "healthy", "u": "unhealthy", "d": "degraded", "?": "unknown"}
    standing, found = Standing(), []
    for second, letter in enumerate(results):
        standing = next_standing(standing, words[letter], threshold=threshold, now_ms=second)
        found.append((standing.status[0], standing.since_ms, standing.failures))
    return found


def test_unhealthy_only_after_the_threshold_in_a_row() -> None:
    assert play("huuuu") == [("h", 0, 0), ("d", 1, 1), ("d", 1, 2), ("u", 3, 3), ("u", 3, 4)]


def test_one_good_result_heals_and_counts_anew() -> None:
    assert play("huuhuu")[-3:] == [("h", 3, 0), ("d", 4, 1), ("d", 4, 2)]


def test_threshold_of_one_is_at_once() -> None:
    assert play("hu", threshold=1)[-1] == ("u", 1, 1)
