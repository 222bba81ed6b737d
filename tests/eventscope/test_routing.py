"""Types to topics."""

from __future__ import annotations

import pytest

from eventscope.routing import Router, matches

ROUTES = {"ORDER_*": "orders-topic", "PAYMENT_PROCESSED": "payments-topic", "*Notified": "notes"}


@pytest.mark.parametrize(
    ("event_type", "topic"),
    [
        ("ORDER_CREATED", "orders-topic"),
        ("PAYMENT_PROCESSED", "payments-topic"),
        ("CustomerNotified", "notes"),
        ("PAYMENT_FAILED", "events"),
        ("order_created", "events"),
    ],
)
def test_first_matching_route_wins_and_the_rest_goes_to_the_default(
    event_type: str, topic: str
) -> None:
    assert Router(ROUTES, "events").topic(event_type) == topic


@pytest.mark.parametrize(
    ("pattern", "topics"),
    [
        ("ORDER_CREATED", ("orders-topic",)),
        ("ORDER_*", ("orders-topic", "notes", "events")),
        ("PAYMENT_*", ("payments-topic", "notes", "events")),
        ("*", ("orders-topic", "payments-topic", "notes", "events")),
    ],
)
def test_pattern_is_read_from_every_topic_where_it_may_occur(
    pattern: str, topics: tuple[str, ...]
) -> None:
    assert Router(ROUTES, "events").topics(pattern) == topics


@pytest.mark.parametrize(
    ("pattern", "event_type", "result"),
    [("A_*", "A_B", True), ("A", "A", True), ("A", "AB", False), ("A_?", "A_BC", False)],
)
def test_patterns_match_whole_types(pattern: str, event_type: str, result: bool) -> None:
    assert matches(pattern, event_type) is result
