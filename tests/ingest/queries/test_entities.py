from __future__ import annotations

import json
from typing import Any

import pytest

from ingest.envelopes import Decoder
from ingest.options import EntityOptions, IndexOptions, IngestOptions
from ingest.queries.entities import (
    EntityKind,
    EntityRef,
    entities_in,
    entity_kinds,
    find_entity_events,
    guess_name,
    values_at,
)
from ingest.records import Record
from tests.dashboard.explore.factories import House, envelope
from tests.ingest.envelopes.factories import envelope as native
from tests.ingest.envelopes.factories import message

ORDER = EntityKind("order", "payload.orderId")


@pytest.fixture
def house(db: None) -> House:
    return House()


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("payload.orderId", "order"),
        ("payload.order_id", "order"),
        ("payload.order.id", "order"),
        ("payload.customerID", "customer"),
        ("payload.orderIds", "order"),
        ("payload.sku", "sku"),
        ("payload.paid", "paid"),
        ("payload.id", ""),
        ("payload.1Id", ""),
    ],
)
def test_name_of_a_kind_is_guessed_from_its_path(path: str, name: str) -> None:
    assert guess_name(path) == name


def test_declared_kinds_go_before_what_the_index_suggests() -> None:
    declared = EntityOptions(types=("ORDER_*",), id="payload.orderId")
    options = IngestOptions(
        index=IndexOptions(paths=("payload.orderId", "payload.cartId", "metadata.tenantId")),
        entities={"purchase": declared},
    )

    kinds = entity_kinds(options)

    assert list(kinds) == ["purchase", "cart"]
    assert [kind.guessed for kind in kinds.values()] == [False, True]


def test_id_of_a_declared_entity_is_indexed() -> None:
    declared = EntityOptions(types=("ORDER_*",), id="payload.deep.number")
    decoder = Decoder(IngestOptions(entities={"order": declared}))
    body = native(payload={"orderId": "ORD_1", "deep": {"number": 7}})

    for made in (
        decoder.decode(message(body), "orders-topic"),
        decoder.decode(message(body, ("tenant", "acme")), "orders-topic"),
    ):
        assert isinstance(made, Record)
        assert made.keys == ("ORD_1", "7")


@pytest.mark.parametrize(
    ("document", "values"),
    [
        ({"payload": {"orderId": "ORD_1"}}, ["ORD_1"]),
        ({"payload": {"orderId": 7}}, ["7"]),
        ({"payload": {"orderId": True}}, []),
        ({"payload": {"orderId": None}}, []),
        ({"payload": {"orderId": ["ORD_1"]}}, []),
        ({"payload": [{"orderId": "a"}, {"orderId": "b"}, {"orderId": "a"}, 5]}, ["a", "b"]),
        ({"payload": "text"}, []),
        ("text", []),
    ],
)
def test_values_at_a_path_are_those_that_are_indexed(document: Any, values: list[str]) -> None:
    assert values_at(document, "payload.orderId") == values


def test_system_events_tell_of_no_guessed_entity() -> None:
    document = {"payload": {"orderId": "ORD_1"}}
    assert entities_in("HealthCheck", document, [ORDER]) == []
    assert entities_in("ORDER_CREATED", document, [ORDER]) == [EntityRef("order", "ORD_1")]


@pytest.mark.django_db(databases=["default", "events"])
def test_only_events_with_the_id_in_its_place_are_found(house: House) -> None:
    other = {"orderId": "ORD_2", "follows": "ORD_1"}
    house.publish([envelope("evt_1", payload={"orderId": "ORD_1"})])
    house.publish([envelope("evt_2", correlation="ORD_1", payload=other)], at=20)
    cloud = {
        "specversion": "1.0",
        "id": "evt_3",
        "type": "ORDER_PAID",
        "source": "shop",
        "data": {"orderId": "ORD_1", "paid": 5},
    }
    house.publish([json.dumps(cloud).encode()], at=30)

    events, whole = find_entity_events(ORDER, "ORD_1", limit=10)

    assert [event.event_id for event, _ in events] == ["evt_1", "evt_3"]
    assert events[1][1]["payload"] == {"orderId": "ORD_1", "paid": 5}
    assert whole


@pytest.mark.django_db(databases=["default", "events"])
def test_more_events_than_are_read_are_said(house: House) -> None:
    house.publish([envelope(f"evt_{number}") for number in range(5)])

    events, whole = find_entity_events(ORDER, "ORD_789", limit=4)

    assert ([event.event_id for event, _ in events], whole) == (
        ["evt_0", "evt_1", "evt_2", "evt_3"],
        False,
    )
    assert find_entity_events(ORDER, "ORD_789", limit=5).whole
