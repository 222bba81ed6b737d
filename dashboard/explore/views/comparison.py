"""Two correlations side by side."""

from __future__ import annotations

from dataclasses import dataclass

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.http import urlencode

from dashboard.explore.comparing import Comparison, Pair, compare
from dashboard.explore.parts import Step, Story
from dashboard.explore.reading import Told, read_story
from dashboard.explore.typical import find_typical
from dashboard.explore.views.story_address import Address

__all__ = ["TYPICAL", "comparison_page"]

PAIRS_AT_ONCE = 200
TYPICAL = "typical"
DEEPEST = 12
DIGITS = 4


@dataclass(frozen=True, slots=True)
class Side:
    """A step as a bar: percents of the longer story, from the event until its last handling's end."""

    step: Step
    outcome: str
    x: float
    width: float
    at_ms: int


@dataclass(frozen=True, slots=True)
class Compared:
    pair: Pair
    indent: int
    here: Side | None
    there: Side | None

    @property
    def step(self) -> Step | None:
        return self.pair.here or self.pair.there

    @property
    def faster_ms(self) -> int:
        return -self.pair.slower_ms


def comparison_page(
    request: HttpRequest, told: Told, address: Address, correlation_id: str
) -> HttpResponse:
    """``with=typical`` looks for a story to compare with and leads on to it."""
    other_id = address.other
    if other_id == TYPICAL:
        other_id = find_typical(told.story)
        if other_id:
            url = reverse("explore:correlation", args=[correlation_id])
            return redirect(f"{url}?{urlencode({'with': other_id})}")
    other = read_story(other_id) if other_id else None
    context = {
        "told": told,
        "story": told.story,
        "correlation_id": correlation_id,
        "other_id": other_id,
    }
    if other is None:
        return render(request, "explore/compare_none.html", context, status=404)
    compared = compare(told.story, other.story, told.outcomes, other.outcomes)
    first = max(0, address.first)
    context |= {
        "other": other,
        "compared": compared,
        "pairs": _drawn(compared, told, other, first),
        "first": first,
        **address.pages(first, len(compared.pairs), PAIRS_AT_ONCE),
        "slower_ms": told.story.duration_ms - other.story.duration_ms,
    }
    return render(request, "explore/compare.html", context)


def _drawn(compared: Comparison, told: Told, other: Told, first: int) -> list[Compared]:
    whole = compared.duration_ms
    return [
        Compared(
            pair=pair,
            indent=min(pair.depth, DEEPEST),
            here=_side(pair.here, told.story, told.outcomes, whole),
            there=_side(pair.there, other.story, other.outcomes, whole),
        )
        for pair in compared.pairs[first : first + PAIRS_AT_ONCE]
    ]


def _side(step: Step | None, story: Story, outcomes: dict[str, str], whole_ms: int) -> Side | None:
    if step is None:
        return None
    at, end = step.at_ms - story.started_ms, step.end_ms - story.started_ms
    share = 100 / whole_ms if whole_ms else 0.0
    return Side(
        step=step,
        outcome=outcomes.get(step.event_id, ""),
        x=round(at * share, DIGITS),
        width=round(max(0.05, (end - at) * share), DIGITS),
        at_ms=at,
    )
