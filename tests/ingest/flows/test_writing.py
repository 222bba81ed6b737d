"""Counts within bounds: what does not fit is left out and told."""

from __future__ import annotations

import numpy as np
import pytest

from ingest.flows import writing
from ingest.flows.counting import Place, Tally
from ingest.flows.writing import add_tallies
from ingest.models import FlowCount

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def tally(correlations: int = 1, **sources: int) -> Tally:
    bins, counts = np.array([7]), np.array([correlations])
    return Tally(correlations, correlations, bins, counts, sources or {"shop": 1}, 10, 20, {})


def test_same_place_is_added_to() -> None:
    place = Place(1, "A", "A", "B")
    whole = Place(1, "A", "", "")
    for count in (2, 3):
        assert add_tallies({whole: tally(count), place: tally(count)}) == 0
    row = FlowCount.objects.get(parent="A")
    assert (row.correlations, row.occurrences, row.sources) == (5, 5, {"shop": 2})


def test_starts_and_steps_beyond_the_bounds_are_left_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_STARTS", 2)
    monkeypatch.setattr(writing, "MOST_STEPS", 3)
    wholes = {Place(1, start, "", ""): tally(9 - number) for number, start in enumerate("ABC")}
    steps = {Place(1, start, start, f"T{n}"): tally(n + 1) for start in "AC" for n in range(4)}

    assert add_tallies({**wholes, **steps}) == 1 + 2 + 4

    kept = FlowCount.objects.order_by("start", "-correlations").values_list("start", "type")
    assert list(kept) == [("A", ""), ("A", "T3"), ("A", "T2"), ("B", "")]
    assert add_tallies({Place(2, "C", "", ""): tally()}) == 0


def test_sources_beyond_the_bound_are_counted_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(writing, "MOST_NAMES", 2)
    place = Place(1, "A", "", "")
    add_tallies({place: tally(a=1, b=5, c=2)})
    add_tallies({place: tally(d=4, b=1)})
    assert FlowCount.objects.get().sources == {"b": 6, "c": 2, "__overflow__": 5}
