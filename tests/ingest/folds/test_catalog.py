from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import transaction

from ingest.folds.catalog import FIRST, MANY, Kind, Sampler, merge_pieces, open_shape, record_shapes
from ingest.models import CatalogPiece, EventSchema
from ingest.records import Flag, Record
from ingest.shapes import join_path
from tests.ingest.folds.factories import START, make_batch, make_record, make_ref

DATABASE = pytest.mark.django_db(databases=["default", "events"])


def event(
    number: int = 0, type: str = "ORDER_CREATED", version: str = "1.0", **payload: Any
) -> Record:
    body = {
        "eventId": f"e{number}",
        "eventType": type,
        "payload": payload,
        "metadata": {"version": version},
    }
    return make_record(START + number, type=type, body=json.dumps(body).encode())


def record(*records: Record) -> None:
    with transaction.atomic(using="events"):
        record_shapes(make_batch((make_ref(), list(records))))


def schemas() -> dict[Kind, int]:
    merge_pieces(now_ms=START * 2)
    return {Kind(row.type, row.version): row.samples for row in EventSchema.objects.all()}


def test_the_first_of_every_type_and_then_a_few_of_many_are_looked_at() -> None:
    sampler = Sampler()
    many = [event(number) for number in range(10_000)]
    rare = event(5, "RARE")

    first = sampler.choose([*many[:5000], rare, *many[5000:]])
    second = sampler.choose([*many[:5000], rare, *many[5000:]])

    assert rare in first
    assert rare in second
    assert FIRST <= len(first) <= FIRST + 10
    assert len(second) <= 8


def test_what_cannot_be_learnt_from_is_left_out() -> None:
    cut = event(1, "CUT")
    cut.flags |= Flag.TRUNCATED
    system = event(2, "HealthCheck")
    huge = make_record(START, type="HUGE", body=b'{"payload":"' + b"x" * (2 << 20) + b'"}')

    assert Sampler().choose([cut, system, huge]) == []


@DATABASE
def test_versions_are_learnt_apart_and_pieces_are_summed_up() -> None:
    record(event(1, orderId="A"), event(2, orderId="B", coupon="x"), event(3, version="2", id=1))
    record(event(4, orderId="C"))
    assert CatalogPiece.objects.count() == 2

    assert schemas() == {("ORDER_CREATED", "1.0"): 3, ("ORDER_CREATED", "2"): 1}

    assert CatalogPiece.objects.count() == 0
    shape = open_shape(bytes(EventSchema.objects.get(version="1.0").data))
    assert shape.paths[join_path("", "orderId")].count == 3
    assert shape.paths[join_path("", "coupon")].count == 1


@DATABASE
def test_a_batch_that_is_rolled_back_is_not_counted() -> None:
    with transaction.atomic(using="events"):
        record_shapes(make_batch((make_ref(), [event()])))
        transaction.set_rollback(True, using="events")
    assert schemas() == {}


@DATABASE
def test_few_new_pieces_wait_and_many_do_not() -> None:
    for number in range(MANY - 1):
        record(event(number))
    assert not merge_pieces(now_ms=START)
    assert CatalogPiece.objects.count() == MANY - 1

    record(event(MANY))
    merge_pieces(now_ms=START)
    assert CatalogPiece.objects.count() == 0


@DATABASE
@pytest.mark.parametrize(
    "body", [b"not json", b'{"payload": {"a": ', b'{"payload":' + b"[" * 5000 + b"]" * 5000 + b"}"]
)
def test_what_is_no_json_teaches_nothing_and_harms_nothing(body: bytes) -> None:
    record(make_record(type="ODD", body=body))
    assert schemas() == {}


@DATABASE
def test_copies_on_a_dead_letter_topic_teach_nothing() -> None:
    with transaction.atomic(using="events"):
        record_shapes(make_batch((make_ref(dead_letters=True), [event()])))
    assert schemas() == {}


@DATABASE
def test_other_envelopes_are_learnt_by_their_own_payload_and_version() -> None:
    body = (
        b'{"specversion":"1.0","type":"T","id":"1","source":"s","dataschema":"v7","data":{"a":1}}'
    )
    record_ = make_record(type="T", body=body)
    record_.flags = 1

    record(record_)

    assert schemas() == {("T", "v7"): 1}
    [row] = EventSchema.objects.all()
    assert join_path("", "a") in open_shape(bytes(row.data)).paths
