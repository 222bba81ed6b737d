"""Facets with the links that narrow a list to a value or leave it out. Pure."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from dashboard.explore.facets import Facet, Facets
from dashboard.explore.filters import EventQuery

__all__ = ["FacetGroup", "FacetLink", "asked_name", "narrow_facets"]

_GROUPS = (
    ("type", "Type", "types"),
    ("outcome", "Outcome", "outcomes"),
    ("source", "Source", "sources"),
    ("topic", "Topic", "topics"),
    ("consumer", "Consumer", "consumers"),
)

Url = Callable[..., str]


@dataclass(frozen=True, slots=True)
class FacetLink:
    """``share`` of the group's most frequent value, from 0 to 1; ``chosen``: it is asked for by name."""

    name: str
    count: int
    share: float
    chosen: bool
    with_url: str
    without_url: str


class FacetGroup(NamedTuple):
    parameter: str
    title: str
    facets: list[FacetLink]


def narrow_facets(facets: Facets, query: EventQuery, url: Url) -> list[FacetGroup]:
    """Each kind of value that occurs; ``url`` makes the list's address with one filter changed."""
    groups = []
    for parameter, title, kind in _GROUPS:
        found: list[Facet] = getattr(facets, kind)
        asked: tuple[str, ...] = getattr(query, kind)
        if found:
            most = found[0].count
            links = [_link(one, most, parameter, asked, url) for one in found]
            groups.append(FacetGroup(parameter, title, links))
    return groups


def asked_name(name: str) -> str:
    """``name`` as a filter takes it: a comma would part it and a first ``!`` leave it out."""
    return f"{'?' if name.startswith('!') else name[:1]}{name[1:]}".replace(",", "?")


def _link(facet: Facet, most: int, parameter: str, asked: tuple[str, ...], url: Url) -> FacetLink:
    name = asked_name(facet.name)
    chosen = name in asked
    without = [one for one in asked if one not in (name, f"!{name}")]
    kept = [one for one in without if chosen or one.startswith("!")]
    wanted = kept if chosen else [*kept, name]
    return FacetLink(
        name=facet.name,
        count=facet.count,
        share=facet.count / most,
        chosen=chosen,
        with_url=url(**{parameter: ",".join(wanted), "cursor": ""}),
        without_url=url(**{parameter: ",".join([*without, f"!{name}"]), "cursor": ""}),
    )
