from __future__ import annotations

import time

import pytest
from django.db import transaction

from ingest.models import Series
from ingest.store.series import OVERFLOW, SeriesDictionary

pytestmark = pytest.mark.usefixtures("database")


def names() -> list[tuple[str, str, str, str]]:
    rows = Series.objects.order_by("id")
    return list(rows.values_list("type", "source", "consumer", "topic"))


def test_same_names_have_one_code_in_every_dictionary() -> None:
    first, second = SeriesDictionary(), SeriesDictionary()

    code = first.code("ORDER_CREATED", "orders", "", "orders-topic")

    assert first.code("ORDER_CREATED", "orders", "", "orders-topic") == code
    assert second.code("ORDER_CREATED", "orders", "", "orders-topic") == code
    assert second.code("ORDER_CREATED", "orders", "inventory", "orders-topic") != code
    assert len(names()) == 2


def test_group_makes_a_series_where_it_is_not_the_consumer() -> None:
    series = SeriesDictionary()

    code = series.code("ORDER_CREATED", "", "inventory", "orders-topic")

    assert series.code("ORDER_CREATED", "", "inventory", "orders-topic", "inventory") == code
    assert series.code("ORDER_CREATED", "", "inventory", "orders-topic", "stock") != code


def test_series_knows_since_when_it_is() -> None:
    before = time.time() * 1000 - 1

    SeriesDictionary().code("ORDER_CREATED", "orders", "", "orders-topic")

    (made,) = Series.objects.values_list("created_ms", flat=True)
    assert before <= made <= time.time() * 1000


def test_series_beyond_the_limit_are_counted_together() -> None:
    series = SeriesDictionary(limit=3)

    codes = [series.code(f"TYPE_{number}", "s", "", "t") for number in range(100)]
    handling = [series.code(f"TYPE_{number}", "s", "c", "t") for number in range(50)]

    assert len(set(codes)) == 4
    assert set(codes[3:]) == {codes[3]}
    assert set(handling) == {handling[0]} != {codes[3]}
    assert names()[3:] == [
        (OVERFLOW, OVERFLOW, "", OVERFLOW),
        (OVERFLOW, OVERFLOW, OVERFLOW, OVERFLOW),
    ]
    assert series.overflowed()


def test_restart_knows_the_limit_is_reached() -> None:
    before = SeriesDictionary(limit=2)
    codes = [before.code(f"TYPE_{number}", "s", "", "t") for number in range(4)]

    after = SeriesDictionary(limit=2)

    assert after.code("TYPE_9", "s", "", "t") == codes[3]
    assert [after.code(f"TYPE_{number}", "s", "", "t") for number in range(4)] == codes


def test_memory_of_names_is_bounded() -> None:
    series = SeriesDictionary(limit=5)

    for number in range(1_000):
        series.code(f"TYPE_{number}", "s", "", "t")

    assert len(series._seen) <= 20


def test_series_of_a_rolled_back_transaction_is_made_again() -> None:
    series = SeriesDictionary()
    with transaction.atomic(using="events"):
        series.code("ORDER_CREATED", "orders", "", "orders-topic")
        transaction.set_rollback(True, using="events")
    series.forget()

    code = series.code("ORDER_CREATED", "orders", "", "orders-topic")

    assert Series.objects.get().pk == code


def test_names_that_no_database_takes_are_made_safe_and_short() -> None:
    series = SeriesDictionary()

    series.code("nul\0", "lone \ud800", "", "t" * 400)
    series.code("ж" * 300, "s", "", "t")

    assert names() == [
        ("nul\ufffd", "lone ?", "", "t" * 255),
        ("ж" * 200, "s", "", "t"),
    ]
