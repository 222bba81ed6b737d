"""How the events list is shown, beside what it selects: columns, density, live tail. Pure.

Both live in the same URL. What belongs here is taken out before the filters are read, so that the
filters' cursors and links to the API know nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlencode

from dashboard.explore.columns import DEFAULT, Column, parse_columns
from dashboard.explore.filters import EventQuery, FilterError

__all__ = ["PARAMETERS", "Presentation", "parse_presentation", "split_parameters"]

PARAMETERS = ("columns", "density", "tail")
_WORDS = {"density": ("normal", "compact"), "tail": ("on", "off")}

Parameters = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """``raw`` is what the URL says; a person's own default stands behind it."""

    columns: tuple[Column, ...]
    compact: bool = False
    tail: bool = False
    raw: tuple[tuple[str, str], ...] = ()

    @property
    def names(self) -> str:
        """The columns as the URL writes them."""
        return ",".join(column.name for column in self.columns)

    @property
    def usual(self) -> bool:
        return tuple(column.name for column in self.columns) == DEFAULT

    def state(self, query: EventQuery, **changes: str) -> str:
        """The query string of this list so shown, with ``changes``; "" takes a part away."""
        kept = dict(self.raw) | {name: changes.pop(name) for name in PARAMETERS if name in changes}
        shown = [(name, value) for name, value in kept.items() if value]
        return "&".join(part for part in (query.url(**changes), urlencode(shown)) if part)


def split_parameters(parameters: Parameters) -> tuple[dict[str, list[str]], dict[str, list[str]]]:
    """What selects, and what only shows."""
    selects: dict[str, list[str]] = {}
    shows: dict[str, list[str]] = {}
    for name, values in parameters.items():
        (shows if name in PARAMETERS else selects)[name] = list(values)
    return selects, shows


def parse_presentation(
    shows: Parameters, *, columns: str = "", density: str = "normal"
) -> Presentation:
    """How ``shows`` wants it; ``columns`` and ``density`` are the person's default.

    Raises `FilterError` naming the part that is not right.
    """
    given = {name: _only(name, values) for name, values in shows.items()}
    given = {name: value for name, value in given.items() if value}
    for name, words in _WORDS.items():
        if given.get(name, words[0]) not in words:
            raise FilterError(name, f"{given[name][:40]!r} is neither {' nor '.join(words)}")
    return Presentation(
        columns=parse_columns(given.get("columns", columns)),
        compact=given.get("density", density) == "compact",
        tail=given.get("tail") == "on",
        raw=tuple(given.items()),
    )


def _only(name: str, values: Sequence[str]) -> str:
    filled = [value for value in values if value.strip()]
    if len(filled) > 1:
        raise FilterError(name, "given more than once")
    return filled[0].strip() if filled else ""
