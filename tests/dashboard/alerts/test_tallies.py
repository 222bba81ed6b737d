"""Dead letters counted by any of their names."""

from __future__ import annotations

import math

import pytest

from dashboard.alerts.tallies import Letters, measure_letters

ROWS = [
    Letters("A", "shop", "payment", "orders", 3),
    Letters("B", "shop", "payment", "orders", 2),
    Letters("B", "", "", "bills", 4),
    Letters("", "", "", "", 1),
]


@pytest.mark.parametrize(
    ("by", "scope", "expected"),
    [
        ("consumer", (), {"payment": 5, "bills": 4, "unknown consumer": 1}),
        ("type", (), {"A": 3, "B": 6, "unknown type": 1}),
        ("all", (), {"all dead letters": 10}),
        ("consumer", (("type", ("B",)),), {"payment": 2, "bills": 4}),
        ("consumer", (("type", ("B",)), ("topic", ("o*",))), {"payment": 2}),
        ("source", (("type", ("C",)),), {}),
    ],
)
def test_letters_by_any_name_in_any_scope(
    by: str, scope: tuple[tuple[str, tuple[str, ...]], ...], expected: dict[str, float]
) -> None:
    found = measure_letters("dead_letters", by, scope, ROWS, known=True)
    assert dict(zip(found.subjects, found.values.tolist(), strict=True)) == expected


def test_topic_that_stands_for_an_unknown_consumer_is_labelled_as_topic() -> None:
    found = measure_letters("dead_letters", "consumer", (), ROWS, known=True)
    assert found.find("bills").labels == {"topic": "bills"}
    assert found.find("payment").labels == {"consumer": "payment"}


@pytest.mark.parametrize(("known", "absent"), [(True, 0.0), (False, None)])
def test_that_nothing_arrived_is_known_only_while_we_keep_up(
    known: bool, absent: float | None
) -> None:
    found = measure_letters("dead_letters", "consumer", (), ROWS, known=known)
    assert found.find("quiet").value == absent
    assert found.find("payment").value == 5
    assert math.isnan(found.absent) is not known
