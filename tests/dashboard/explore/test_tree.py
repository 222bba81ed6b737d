from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from dashboard.explore.tree import BOX_HEIGHT, BOX_WIDTH, Tree, draw_tree


def drawn(depths: list[int]) -> Tree[int]:
    return draw_tree(list(range(len(depths))), depths)


def test_cause_stands_at_the_middle_of_its_effects() -> None:
    tree = drawn([0, 1, 2, 1])
    ys = [box.y for box in tree.boxes]

    assert [box.parent for box in tree.boxes] == [None, 0, 1, 0]
    assert ys[0] == (ys[1] + ys[3]) / 2
    assert ys[1] == ys[2]
    assert [(link.cause, link.effect) for link in tree.links] == [(0, 1), (1, 2), (0, 3)]


def test_page_that_begins_in_the_middle_begins_at_the_left() -> None:
    tree = drawn([5, 4, 5])

    assert [box.parent for box in tree.boxes] == [None, None, 1]
    assert tree.boxes[1].x < tree.boxes[0].x == tree.boxes[2].x
    assert tree.boxes[1].x == drawn([0]).boxes[0].x


def test_nothing_is_an_empty_tree() -> None:
    assert drawn([]).boxes == []


@st.composite
def depths(draw: st.DrawFn) -> list[int]:
    """As an outline has them: at most one deeper than the line before."""
    found = [draw(st.integers(0, 3))]
    for _ in range(draw(st.integers(0, 60))):
        found.append(draw(st.integers(0, found[-1] + 1)))
    return found


@given(depths=depths())
def test_boxes_never_overlap_and_lie_inside_and_links_lead_to_the_right(depths: list[int]) -> None:
    tree = drawn(depths)
    columns: dict[int, list[float]] = {}

    for box in tree.boxes:
        columns.setdefault(box.x, []).append(box.y)
        assert 0 <= box.x <= tree.width - BOX_WIDTH
        assert 0 <= box.y <= tree.height - BOX_HEIGHT
    for ys in columns.values():
        assert all(after - before >= BOX_HEIGHT for before, after in itertools.pairwise(ys))
    assert all(tree.boxes[link.cause].x < tree.boxes[link.effect].x for link in tree.links)
    assert len(tree.links) == sum(box.parent is not None for box in tree.boxes)
