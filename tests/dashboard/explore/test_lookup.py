"""Events that carry several values, some of which more events carry than are read at once."""

from __future__ import annotations

import pytest

from dashboard.explore import lookup
from dashboard.explore.filters import parse_event_query
from dashboard.explore.lookup import look_up
from dashboard.explore.places import Place
from tests.dashboard.explore.factories import START, House, envelope

pytestmark = pytest.mark.django_db(databases=["default", "events"])

NOW = START + 60_000


@pytest.fixture(autouse=True)
def few_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lookup, "FOUND_LIMIT", 10)
    monkeypatch.setattr(lookup, "MORE", 1)


@pytest.fixture
def busy_house(house: House) -> House:
    """Forty events of one correlation, every fourth of the one order, the last alone of another."""
    house.publish(
        [
            envelope(f"evt_{n}", correlation="corr_big", payload={"orderId": order_of(n)})
            for n in range(40)
        ]
    )
    return house


def order_of(number: int) -> str:
    if number == 39:
        return "ORD_RARE"
    return f"ORD_{number % 4}"


def listed(**asked: str) -> list[str]:
    """All pages, one behind the other."""
    query = parse_event_query({name: [value] for name, value in asked.items()}, now_ms=NOW)
    found: list[str] = []
    after: Place | None = None
    while True:
        rows, after = look_up(query, after)
        found += [row.event.event_id for row in rows]
        if after is None:
            return found


@pytest.mark.usefixtures("busy_house")
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_rare_value_is_found_among_the_many_of_another(order: str) -> None:
    assert listed(correlationId="corr_big", key="ORD_RARE", order=order) == ["evt_39"]


@pytest.mark.usefixtures("busy_house")
@pytest.mark.parametrize("order", ["newest", "oldest"])
def test_values_that_many_carry_are_paged_to_the_end(order: str) -> None:
    wanted = [f"evt_{n}" for n in range(40) if order_of(n) == "ORD_1"]
    everything = [f"evt_{n}" for n in range(40)]
    if order == "newest":
        wanted.reverse()
        everything.reverse()
    assert listed(correlationId="corr_big", key="ORD_1", limit="3", order=order) == wanted
    assert listed(correlationId="corr_big", limit="7", order=order) == everything


@pytest.mark.usefixtures("busy_house")
def test_values_that_no_event_carries_both_find_none() -> None:
    assert listed(correlationId="corr_big", key="ORD_9") == []
