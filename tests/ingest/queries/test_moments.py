"""How things stood at a moment of the past."""

from __future__ import annotations

import pytest
from pytest_django import DjangoAssertNumQueries

from ingest.models import BreakerTransition, HealthResult
from ingest.queries import moments
from tests.dashboard.care import NOW_MS, make_breaker, make_component, make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def test_a_breaker_is_in_the_state_that_it_had_last_told_of_by_then() -> None:
    breaker = make_breaker("provider", since_ms=NOW_MS - 20_000)
    BreakerTransition.objects.create(breaker=breaker, at_ms=NOW_MS - 5_000, to_state="half_open")
    BreakerTransition.objects.create(breaker=breaker, at_ms=NOW_MS + 5_000, to_state="closed")
    make_breaker("later", since_ms=NOW_MS + 1)
    calm = make_breaker("calm", since_ms=NOW_MS - 90_000)
    BreakerTransition.objects.filter(breaker=calm).update(to_state="closed")

    found = moments.breakers_at(NOW_MS)

    assert [(one.name, one.state, one.since_ms) for one in found] == [
        ("provider", "half_open", NOW_MS - 5_000),
        ("calm", "closed", NOW_MS - 90_000),
    ]
    assert [one.state for one in moments.breakers_at(NOW_MS - 10_000)] == ["open", "closed"]


def test_health_is_the_last_word_of_some_minutes() -> None:
    one = make_component("database", seen_ms=NOW_MS - 1_000, status="unhealthy")
    HealthResult.objects.create(component=one, at_ms=NOW_MS + 1, status="healthy")
    make_component("cache", seen_ms=NOW_MS - 2_000)
    make_component("silent", seen_ms=NOW_MS - 600_000)

    found = moments.health_at(NOW_MS, within_ms=300_000)

    assert [(seen.name, seen.state) for seen in found] == [
        ("database", "unhealthy"),
        ("cache", "healthy"),
    ]


def test_letters_beside_are_counted_by_failure() -> None:
    letter = make_letter(1, received_ms=NOW_MS)
    make_letter(2, received_ms=NOW_MS + 60_000)
    for number in (3, 4):
        make_letter(number, received_ms=NOW_MS - 1, fingerprint="b", error_type="TIMEOUT")
    make_letter(5, received_ms=NOW_MS + 60_001, fingerprint="c")

    found = moments.letters_beside(letter, within_ms=60_000)

    (beside,) = found.groups
    assert (beside.fingerprint, beside.error_type, beside.letters) == ("b", "TIMEOUT", 2)
    assert (found.alike, found.whole) == (1, True)


def test_only_so_many_letters_beside_are_looked_at(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(moments, "MOST_BESIDE", 2)
    letter = make_letter(0)
    for number in range(1, 4):
        make_letter(number)
    found = moments.letters_beside(letter, within_ms=60_000)
    assert (found.alike, found.whole) == (2, False)


@pytest.mark.parametrize("rows", [1, 30])
def test_moments_take_one_query_each(
    rows: int, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    for number in range(rows):
        make_breaker(f"b{number}")
        make_component(f"c{number}")
    with django_assert_num_queries(2, using="events"):
        assert len(moments.breakers_at(NOW_MS)) == rows
        assert len(moments.health_at(NOW_MS, within_ms=60_000)) == rows
