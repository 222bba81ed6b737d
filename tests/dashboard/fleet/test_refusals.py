"""When a breaker refused, and whether it flaps: pure."""

from __future__ import annotations

import pytest

from dashboard.fleet.refusals import (
    Refusal,
    cut_short,
    is_flapping,
    merged_refusals,
    refusals_of,
    with_rejected,
)
from ingest.models import BreakerTransition

STATES = {
    "c": "closed",
    "o": "open",
    "h": "half_open",
    "f": "forced_open",
    "d": "disabled",
    "?": "",
}


def changes(words: str) -> list[BreakerTransition]:
    """``"10co 20oh"``: at 10 from closed to open, at 20 from open to half open."""
    return [
        BreakerTransition(
            at_ms=int(word[:-2]),
            from_state=STATES[word[-2]],
            to_state=STATES[word[-1]],
            reason=f"at {word[:-2]}",
        )
        for word in words.split()
    ]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("", []),
        ("10co 20oh 25hc", [Refusal(10, 25, "at 10", probes=1)]),
        ("10co 20oh 25ho 30oh 35hc", [Refusal(10, 35, "at 10", probes=2, reopened=1)]),
        ("10co", [Refusal(10, None, "at 10")]),
        ("20oh 25hc 40cf", [Refusal(20, 25, "at 20", probes=1), Refusal(40, None, "at 40")]),
        ("10cf 20fd", [Refusal(10, 20, "at 10")]),
        ("25hc 10co 20oh", [Refusal(10, 25, "at 10", probes=1)]),
        ("10cd 20dc", []),
        ("10?o 20oc", [Refusal(10, 20, "at 10")]),
    ],
)
def test_refusals_go_from_opening_until_calls_pass_again(
    words: str, expected: list[Refusal]
) -> None:
    assert refusals_of(changes(words)) == expected


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ([], [None, None]),
        ([(10, 7), (15, 3), (20, 2), (25, 1)], [5, 0]),
        ([(45, 4), (30, 9)], [0, 4]),
    ],
)
def test_calls_refused_belong_to_the_time_in_which_it_was_open(
    told: list[tuple[int, int]], expected: list[int | None]
) -> None:
    refusals = [Refusal(10, 20, ""), Refusal(40, None, "")]
    found = with_rejected(refusals, told, now_ms=50)
    assert [one.rejected for one in found] == expected


def test_stretches_of_instances_are_joined() -> None:
    refusals = [
        Refusal(30, 40, ""),
        Refusal(10, 20, ""),
        Refusal(15, 25, ""),
        Refusal(90, None, ""),
    ]

    assert merged_refusals(refusals, now_ms=100) == [(10, 25), (30, 40), (90, 100)]


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("10co 20oh 25hc 30co 40oh 45hc 50co", True),
        ("10co 20oh 25ho 30oh 35ho 40oh 45ho", False),
        ("10co 15oc 50co", False),
        ("1co 2oc 30co 35oc 50co", False),
        ("10?o 12oc 14co 16oc 18cf", True),
    ],
)
def test_flapping_is_opening_anew_and_not_a_probe_that_fails(words: str, expected: bool) -> None:
    found = is_flapping(changes(words), now_ms=60, times=3, window_ms=50)

    assert found is expected


def test_a_refusal_ends_with_the_process_that_refused() -> None:
    before, last = Refusal(10, 25, "at 10"), Refusal(40, None, "at 40")
    assert cut_short([before, last], []) == [before, last]
    assert cut_short([before, last], [(60, 99)]) == [before, Refusal(40, 60, "at 40", cut=True)]
    assert cut_short([before, last], [(5, 8), (20, 30), (70, 80)]) == [
        Refusal(10, 20, "at 10", cut=True),
        Refusal(40, 70, "at 40", cut=True),
    ]
