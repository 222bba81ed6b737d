from __future__ import annotations

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dashboard.explore.entities.history import Seen, arrange
from dashboard.explore.entities.page import MOST_TICKS, draw_ticks, moment_query, window_of

RELAXED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A busy machine is no failure."""


@RELAXED
@given(
    st.integers(1, 400), st.integers(0, 400), st.none() | st.integers(0, 500), st.integers(1, 60)
)
def test_window_is_full_holds_the_chosen_step_and_its_neighbours_join_it(
    steps: int, chosen: int, first: int | None, size: int
) -> None:
    chosen = min(chosen, steps)

    window = window_of(steps, chosen, first, size=size)

    assert 1 <= window.first <= window.last <= steps
    assert window.last - window.first + 1 == min(size, steps)
    if first is None and chosen:
        assert window.first <= chosen <= window.last
    assert (window.newer is None) == (window.last == steps)
    assert (window.older is None) == (window.first == 1)
    if window.newer:
        assert window_of(steps, chosen, window.newer, size=size).last > window.last
    if window.older:
        assert window_of(steps, chosen, window.older, size=size).last >= window.first - 1


def test_step_is_named_by_its_moment_unless_several_share_it() -> None:
    places = arrange([Seen("a", 1000), Seen("b", 1000), Seen("c", 2000)], versioned=False).places
    assert [moment_query(places, step) for step in range(4)] == [
        "step=0",
        "step=1",
        "at=1970-01-01T00%3A00%3A01.000Z",
        "at=1970-01-01T00%3A00%3A02.000Z",
    ]


@RELAXED
@given(st.lists(st.tuples(st.integers(0, 10**6), st.sampled_from(["", "warn", "bad"])), min_size=1))
def test_ticks_are_few_within_the_strip_and_tell_the_worst(told: list[tuple[int, str]]) -> None:
    told.sort()
    places = arrange([Seen(str(at), ms) for at, (ms, _) in enumerate(told)], versioned=False).places

    ticks = draw_ticks(places, [tone for _, tone in told], len(told))

    assert 1 <= len(ticks) <= min(MOST_TICKS + 1, len(told))
    assert all(0 <= tick.x <= 100 and tick.passed for tick in ticks)
    tones = {tone for _, tone in told}
    assert ("bad" in {tick.tone for tick in ticks}) == ("bad" in tones)
