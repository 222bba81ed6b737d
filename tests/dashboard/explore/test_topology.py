from __future__ import annotations

from dashboard.explore.topology import Load, lay_out
from ingest.models import Series


def series(type: str, source: str, topic: str, consumer: str = "") -> Series:
    return Series(type=type, source=source, topic=topic, consumer=consumer)


def test_flows_lead_from_sources_over_topics_to_consumers() -> None:
    graph = lay_out(
        [
            series("A", "shop", "orders"),
            series("B", "shop", "orders"),
            series("A", "", "orders", "stock"),
            series("HealthCheck", "shop", "system-events"),
        ],
        {("consumer", "stock"): Load(2.5, 0.1)},
    )

    assert [(node.kind, node.name) for node in graph.nodes] == [
        ("source", "shop"),
        ("topic", "orders"),
        ("consumer", "stock"),
    ]
    assert [(edge.start, edge.end, edge.types) for edge in graph.edges] == [
        ("shop", "orders", ("A", "B")),
        ("orders", "stock", ("A",)),
    ]
    assert graph.nodes[2].load == Load(2.5, 0.1)


def test_a_topic_and_a_service_of_one_name_are_two_nodes() -> None:
    graph = lay_out([series("A", "orders", "orders")], {})
    assert len({(node.x, node.y) for node in graph.nodes}) == len(graph.nodes) == 2


def test_nodes_never_overlap_and_lie_inside() -> None:
    graph = lay_out([series("A", f"s{n}", f"t{n % 3}") for n in range(20)], {})
    places = [(node.x, node.y) for node in graph.nodes]

    assert len(set(places)) == len(places)
    assert all(0 <= node.y <= graph.height - 40 for node in graph.nodes)


def test_nothing_seen_is_an_empty_graph() -> None:
    assert lay_out([], {}).edges == []
