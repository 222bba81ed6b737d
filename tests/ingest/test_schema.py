from __future__ import annotations

from typing import Any

import pytest

from ingest.schema import ENOUGH, check_payload, schema_of_shape
from ingest.shapes import learn, merge_shapes

USUAL: dict[str, Any] = {
    "orderId": "ORD_1",
    "total": 5.5,
    "items": [{"sku": "A", "quantity": 1}],
    "status": "NEW",
}


def schema(*payloads: Any, times: int = ENOUGH) -> dict[str, Any]:
    shape = merge_shapes(
        learn(payload, at_ms=number, size=1) for number in range(times) for payload in payloads
    )
    assert shape is not None
    return schema_of_shape(shape, title="ORDER_CREATED", version="1.0")


def test_a_shape_is_told_as_json_schema() -> None:
    made = schema(USUAL, {**USUAL, "coupon": None, "total": 5}, times=100)

    assert made["title"] == "ORDER_CREATED"
    assert made["required"] == ["items", "orderId", "status", "total"]
    fields = made["properties"]
    assert fields["total"]["type"] == "number"
    assert fields["coupon"]["type"] == "null"
    assert fields["coupon"]["x-presence"] == 0.5
    assert fields["items"]["items"]["properties"]["quantity"]["type"] == "integer"
    assert fields["status"]["enum"] == ["NEW"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, []),
        ({"total": 7}, []),
        ({"total": "5.5"}, [("payload.total", "type")]),
        ({"status": None}, [("payload.status", "type")]),
        ({"orderId": ...}, [("payload.orderId", "missing")]),
        ({"extra": 1}, [("payload.extra", "unknown")]),
        ({"items": [{"sku": "A"}]}, [("payload.items[0].quantity", "missing")]),
        ({"items": []}, []),
        ({"orderId": "[redacted]"}, []),
        ({"orderId": f"$encrypted:0123abcd:{'A' * 40}"}, []),
    ],
)
def test_differences_from_what_is_usual_are_told_with_their_path(
    changes: dict[str, Any], expected: list[tuple[str, str]]
) -> None:
    payload = {name: value for name, value in (USUAL | changes).items() if value is not ...}

    found = check_payload(schema(USUAL), payload)

    assert [(one.path, one.kind) for one in found] == expected


def test_a_payload_of_another_kind_altogether_differs_at_its_root() -> None:
    assert [(v.path, v.message) for v in check_payload(schema(USUAL), [1])] == [
        ("payload", "an array, usually an object")
    ]


def test_nothing_is_said_to_be_unusual_while_little_is_known() -> None:
    assert check_payload(schema(USUAL, times=ENOUGH - 1), []) == []


def test_names_that_are_data_are_told_as_one_field() -> None:
    made = schema({"prices": {f"sku{n}": n for n in range(60)}})

    prices = made["properties"]["prices"]
    assert "properties" not in prices
    assert prices["additionalProperties"]["type"] == "integer"
    assert check_payload(made, {"prices": {"another": 1}}) == []
