"""Joining metric pieces changes nothing that is seen, whoever else is at work and whatever dies."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from typing import ClassVar

import numpy as np
import pytest
from django.db import OperationalError, connections
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from ingest.folds import pieces
from ingest.folds.cells import add_up, encode_cells, open_cells
from ingest.folds.pieces import MOST_AT_ONCE, PieceKeeper, merge_pieces
from ingest.models import MetricPiece
from tests.ingest.folds.factories import START

database = pytest.mark.django_db(databases=["default", "events"])


def add(cells: dict[int, int], *, bucket_ms: int = START, resolution: int = 60) -> MetricPiece:
    vector = add_up(np.array([*cells], np.uint64), np.array([*cells.values()], np.uint64))
    return MetricPiece.objects.create(
        resolution=resolution, bucket_ms=bucket_ms, data=encode_cells(vector)
    )


def seen() -> dict[tuple[int, int], Counter[int]]:
    """What a reader sums up, by bucket."""
    found: dict[tuple[int, int], Counter[int]] = {}
    for piece in MetricPiece.objects.all():
        vector = open_cells(piece.data)
        counts = dict(zip(vector.cells.tolist(), vector.counts.tolist(), strict=True))
        found.setdefault((piece.resolution, piece.bucket_ms), Counter()).update(counts)
    return found


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@database
def test_pieces_of_a_bucket_become_one_that_says_the_same() -> None:
    for number in range(5):
        add({1 << 16: 1, (2 << 16) + number: 3})
    add({7 << 16: 9}, bucket_ms=START + 60_000)
    before = seen()

    merged = merge_pieces(60, START)

    assert merged is not None
    assert merged.left == 1
    assert seen() == before
    assert MetricPiece.objects.count() == 2


@database
def test_the_smallest_pieces_are_joined_first() -> None:
    large = add({n << 16: 1 for n in range(300)})
    for _ in range(4):
        add({1 << 16: 1})

    merge_pieces(60, START, limit=4)

    assert MetricPiece.objects.count() == 2
    assert MetricPiece.objects.filter(id=large.pk).exists()


@database
@pytest.mark.parametrize("pieces_there", [0, 1])
def test_a_lone_piece_is_left_alone(pieces_there: int) -> None:
    for _ in range(pieces_there):
        add({1 << 16: 1})

    assert merge_pieces(60, START) is None
    assert MetricPiece.objects.count() == pieces_there


@database
def test_a_damaged_piece_stops_no_worker_and_destroys_nothing() -> None:
    add({1 << 16: 1})
    MetricPiece.objects.create(resolution=60, bucket_ms=START, data=b"damaged")

    assert merge_pieces(60, START) is None
    assert MetricPiece.objects.count() == 2


class Killed(BaseException):
    """The process ends here."""


@pytest.mark.django_db(databases=["default", "events"], transaction=True)
@pytest.mark.parametrize("place", ["before the sum is written", "before the commit"])
def test_a_worker_killed_while_joining_leaves_what_was(
    place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(4):
        add({number << 16: 1})
    before, rows = seen(), MetricPiece.objects.count()

    def killed(*args: object, **kwargs: object) -> None:
        raise Killed

    monkeypatch.setattr(pieces, "merge_cells" if "sum" in place else "Merged", killed)
    with pytest.raises(Killed):
        merge_pieces(60, START)

    assert seen() == before
    assert MetricPiece.objects.count() == rows


@pytest.mark.django_db(databases=["default", "events"], transaction=True)
def test_workers_that_join_and_add_at_once_lose_and_double_nothing() -> None:
    for number in range(20):
        add({number << 16: 1, 99 << 16: 1})

    def work(act: Callable[[int], object]) -> None:
        try:
            for number in range(10):
                patiently(lambda number=number: act(number))
        finally:
            connections.close_all()

    acts = [
        lambda number: add({(100 + number) << 16: 1, 99 << 16: 1}),
        lambda number: merge_pieces(60, START, limit=5),
        lambda number: merge_pieces(60, START, limit=5),
    ]
    threads = [threading.Thread(target=work, args=(act,)) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    expected = Counter({number << 16: 1 for number in [*range(20), *range(100, 110)]})
    expected[99 << 16] = 30
    assert seen() == {(60, START): expected}
    assert MetricPiece.objects.count() < 30


def patiently(act: Callable[[], object]) -> None:
    """A test database in memory refuses at once what one in a file waits for."""
    for _ in range(500):
        try:
            act()
        except OperationalError:
            time.sleep(0.01)
        else:
            return
    raise TimeoutError


@database
def test_a_full_bucket_is_joined_while_it_is_still_written() -> None:
    clock = Clock()
    keeper = PieceKeeper(many=4, quiet=20, clock=clock)
    assert keeper.step() is False
    for _ in range(5):
        add({1 << 16: 1})

    keeper.step()

    assert MetricPiece.objects.count() == 2
    assert keeper.step() is False


@database
def test_a_bucket_left_alone_is_joined_wholly() -> None:
    clock = Clock()
    keeper = PieceKeeper(many=16, quiet=20, clock=clock)
    keeper.step()
    for bucket_ms in (START, START, START + 1000, START + 2000, START + 2000):
        add({1 << 16: 1}, bucket_ms=bucket_ms, resolution=1)
    assert keeper.step() is False
    assert MetricPiece.objects.count() == 5

    clock.now += 21
    steps = 1
    while keeper.step():
        steps += 1

    assert steps == 2
    assert MetricPiece.objects.count() == 3


@database
def test_what_an_earlier_process_left_is_swept_up() -> None:
    for _ in range(3):
        add({1 << 16: 1})

    assert PieceKeeper(clock=Clock()).step() is False

    assert MetricPiece.objects.count() == 1


@database
def test_more_pieces_than_are_joined_at_once_take_more_steps() -> None:
    for _ in range(MOST_AT_ONCE + 10):
        add({1 << 16: 1})
    keeper = PieceKeeper(clock=Clock())

    assert keeper.step() is True
    assert keeper.step() is False

    assert seen() == {(60, START): Counter({1 << 16: MOST_AT_ONCE + 10})}
    assert MetricPiece.objects.count() == 1


@database
def test_a_quiet_table_costs_one_look(django_assert_num_queries: object) -> None:
    keeper = PieceKeeper(clock=Clock())
    keeper.step()

    with django_assert_num_queries(1, using="events"):  # type: ignore[operator]
        keeper.step()


actions = st.lists(
    st.tuples(st.just("add"), st.integers(0, 3), st.integers(0, 5))
    | st.tuples(st.just("step"), st.integers(0, 30), st.just(0)),
    max_size=40,
)


class AnyOrder(TestCase):
    databases: ClassVar = {"default", "events"}

    @settings(max_examples=40, deadline=None)
    @given(actions)
    def test_any_order_of_adding_and_joining_says_the_same(
        self, actions: list[tuple[str, int, int]]
    ) -> None:
        clock = Clock()
        keeper = PieceKeeper(many=3, quiet=20, clock=clock)
        expected: dict[tuple[int, int], Counter[int]] = {}
        for action, number, cell in actions:
            if action == "add":
                bucket = START + number * 60_000
                add({cell << 16: 1}, bucket_ms=bucket)
                expected.setdefault((60, bucket), Counter())[cell << 16] += 1
            else:
                clock.now += number
                keeper.step()

        assert seen() == expected
