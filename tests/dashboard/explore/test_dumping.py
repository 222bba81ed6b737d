from __future__ import annotations

import json

import pytest

from dashboard.explore.dumping import dump_json


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ({"a": float("nan"), "b": [float("inf")]}, {"a": None, "b": [None]}),
        ({"a": 2**70, "b": float("-inf")}, {"a": 2**70, "b": None}),
        ({"ä": "\ud800", "n": float("nan")}, {"ä": "\ud800", "n": None}),
        ({1: "number as a name"}, {"1": "number as a name"}),
    ],
)
def test_whatever_an_envelope_holds_is_json(value: object, expected: object) -> None:
    assert json.loads(dump_json(value)) == expected


def test_what_is_nested_too_deeply_is_cut() -> None:
    value: object = "bottom"
    for _ in range(5000):
        value = [value]

    assert b"nested too deeply" in dump_json({"payload": value, "big": 2**70})
