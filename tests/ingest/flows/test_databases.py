"""The learner over a real SQLite file and a real PostgreSQL."""

from __future__ import annotations

import random
from threading import Thread

import pytest
from django.db import connections

from ingest.flows.learning import FlowLearner
from ingest.flows.pieces import Raced, consume_pieces, read_pieces
from ingest.models import TracePiece
from ingest.queries.flows import count_stuck, flow_state
from tests.ingest.flows.factories import START, Happened, Stage, recount, stored_counts
from tests.ingest.store.conftest import (  # noqa: F401 (fixtures)
    database,
    postgres_database,
    postgres_options,
    postgres_server,
    sqlite_database,
    sqlite_template,
)

pytestmark = pytest.mark.usefixtures("database")

HOUR = 3_600_000


def story(number: int, *, whole: bool = True) -> list[Happened]:
    name = f"c{number}"
    at = HOUR + number * 50
    first = Happened(f"{name}-1", "ORDER_CREATED", name, at)
    second = Happened(f"{name}-2", "STOCK_TAKEN", name, at + 30, f"{name}-1", "inventory")
    return [first, second] if whole else [first]


def learn(stage: Stage, until: int) -> None:
    stage.observe(until)
    FlowLearner(hold_s=0, flows_s=0).step(now_ms=START + until)


def test_flows_are_learnt_and_a_stuck_one_is_found() -> None:
    stage = Stage()
    events = [event for number in range(250) for event in story(number)]
    random.Random(3).shuffle(events)
    for begin in range(0, len(events), 70):
        stage.publish(events[begin : begin + 70])
    learn(stage, 3 * HOUR)
    assert stored_counts() == recount(events)

    stage.publish([event._replace(at=event.at + 2 * HOUR) for event in story(900, whole=False)])
    learn(stage, 3 * HOUR + 120_000)
    learn(stage, 3 * HOUR + 121_000)

    assert count_stuck() == {"ORDER_CREATED": 1}
    assert flow_state().learnt == 250


def test_who_was_raced_to_the_pieces_keeps_nothing() -> None:
    stage = Stage()
    stage.publish(story(1))
    taken = read_pieces(0)

    def rival() -> None:
        TracePiece.objects.all().delete()
        connections["events"].close()

    thread = Thread(target=rival)
    thread.start()
    thread.join()
    with pytest.raises(Raced):
        consume_pieces(taken.ids, carried=taken.traces, bits=0)
    assert TracePiece.objects.count() == 0
