from __future__ import annotations

from typing import Any

import pytest

from dashboard.explore.facets import Facet, Facets
from dashboard.explore.filters import parse_event_query
from dashboard.explore.narrowing import FacetLink, asked_name, narrow_facets


def told(**some: list[Facet]) -> Facets:
    none: dict[str, Any] = {
        key: [] for key in ("types", "sources", "topics", "consumers", "outcomes")
    }
    return Facets(**{**none, **some}, exact=True, basis="counts")


def link(asked: str, facet: str = "B") -> FacetLink:
    """The facet's link where ``type=asked`` is asked for."""
    query = parse_event_query({"type": [asked]}, now_ms=10**12)
    facets = told(types=[Facet("A", 10), Facet(facet, 5)])
    [group] = narrow_facets(facets, query, lambda **changes: changes["type"])
    return group.facets[1]


@pytest.mark.parametrize(
    ("asked", "with_it", "without_it"),
    [
        ("", "B", "!B"),
        ("A", "B", "A,!B"),
        ("B", "", "!B"),
        ("A,B", "A", "A,!B"),
        ("!A", "!A,B", "!A,!B"),
        ("!B", "B", "!B"),
    ],
)
def test_facet_narrows_to_its_value_or_leaves_it_out(
    asked: str, with_it: str, without_it: str
) -> None:
    found = link(asked)
    assert (found.with_url, found.without_url) == (with_it, without_it)


def test_groups_that_do_not_occur_are_left_out_and_shares_are_of_the_most_frequent() -> None:
    query = parse_event_query({}, now_ms=10**12)
    facets = told(outcomes=[Facet("delivered", 8), Facet("failed", 2)])
    [group] = narrow_facets(facets, query, lambda **changes: "")
    assert (group.parameter, [one.share for one in group.facets]) == ("outcome", [1.0, 0.25])


@pytest.mark.parametrize(
    ("name", "asked"), [("a,b", "a?b"), ("!a", "?a"), ("a!", "a!"), ("", ""), ("a*", "a*")]
)
def test_name_is_written_so_that_the_filter_takes_it_whole(name: str, asked: str) -> None:
    assert asked_name(name) == asked
