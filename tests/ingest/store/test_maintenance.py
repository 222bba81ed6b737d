"""Joining, merging and purging never change what is found, wherever they are cut off."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from django.db import connections, transaction

from ingest.models import Block, Frame, KeyPage, KeyRun, Posting
from ingest.store import joining, keys, merging, purging, writing
from ingest.store.base import EventFilter
from ingest.store.joining import Plan, Small, plan_join
from tests.ingest.store.factories import START, Filler, make_record, make_stream

DAY = 86_400_000
CORRELATIONS = 7
HOT = "CUST_HOT"


@pytest.fixture(autouse=True)
def _small_sizes(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that a few hundred events go through every path: levels, steps, pages, hot hashes."""
    monkeypatch.setattr(writing, "SEAL_ROWS", 20)
    monkeypatch.setattr(joining, "SEAL_ROWS", 20)
    monkeypatch.setattr(joining, "TIER_ROWS", 8)
    monkeypatch.setattr(joining, "TIER_BLOCKS", 4)
    monkeypatch.setattr(merging, "FAN_IN", 3)
    monkeypatch.setattr(merging, "STEP_PAGES", 6)
    monkeypatch.setattr(merging, "CLEAN_PAGES", 3)
    monkeypatch.setattr(keys, "PAGE_KEYS", 30)


class History:
    """Appends numbered events and knows what must be found."""

    def __init__(self) -> None:
        self.filler = Filler()
        self.streams = [make_stream("orders-topic"), make_stream("payments-topic")]
        self.count = 0

    def append(self, events: int) -> None:
        numbers = range(self.count, self.count + events)
        records = [
            make_record(
                number,
                correlation=f"corr_{number % CORRELATIONS}",
                keys=(f"ORD_{number}", HOT),
                type=f"TYPE_{number % 3}",
            )
            for number in numbers
        ]
        self.filler.append((self.streams[0], records[::2]), (self.streams[1], records[1::2]))
        self.count += events

    def check(self, first: int = 0) -> None:
        """Every event from number ``first`` on is found by all its keys and listed once."""
        store = self.filler.store
        numbers = range(first, self.count)
        ids = [evt(event) for event in store.scan(EventFilter(), limit=self.count + 1).events]
        assert ids == [f"evt_{number}" for number in reversed(numbers)]
        for correlation in range(CORRELATIONS):
            found = store.find([f"corr_{correlation}"])
            wanted = [n for n in numbers if n % CORRELATIONS == correlation]
            assert [evt(event) for event in found] == [f"evt_{n}" for n in wanted]
        assert [evt(event) for event in store.find([HOT])] == [f"evt_{n}" for n in numbers]
        for number in list(numbers)[:: max(1, len(numbers) // 9)]:
            assert [evt(event) for event in store.find([f"ORD_{number}"])] == [f"evt_{number}"]

    def settle(self) -> int:
        """Maintain until nothing is due; the number of steps."""
        for step in range(10_000):
            if not self.filler.store.maintain():
                return step
        raise AssertionError("maintenance does not come to an end")


def evt(event: Any) -> str:
    return event.body.decode().split('"')[3]


@pytest.mark.usefixtures("database")
def test_every_step_of_maintenance_leaves_all_events_to_be_found() -> None:
    history = History()
    for size in (1, 3, 2, 25, 7, 1, 1, 30, 22, 5, 40, 21, 21, 3, 21, 24):
        history.append(size)
    history.check()

    steps = 0
    while history.filler.store.maintain():
        history.check()
        steps += 1

    assert steps > 10
    assert KeyRun.objects.filter(level=2).exists()
    assert not KeyRun.objects.exclude(state=KeyRun.State.LIVE).exists()
    assert not KeyPage.objects.exclude(run__in=KeyRun.objects.all()).exists()


@pytest.mark.usefixtures("database")
def test_thousand_tiny_batches_leave_few_blocks_and_runs() -> None:
    history = History()
    for _ in range(150):
        history.append(2)
        history.filler.store.maintain()
    history.settle()

    history.check()
    assert Block.objects.count() <= 300 // 20 + 2 * joining.TIER_BLOCKS
    assert KeyRun.objects.count() <= 4 * (merging.FAN_IN + joining.TIER_BLOCKS)
    blocks = Block.objects.values_list("id", flat=True)
    assert set(Frame.objects.values_list("block_id", flat=True)) == set(blocks)
    assert set(Posting.objects.values_list("block_id", flat=True)) == set(blocks)


class Killed(Exception):
    """Stands for the end of the process."""


@contextmanager
def killed_at(statement: int) -> Iterator[Callable[[], bool]]:
    """The database refuses from the given statement on, once; tells whether it came to that."""
    seen = 0

    def count(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        nonlocal seen
        if not sql.startswith(("BEGIN", "SAVEPOINT", "ROLLBACK", "RELEASE", "COMMIT")):
            seen += 1
            if seen > statement:
                raise Killed
        return execute(sql, params, many, context)

    with connections["events"].execute_wrapper(count):
        yield lambda: seen > statement


@pytest.mark.usefixtures("sqlite_database")
def test_kill_at_any_statement_of_maintenance_loses_and_doubles_nothing() -> None:
    history = History()
    kills = 0
    for size in (3, 21, 2, 25, 7, 22, 1, 30, 5, 40, 21, 24):
        history.append(size)
    statement = 0
    while True:
        with killed_at(statement) as came_to_it:
            try:
                more = history.filler.store.maintain()
            except Killed:
                more = True
        if came_to_it():
            kills += 1
            statement += 1
            if kills % 10 == 0:
                history.check()
            continue
        statement = 0
        if not more:
            break

    assert kills > 100
    history.check()
    assert not KeyRun.objects.exclude(state=KeyRun.State.LIVE).exists()


@pytest.mark.usefixtures("database")
def test_append_that_is_rolled_back_leaves_nothing() -> None:
    history = History()

    def append_and_die() -> None:
        with transaction.atomic(using="events"):
            history.append(5)
            raise Killed

    with pytest.raises(Killed):
        append_and_die()

    tables = (Block, Frame, Posting, KeyRun, KeyPage)
    assert [table.objects.count() for table in tables] == [0] * 5


@pytest.mark.usefixtures("database")
def test_reader_never_misses_an_event_while_blocks_are_joined_and_merged() -> None:
    history = History()
    for _ in range(40):
        history.append(3)
    wrong: list[str] = []
    rounds = 0
    done = threading.Event()

    def read() -> None:
        nonlocal rounds
        try:
            while not done.is_set():
                found = len(history.filler.store.find(["corr_3"]))
                listed = len(history.filler.store.scan(EventFilter(), limit=200).events)
                if (found, listed) != (17, 120):
                    wrong.append(f"found {found}, listed {listed}")
                rounds += 1
        finally:
            connections["events"].close()

    reader = threading.Thread(target=read)
    reader.start()
    try:
        history.settle()
        while rounds < 5:
            done.wait(0.01)
    finally:
        done.set()
        reader.join()

    assert wrong == []
    assert Block.objects.count() < 15


@pytest.mark.usefixtures("database")
def test_two_that_maintain_at_once_do_not_spoil_each_other() -> None:
    history = History()
    for _ in range(30):
        history.append(7)
    failures: list[BaseException] = []

    def maintain() -> None:
        try:
            while history.filler.store.maintain():
                pass
        except BaseException as error:  # noqa: BLE001 - shown by the assertion below
            failures.append(error)
        finally:
            connections["events"].close()

    threads = [threading.Thread(target=maintain) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    history.settle()

    assert failures == []
    history.check()


@pytest.mark.usefixtures("database")
def test_retention_deletes_whole_blocks_and_the_runs_of_none_but_them() -> None:
    history = History()
    for size in (25, 30, 21, 22, 40, 24):
        history.append(size)
        history.settle()
    border = START + 25 + 30 + 10

    purged = history.filler.store.purge(before_ms=border)
    history.settle()

    assert (purged.blocks, purged.events) == (2, 55)
    assert purged.size > 0
    history.check(first=55)
    assert history.filler.store.find(["evt_3"]) == []
    assert history.filler.store.purge(before_ms=border).blocks == 0


@pytest.mark.usefixtures("database")
def test_purging_everything_leaves_empty_tables(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(purging, "PURGE_BLOCKS", 3)
    history = History()
    for size in (25, 3, 21, 22, 40, 24, 2, 30):
        history.append(size)
        history.filler.store.maintain()
    end = START + history.count

    while history.filler.store.purge(before_ms=end).blocks:
        history.filler.store.maintain()
    history.settle()
    history.filler.store.purge(before_ms=end)
    history.settle()

    tables = (Block, Frame, Posting, KeyRun, KeyPage)
    assert [table.objects.count() for table in tables] == [0] * 5


@pytest.mark.usefixtures("database")
def test_merge_leaves_out_the_keys_of_purged_blocks() -> None:
    history = History()
    history.append(25)
    history.append(25)
    history.filler.store.purge(before_ms=START + 25)
    history.append(25)
    history.append(25)
    history.settle()

    merged = KeyRun.objects.get(level=1)
    assert merged.keys == 3 * (25 * 3 + CORRELATIONS * 0 + 25)
    history.check(first=25)


def small(number: int, rows: int, *, at: int = 0, span: int = 10, size: int = 1000) -> Small:
    return Small(number, rows, at, at + span, size)


def test_few_small_blocks_are_left_alone() -> None:
    assert plan_join([]) is None
    assert plan_join([small(1, 2), small(2, 2), small(3, 9)]) is None


def test_blocks_that_fill_one_are_joined_and_a_full_one_is_sealed_alone() -> None:
    assert plan_join([small(1, 9), small(2, 12), small(3, 1)]) == Plan([1, 2], seal=False)
    assert plan_join([small(1, 20), small(2, 1)]) == Plan([1], seal=False)


def test_enough_tiny_blocks_make_a_middling_one() -> None:
    blocks = [small(1, 9), small(2, 1), small(3, 1), small(4, 2), small(5, 1)]

    assert plan_join(blocks) == Plan([2, 3, 4, 5], seal=False)


def test_block_of_another_day_is_sealed_for_nothing_near_follows() -> None:
    assert plan_join([small(1, 2), small(2, 3, at=2 * DAY)]) == Plan([1], seal=True)


def test_large_block_that_nothing_fits_beside_is_sealed() -> None:
    blocks = [small(1, 2, size=joining.MAX_SIZE - 10), small(2, 3)]

    assert plan_join(blocks) == Plan([1], seal=False)
