from __future__ import annotations

import pytest

from dashboard.explore.filters import FilterError, parse_event_query
from dashboard.explore.presentation import parse_presentation, split_parameters


def test_what_shows_is_told_apart_from_what_selects() -> None:
    asked = {"type": ["A"], "columns": ["time"], "tail": ["on"], "nope": [""]}
    assert split_parameters(asked) == (
        {"type": ["A"], "nope": [""]},
        {"columns": ["time"], "tail": ["on"]},
    )


def test_own_default_stands_behind_the_address() -> None:
    asked = parse_presentation({"density": ["compact"]}, columns="time,type", density="normal")
    assert (asked.names, asked.compact, asked.tail) == ("time,type", True, False)


def test_state_is_the_filters_and_the_look_with_parts_changed() -> None:
    query = parse_event_query({"type": ["A"], "range": ["1h"]}, now_ms=10**12)
    shown = parse_presentation({"columns": ["time"], "tail": ["on"]})
    assert shown.state(query) == "type=A&range=1h&columns=time&tail=on"
    assert shown.state(query, tail="", range="6h") == "type=A&range=6h&columns=time"
    assert parse_presentation({}).state(query) == "type=A&range=1h"


@pytest.mark.parametrize(
    ("shows", "message"),
    [
        ({"density": ["dense"]}, "density: 'dense' is neither normal nor compact"),
        ({"tail": ["maybe"]}, "tail: 'maybe' is neither on nor off"),
        ({"tail": ["on", "off"]}, "tail: given more than once"),
        ({"columns": ["<b>"]}, "columns: '<b>' is none of"),
    ],
)
def test_wrong_look_is_refused_naming_its_place(shows: dict[str, list[str]], message: str) -> None:
    with pytest.raises(FilterError) as refused:
        parse_presentation(shows)
    assert str(refused.value).startswith(message)
