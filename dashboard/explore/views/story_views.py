"""What the three views of a story show: a page of lines, of arrows, or of boxes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from dashboard.explore import waterfall
from dashboard.explore.outline import Line, outline
from dashboard.explore.parts import FAILURES, Step
from dashboard.explore.reading import Told
from dashboard.explore.redrives import Redrive
from dashboard.explore.sequence import ARROWS_AT_ONCE, draw_sequence
from dashboard.explore.tree import draw_tree
from dashboard.explore.views.story_address import Address
from ingest.models import DeadLetter

__all__ = ["story_view"]

LINES_AT_ONCE = 200


@dataclass(frozen=True, slots=True)
class Entry:
    """A line with its links and what became of its event."""

    drawn: waterfall.Drawn
    outcome: str
    toggle: str
    select: str
    letters: Sequence[DeadLetter]
    redrives: Sequence[Redrive]


def story_view(told: Told, address: Address) -> dict[str, object]:
    """What the templates of the chosen view print."""
    if address.tab == "sequence":
        return _sequence(told, address)
    context = _lines(told, address)
    if address.tab == "tree":
        entries: list[Entry] = context["entries"]  # type: ignore[assignment]
        context["tree"] = draw_tree(entries, [entry.drawn.line.depth for entry in entries])
    return context


def _sequence(told: Told, address: Address) -> dict[str, object]:
    only = None
    if address.view.filters:
        lines = outline(told.story, told.outcomes, replace(address.view, show="all"))
        only = {line.event_id for line in lines if isinstance(line.row, Step) and not line.context}
    diagram = draw_sequence(told.story, first=address.first, wanted=address.view.wanted, only=only)
    pages = address.pages(diagram.first, diagram.total, ARROWS_AT_ONCE)
    return {"diagram": diagram, **pages}


def _lines(told: Told, address: Address) -> dict[str, object]:
    lines = outline(told.story, told.outcomes, address.view)
    first = _first_line(lines, address)
    failed = {name for name, outcome in told.outcomes.items() if outcome in FAILURES}
    shown = waterfall.draw(told.story, lines[first : first + LINES_AT_ONCE], failed)
    return {
        "entries": [_entry(told, address, drawn) for drawn in shown],
        "first": first,
        "lines": len(lines),
        "from_start": address.changed(first="0", event=""),
        **address.pages(first, len(lines), LINES_AT_ONCE),
    }


def _entry(told: Told, address: Address, drawn: waterfall.Drawn) -> Entry:
    line = drawn.line
    name = line.event_id if drawn.step else ""
    return Entry(
        drawn=drawn,
        outcome=told.outcomes.get(name, ""),
        toggle="" if line.state == "leaf" else address.toggled(line, fold=bool(drawn.fold)),
        select=address.changed(event=name) if name else "",
        letters=told.dead_letters.get(name, ()),
        redrives=told.redrives.get(name, ()),
    )


def _first_line(lines: list[Line], address: Address) -> int:
    """The line to begin with: as asked, else of the window that holds the wanted event."""
    if address.first >= 0:
        return address.first
    for number, line in enumerate(lines):
        if address.view.wanted and line.event_id == address.view.wanted:
            return number - number % LINES_AT_ONCE
    return 0
