"""The map of a flow: nothing over anything else, everything inside, every common step drawn once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from dashboard.explore.flowmap import NODE_HEIGHT, NODE_WIDTH, RARE_SHARE, lay_out_flow
from ingest.queries.flows import Flow, FlowStep

ALL = 1000


def step(parent: str, type: str, correlations: int = ALL, *, occurrences: int = 0) -> FlowStep:
    share = correlations / ALL
    return FlowStep(
        parent,
        type,
        ("shop",),
        correlations,
        ALL,
        occurrences or correlations,
        share,
        5,
        9,
        12,
        1,
        2,
    )


def flow(*edges: tuple[str, str, int]) -> Flow:
    """Begins with A; each edge is cause, type and in how many of a thousand flows."""
    types: dict[str, int] = {}
    for _, type, count in edges:
        types[type] = max(count, types.get(type, 0))
    return Flow(
        "A",
        step("", ""),
        tuple(step("", type, count) for type, count in types.items()),
        tuple(step(*edge) for edge in edges),
    )


def test_types_stand_behind_what_they_follow() -> None:
    drawn = lay_out_flow(flow(("A", "B", ALL), ("B", "C", 900), ("A", "C", 50), ("A", "D", 500)))

    columns: dict[int, list[str]] = {}
    for node in drawn.nodes:
        columns.setdefault(node.x, []).append(node.type)
    assert [sorted(columns[x]) for x in sorted(columns)] == [["A"], ["B", "D"], ["C"]]
    assert {(edge.step.parent, edge.step.type, edge.back) for edge in drawn.edges} == {
        ("A", "B", False),
        ("B", "C", False),
        ("A", "C", False),
        ("A", "D", False),
    }
    thickness = {edge.step.type: edge.width for edge in drawn.edges if edge.step.parent == "A"}
    assert thickness["B"] > thickness["D"] > thickness["C"]


def test_rare_steps_and_what_only_they_lead_to_are_folded() -> None:
    rare = round(RARE_SHARE * ALL) - 1
    whole = flow(("A", "B", ALL), ("A", "R", rare), ("R", "S", rare))

    drawn, every = lay_out_flow(whole), lay_out_flow(whole, rare=True)

    assert [node.type for node in drawn.nodes] == ["A", "B"]
    assert [edge.type for edge in drawn.folded] == ["R", "S"]
    assert sorted(node.type for node in every.nodes) == ["A", "B", "R", "S"]
    assert every.folded == []


def test_step_that_leads_back_bends_below() -> None:
    drawn = lay_out_flow(flow(("A", "B", ALL), ("B", "C", 900), ("C", "B", 300), ("C", "C", 100)))
    assert [(edge.step.parent, edge.step.type) for edge in drawn.edges if edge.back] == [("C", "B")]
    assert {node.type: node.repeats for node in drawn.nodes} == {"A": False, "B": False, "C": True}


def test_start_alone_is_a_map_of_one_box() -> None:
    drawn = lay_out_flow(flow())
    assert [(node.type, node.share) for node in drawn.nodes] == [("A", 1.0)]
    assert drawn.edges == []


names = st.sampled_from("ABCDEFGH")
edges = st.lists(
    st.tuples(names, names, st.integers(1, ALL)), max_size=25, unique_by=lambda e: e[:2]
)


@given(edges, st.booleans())
def test_whatever_is_drawn_is_inside_and_apart(
    some: list[tuple[str, str, int]], rare: bool
) -> None:
    whole = flow(*some)
    drawn = lay_out_flow(whole, rare=rare)

    types = [node.type for node in drawn.nodes]
    assert len(types) == len(set(types))
    for node in drawn.nodes:
        assert 0 <= node.x <= drawn.width - NODE_WIDTH
        assert 0 <= node.y <= drawn.height - NODE_HEIGHT
    for one, other in ((a, b) for a in drawn.nodes for b in drawn.nodes if a is not b):
        assert one.x != other.x or abs(one.y - other.y) > NODE_HEIGHT
    shown = [edge.step for edge in drawn.edges]
    loops = [edge for edge in whole.edges if edge.parent == edge.type]
    assert len(shown) == len(set(shown))
    assert {*shown, *drawn.folded, *loops} == set(whole.edges)
    assert all({edge.parent, edge.type} <= set(types) for edge in shown)
    assert all(0 <= edge.label_x <= drawn.width for edge in drawn.edges)
    assert all(0 <= edge.label_y <= drawn.height for edge in drawn.edges)
