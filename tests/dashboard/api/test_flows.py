"""Flows over the API: kinds, one kind, stuck ones, and what a correlation lacks."""

from __future__ import annotations

import pytest
from django.test import Client

from ingest.models import Stream
from tests.dashboard.api.test_calls import problem
from tests.dashboard.explore.factories import House, envelope
from tests.dashboard.explore.learnt import NOW, learn_orders, stick

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in ("flows", "events"):
        monkeypatch.setattr(f"dashboard.api.{module}.now_ms", lambda: NOW)
    learn_orders(stock_taken=990, stuck={"ORDER_CREATED": 4})


@pytest.mark.usefixtures("learnt")
def test_kinds_of_flows_are_listed(viewer: Client) -> None:
    answer = viewer.get("/api/v1/flows").json()
    assert answer["next"] is None
    [one] = answer["results"]
    assert (one["id"], one["correlations"], one["types"], one["stuck"]) == (
        "ORDER_CREATED",
        1000,
        2,
        4,
    )


@pytest.mark.usefixtures("learnt")
def test_one_kind_tells_its_steps_and_from_how_much_it_was_learnt(viewer: Client) -> None:
    answer = viewer.get("/api/v1/flows/ORDER_CREATED").json()
    [edge] = answer["edges"]
    assert (edge["type"], edge["after"], edge["share"], edge["expected"]) == (
        "STOCK_TAKEN",
        "ORDER_CREATED",
        0.99,
        True,
    )
    assert edge["p99"] == pytest.approx(1000, rel=0.01)
    assert [step["after"] for step in answer["steps"]] == [None]
    assert answer["learntFrom"] == {
        "oneIn": 8,
        "correlations": 1000,
        "open": 0,
        "until": "2026-11-25T09:47:40.000Z",
    }
    problem(viewer.get("/api/v1/flows/NOTHING"), 404)


@pytest.mark.usefixtures("learnt")
def test_stuck_flows_are_paged_and_narrowed(viewer: Client) -> None:
    for number in range(7):
        stick(number, "ORDER_CREATED" if number % 2 else "PARCEL_SENT")
    seen, cursor = [], ""
    while True:
        answer = viewer.get(f"/api/v1/flows/stuck?type=PARCEL_SENT&limit=2&cursor={cursor}").json()
        seen += [one["correlationId"] for one in answer["results"]]
        cursor = answer["next"]
        if cursor is None:
            break
    assert seen == ["corr_0", "corr_2", "corr_4", "corr_6"]
    first = viewer.get("/api/v1/flows/stuck?limit=1").json()
    assert first["results"][0]["lateByMs"] == 58_800
    refused = viewer.get(f"/api/v1/flows/stuck?type=PARCEL_SENT&cursor={first['next']}")
    assert "another list" in str(problem(refused, 400)["detail"])


@pytest.mark.parametrize("query", ["cursor=forged", "limit=0", "limit=1001", "start=x"])
def test_bad_parameters_are_refused_with_their_place(viewer: Client, query: str) -> None:
    body = problem(viewer.get(f"/api/v1/flows/stuck?{query}"), 400)
    assert query.partition("=")[0] in str(body["detail"])


@pytest.mark.usefixtures("learnt")
def test_correlation_tells_the_step_that_it_lacks(viewer: Client, house: House) -> None:
    house.publish([envelope("evt_1", cause="evt_0")], at=5)
    Stream.objects.update(observed_until_ms=NOW, leased_until=1e12)

    missing = viewer.get("/api/v1/correlations/corr_1").json()["missing"]

    cause, step = missing
    assert (cause["kind"], cause["eventId"], cause["namedBy"]) == ("cause", "evt_0", ["evt_1"])
    assert (step["kind"], step["type"], step["after"]) == ("step", "STOCK_TAKEN", "evt_1")
    assert (step["share"], step["verdict"]) == (0.99, "missing")
    assert step["lateByMs"] == pytest.approx(59_000, abs=20)
    assert step["eventId"] is None


def test_nobody_without_a_token_is_answered() -> None:
    for path in ("flows", "flows/stuck", "flows/ORDER_CREATED"):
        problem(Client().get(f"/api/v1/{path}"), 401)
