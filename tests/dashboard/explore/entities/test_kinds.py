from __future__ import annotations

import tomllib

from dashboard.explore.entities.kinds import Told, suggest, toml_of, watch_kinds
from ingest.queries.entities import EntityKind

ORDER = EntityKind("order", "payload.orderId")


def told(type: str, at: int = 0, **payload: object) -> Told:
    return Told(type, at, {"eventType": type, "payload": payload})


def test_kind_tells_its_types_its_newest_ids_and_when_it_was_seen() -> None:
    newest_first = [
        told("PAID", 30, orderId="ORD_2"),
        told("OTHER", 25, cartId="C"),
        told("CREATED", 20, orderId="ORD_2"),
        *(told("CREATED", 10, orderId=f"ORD_{number}") for number in range(3, 12)),
    ]

    [seen] = watch_kinds([ORDER], newest_first)

    assert (seen.types, seen.last_ms) == (["CREATED", "PAID"], 30)
    assert seen.recent == ["ORD_2", "ORD_3", "ORD_4", "ORD_5", "ORD_6"]


def test_kind_that_was_not_seen_says_so() -> None:
    [seen] = watch_kinds([ORDER], [told("OTHER", 1, cartId="C")])
    assert (seen.types, seen.recent, seen.last_ms) == ([], [], None)


def test_ids_that_several_types_share_are_worth_declaring() -> None:
    events = [
        told("A", orderId="O", cartId="C", paid=1, shipment={"id": "S"}),
        told("B", orderId="O", cartId="C", paid=1, shipment={"id": "S"}),
        told("C", cartId=7, only_id="x"),
        told("D", cartId=True),
    ]

    found = suggest(events, {"order": ORDER})

    assert [(one.name, one.path, one.types) for one in found] == [
        ("cart", "payload.cartId", ["A", "B", "C"]),
        ("shipment", "payload.shipment.id", ["A", "B"]),
    ]


def test_lines_to_copy_are_the_declaration() -> None:
    types = ['say "hi"', "back\\slash", "new\nline"]
    declared = tomllib.loads(toml_of("cart", "payload.cartId", types))
    assert declared == {"entities": {"cart": {"types": sorted(types), "id": "payload.cartId"}}}
