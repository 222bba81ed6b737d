from __future__ import annotations

from typing import Any

import msgspec
import pytest
from django.test import Client
from pytest_django.fixtures import Settings

from dashboard.accounts.models import Role
from dashboard.accounts.tokens import issue_token
from ingest.options import EntityOptions
from tests.dashboard.explore.factories import START, House, envelope

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def order(house: House) -> House:
    for number, status in enumerate(("new", "paid", "shipped"), 1):
        payload = {"orderId": "ORD_1", "status": status, "v": number}
        house.publish(
            [envelope(f"evt_{number}", f"ORDER_{status.upper()}", payload=payload)],
            at=number * 1000,
        )
    return house


def ask(path: str, status: int = 200, **query: Any) -> Any:
    token = issue_token("reader", Role.VIEWER)
    headers = {"Authorization": f"Bearer {token}"}
    response = Client().get(f"/api/v1/entities{path}", query, headers=headers)
    assert response.status_code == status, response.content
    return response.json()


def test_entity_is_told_with_its_history_and_state(order: House) -> None:
    answer = ask("/order/ORD_1")

    assert answer["state"] == {"orderId": "ORD_1", "status": "shipped", "v": 3}
    assert (answer["kind"], answer["id"], answer["version"]) == ("order", "ORD_1", 3)
    assert (answer["guessed"], answer["complete"], answer["gaps"]) == (True, True, [])
    assert (answer["next"], answer["problem"], answer["beginsAt"]) == (None, None, None)
    assert [event["eventType"] for event in answer["history"]] == [
        "ORDER_NEW",
        "ORDER_PAID",
        "ORDER_SHIPPED",
    ]
    second = answer["history"][1]
    assert second["diff"] == [
        {"path": "status", "kind": "changed", "before": "new", "after": "paid"},
        {"path": "v", "kind": "changed", "before": 1, "after": 2},
    ]
    assert (second["step"], second["outcome"], second["error"]) == (2, "unprocessed", None)
    assert answer["history"][0]["diff"][0] == {"path": "orderId", "kind": "added", "after": "ORD_1"}


def test_state_and_history_end_at_the_moment_that_is_asked_for(order: House) -> None:
    answer = ask("/order/ORD_1", at=str(START + 2500))
    assert (answer["state"]["status"], answer["version"]) == ("paid", 2)
    assert answer["at"] == "2026-11-25T09:46:42.000Z"
    assert [event["eventId"] for event in answer["history"]] == ["evt_1", "evt_2"]

    before = ask("/order/ORD_1", at=str(START))
    assert (before["state"], before["at"], before["history"]) == ({}, None, [])


def test_history_is_paged_by_key_whatever_arrives_meanwhile(order: House) -> None:
    first = ask("/order/ORD_1", limit=2)
    order.publish([envelope("evt_4", "ORDER_SENT", payload={"orderId": "ORD_1"})], at=9000)
    second = ask("/order/ORD_1", limit=2, cursor=first["next"])

    pages = [[event["eventId"] for event in page["history"]] for page in (first, second)]
    assert pages == [["evt_1", "evt_2"], ["evt_3", "evt_4"]]
    assert second["next"] is None
    assert first["state"]["status"] == second["state"]["status"] == "shipped"


def test_gaps_of_declared_versions_are_told(order: House, settings: Settings) -> None:
    declared = EntityOptions(types=("ORDER_*",), id="payload.orderId", version="payload.v")
    settings.INGEST = msgspec.structs.replace(settings.INGEST, entities={"order": declared})
    order.publish([envelope("evt_9", "ORDER_X", payload={"orderId": "ORD_1", "v": 7})], at=9000)

    answer = ask("/order/ORD_1")

    assert (answer["version"], answer["complete"]) == (7, False)
    assert answer["gaps"] == [{"first": 4, "last": 6}]
    assert ask("/order/ORD_1", at=str(START + 3000))["gaps"] == []


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ({"at": "yesterday"}, "at"),
        ({"at": "99999-01-01T00:00:00Z"}, "at"),
        ({"limit": 0}, "limit"),
        ({"cursor": "forged"}, "cursor"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_is_not_right_is_a_400_that_names_the_place(
    order: House, query: dict[str, Any], place: str
) -> None:
    assert ask("/order/ORD_1", 400, **query)["errors"][0]["place"].endswith(place)


def test_cursor_of_another_entity_or_moment_is_refused(order: House) -> None:
    cursor = ask("/order/ORD_1", limit=1)["next"]
    assert "another list" in ask("/order/ORD_1", 400, at="1h", cursor=cursor)["detail"]


@pytest.mark.parametrize("path", ["/order/ORD_404", "/house/ORD_1"])
def test_what_is_not_stored_is_a_404(order: House, path: str) -> None:
    ask(path, 404)


def test_kinds_are_listed(order: House) -> None:
    answer = ask("")
    assert [kind["id"] for kind in answer["results"]] == ["order", "customer"]
    assert answer["results"][0] == {
        "id": "order",
        "idPath": "payload.orderId",
        "guessed": True,
        "types": [],
        "seenTypes": ["ORDER_NEW", "ORDER_PAID", "ORDER_SHIPPED"],
        "recent": ["ORD_1"],
        "lastSeenAt": "2026-11-25T09:46:43.000Z",
    }
