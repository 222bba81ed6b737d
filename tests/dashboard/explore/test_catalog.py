"""The catalog of types and the page of one."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from dashboard.explore.cataloguing import Version, changes_of, compare_versions
from ingest.shapes import Shape, learn, merge_shapes
from tests.dashboard.explore.factories import House, envelope
from tests.dashboard.explore.test_pages import get, text_of

DATABASE = pytest.mark.django_db(databases=["default", "events"])


def shape(*payloads: object) -> Shape:
    """One sample a second."""
    found = merge_shapes(learn(one, at_ms=1000 * at, size=10) for at, one in enumerate(payloads))
    assert found is not None
    return found


def test_a_field_that_appeared_and_one_that_went_are_told_when() -> None:
    before, after = {"a": 1, "old": 1}, {"a": 1, "new": 1}
    one = Version("1", shape(*[before] * 30, *[after] * 30))

    assert [(change.kind, change.path, change.at_ms) for change in changes_of([one])] == [
        ("appeared", "payload.new", 30_000),
        ("gone", "payload.old", 29_000),
    ]


def test_a_rare_field_has_not_appeared() -> None:
    payloads: list[object] = [{"a": 1}] * 60
    payloads[40] = {"a": 1, "rare": 1}
    payloads[50] = {"a": 1, "rare": 1}

    assert changes_of([Version("1", shape(*payloads))]) == []


def test_versions_stand_side_by_side_and_what_differs_is_marked() -> None:
    old = Version("1", shape({"id": "A", "items": [{"price": 1}], "gone": {"inner": 1}}))
    new = Version("2", shape({"id": 7, "items": [{"price": 2}]}, {"id": 8, "items": []}))

    rows = {row.path: row for row in compare_versions([new, old])}

    assert {path for path, row in rows.items() if row.differs} == {"payload.id", "payload.gone"}
    assert [cell and cell.types for cell in rows["payload.id"].cells] == ["integer", "string"]
    assert [cell and cell.presence for cell in rows["payload.gone"].cells] == [None, 1.0]
    assert rows["payload.items[].price"].depth == 2


def filled() -> House:
    house = House(folding=True)
    house.publish([envelope(f"evt_{n}", payload={"orderId": "O", "n": n}) for n in range(30)])
    return house


@DATABASE
def test_catalog_tells_each_type_with_version_size_and_last_seen(visitor: Client) -> None:
    filled()

    text = text_of(get(visitor, "/catalog/"))

    assert "ORDER_CREATED order-service orders-topic — 1.0" in text
    assert "bytes" in text


@DATABASE
@pytest.mark.parametrize(
    ("count", "told"),
    [
        (4, "service-0, service-1, service-2, service-3"),
        (6, "service-0, service-1, service-2, and 3 more"),
    ],
)
def test_of_many_who_publish_a_type_some_are_named(visitor: Client, count: int, told: str) -> None:
    names = [f"service-{n}" for n in range(count)]
    House(folding=True).publish([envelope(name, source=name) for name in names])

    html = get(visitor, "/catalog/")

    assert f"ORDER_CREATED {told} orders-topic" in text_of(html)
    assert (f'title="{", ".join(names)}"' in html) is (count > 4)


@DATABASE
def test_one_type_tells_its_fields_and_its_newest_event(visitor: Client) -> None:
    filled()

    html = get(visitor, "/catalog/ORDER_CREATED/")

    text = text_of(html)
    assert "orderId string always" in text
    assert "n integer always" in text
    assert "/events/evt_29/" in html


@DATABASE
@pytest.mark.parametrize("name", ["NOTHING", "a/b", "%00", "x" * 600, quote("<b>", safe="")])
def test_a_type_that_was_never_seen_is_not_found(visitor: Client, name: str) -> None:
    get(visitor, f"/catalog/{name}/", 404)


@DATABASE
@pytest.mark.parametrize("name", ["a/b c", '"><script>alert(1)</script>', "%41"])
def test_a_type_of_any_name_has_its_page(visitor: Client, name: str) -> None:
    House(folding=True).publish([envelope("evt_1", name, payload={name: name})])

    html = get(visitor, f"/catalog/{quote(name, safe='')}/")

    assert name in text_of(html).replace("\\", "")
    assert "<script>alert" not in html
    assert reverse("explore:type", args=[name]) in get(visitor, "/catalog/")


@DATABASE
def test_thirty_types_cost_no_more_questions_than_one(visitor: Client) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connections["events"]) as asked:
            get(visitor, "/catalog/")
        return len(asked)

    house = House(folding=True)
    house.publish([envelope("evt_0", "TYPE_0")])
    one = queries()
    house.publish([envelope(f"evt_{n}", f"TYPE_{n}") for n in range(1, 31)], at=100)

    assert queries() == one


@DATABASE
def test_the_api_answers_the_schema_of_each_version(visitor: Client) -> None:
    filled()

    listed = visitor.get("/api/v1/catalog").json()["results"]
    told = visitor.get("/api/v1/catalog/ORDER_CREATED").json()

    assert [(one["type"], one["versionNames"]) for one in listed] == [("ORDER_CREATED", ["1.0"])]
    [version] = told["versions"]
    assert version["version"] == "1.0"
    assert version["schema"]["properties"]["n"]["type"] == "integer"
    assert version["schema"]["required"] == ["n", "orderId"]
    assert visitor.get("/api/v1/catalog/NOTHING").status_code == 404
