"""Commands, queries, and read models fed by the stream."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from eventscope import Event, new_event
from eventscope.cqrs import (
    CommandBus,
    MemoryReadModel,
    NoHandler,
    Projector,
    QueryBus,
    ReadModel,
    RedisReadModel,
)
from tests.eventscope.conftest import MakeBus, eventually


@dataclass
class CreateOrder:
    order_id: str


@dataclass
class GetOrder:
    order_id: str


async def test_command_and_query_find_their_handlers() -> None:
    commands, queries, orders = CommandBus(), QueryBus(), {}

    @commands.handles(CreateOrder)
    async def create(command: CreateOrder) -> str:
        orders[command.order_id] = "new"
        return command.order_id

    @queries.handles(GetOrder)
    def get(query: GetOrder) -> str:
        return orders[query.order_id]

    assert await commands.send(CreateOrder("ORD_1")) == "ORD_1"
    assert await queries.ask(GetOrder("ORD_1")) == "new"


async def test_command_that_nobody_handles_is_an_error_and_so_is_a_second_handler() -> None:
    commands = CommandBus()
    commands.handles(GetOrder)(print)

    with pytest.raises(NoHandler, match="nobody handles CreateOrder"):
        await commands.send(CreateOrder("ORD_1"))
    with pytest.raises(ValueError, match="GetOrder has a handler already"):
        commands.handles(GetOrder)(print)


@pytest.fixture(params=["memory", "redis"])
async def model(request: pytest.FixtureRequest) -> AsyncIterator[ReadModel]:
    if request.param == "memory":
        yield MemoryReadModel(indexes=["customerId"])
        return
    url = request.getfixturevalue("valkey").url
    made = RedisReadModel(url, "orders", indexes=["customerId"])
    yield made
    await made.close()


def put(**fields: Any) -> Any:
    return lambda data: {**data, **fields}


async def test_document_is_found_by_id_and_by_index(model: ReadModel) -> None:
    await model.apply("ORD_1", new_event("A"), put(id=1, customerId="alice"))
    await model.apply("ORD_2", new_event("A"), put(id=2, customerId="alice"))
    await model.apply("ORD_3", new_event("A"), put(id=3))

    assert await model.get("ORD_1") == {"id": 1, "customerId": "alice"}
    assert await model.get("ORD_9") is None
    assert [one["id"] for one in await model.find("customerId", "alice")] == [1, 2]
    assert await model.find("customerId", "bob") == []


async def test_document_moves_in_the_index_when_its_field_changes(model: ReadModel) -> None:
    await model.apply("ORD_1", new_event("A"), put(customerId="alice"))
    await model.apply("ORD_1", new_event("A"), put(customerId="bob"))

    assert await model.find("customerId", "alice") == []
    assert await model.find("customerId", "bob") == [{"customerId": "bob"}]


async def test_event_that_comes_again_changes_nothing_again(model: ReadModel) -> None:
    event = new_event("A")

    def count(data: dict[str, Any]) -> dict[str, Any]:
        return {"n": data.get("n", 0) + 1}

    assert await model.apply("ORD_1", event, count) is True
    assert await model.apply("ORD_1", event, count) is False
    assert await model.get("ORD_1") == {"n": 1}


async def test_concurrent_changes_are_all_taken_in(model: ReadModel) -> None:
    def count(data: dict[str, Any]) -> dict[str, Any]:
        return {"n": data.get("n", 0) + 1}

    await asyncio.gather(*(model.apply("ORD_1", new_event("A"), count) for _ in range(10)))

    assert await model.get("ORD_1") == {"n": 10}


async def test_what_a_reader_does_to_a_document_stays_with_him(model: ReadModel) -> None:
    await model.apply("ORD_1", new_event("A"), put(items=["a"]))
    document = await model.get("ORD_1")
    assert document is not None
    document["items"].append("b")

    assert await model.get("ORD_1") == {"items": ["a"]}


async def test_projector_feeds_the_model_from_the_stream(
    make_bus: MakeBus, model: ReadModel
) -> None:
    bus = make_bus()
    projector = Projector(bus, model, group="order-views")

    @projector.on("ORDER_CREATED", id=lambda event: event.payload["orderId"])
    def created(view: dict[str, Any], event: Event) -> dict[str, Any]:
        return {**view, **event.payload, "status": "new"}

    @projector.on("PAYMENT_PROCESSED", id=lambda event: event.payload["orderId"])
    def paid(view: dict[str, Any], event: Event) -> dict[str, Any]:
        return {**view, "status": "paid"}

    await bus.start()
    for number in range(20):
        order = {"orderId": f"ORD_{number}", "customerId": "alice"}
        await bus.publish("ORDER_CREATED", order)
        await bus.publish("PAYMENT_PROCESSED", {"orderId": f"ORD_{number}"})
    await eventually(lambda: bus.counters.succeeded == 40)

    views = await model.find("customerId", "alice")
    assert len(views) == 20
    assert {view["status"] for view in views} == {"paid"}
