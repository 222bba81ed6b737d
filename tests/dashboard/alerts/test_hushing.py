"""What hushes what, and when: tables, and weekly windows against a plain recount."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.alerts.hushing import (
    Hush,
    Hushable,
    Inhibition,
    decide_hushes,
    matches_everything,
    next_start_ms,
    span_at,
)
from dashboard.alerts.inhibiting import BUILT_IN, inhibitions_of
from dashboard.inhibit_options import InhibitOptions
from dashboard.matchers import read_matcher
from dashboard.options import AlertOptions, DashboardOptions

NOW = 1_800_000_000_000
HOUR = 3_600_000


def hush(
    *sentences: str, name: str = "silence 1", starts: int = NOW, ends: int = NOW + HOUR
) -> Hush:
    return Hush(name, tuple(map(read_matcher, sentences)), starts, ends)


def alert(id: int, tells: bool = True, **labels: str) -> Hushable:
    return Hushable(id, labels, tells)


@pytest.mark.parametrize(
    ("sentences", "hushed"),
    [
        (["consumer = payment"], True),
        (["consumer = pay*"], True),
        (["consumer =~ payment|inventory"], True),
        (["consumer != inventory", "rule = error-rate"], True),
        (["consumer = payment", "rule = latency-p95"], False),
        (["consumer = inventory"], False),
        (["topic = orders"], False),
        (["topic != orders"], True),
    ],
)
def test_a_silence_hushes_what_all_its_matchers_fit(sentences: list[str], hushed: bool) -> None:
    alerts = [alert(1, consumer="payment", rule="error-rate")]
    decided = decide_hushes(alerts, [hush(*sentences)], (), NOW)
    assert decided == ({1: "silence 1"} if hushed else {})


@pytest.mark.parametrize(
    ("at", "hushed"), [(-1, False), (0, True), (HOUR - 1, True), (HOUR, False)]
)
def test_a_silence_lasts_from_its_begin_until_before_its_end(at: int, hushed: bool) -> None:
    decided = decide_hushes([alert(1, rule="x")], [hush("rule = x")], (), NOW + at)
    assert bool(decided) == hushed


def test_pending_ones_are_hushed_too_so_that_they_fire_in_silence() -> None:
    assert decide_hushes([alert(1, tells=False, rule="x")], [hush("rule = x")], (), NOW) == {
        1: "silence 1"
    }


@pytest.mark.parametrize(
    ("alerts", "hushed"),
    [
        ([("source", True, {"rule": "down", "service": "a"}), ("target", True, {"rule": "slow", "service": "a"})], ["target"]),
        ([("source", True, {"rule": "down", "service": "b"}), ("target", True, {"rule": "slow", "service": "a"})], []),
        ([("source", False, {"rule": "down", "service": "a"}), ("target", True, {"rule": "slow", "service": "a"})], []),
        ([("source", True, {"rule": "down"}), ("target", True, {"rule": "slow"})], ["target"]),
        ([("target", True, {"rule": "slow", "service": "a"})], []),
        ([("one", True, {"rule": "down"}), ("two", True, {"rule": "down"})], []),
    ],
)  # fmt: skip
def test_an_alert_is_inhibited_by_a_source_that_fires_with_equal_labels(
    alerts: list[tuple[str, bool, dict[str, str]]], hushed: list[str]
) -> None:
    rule = Inhibition.read("down", ["rule = down"], ["rule =~ down|slow"], ["service"])
    names = {number: name for number, (name, _, _) in enumerate(alerts)}
    given_alerts = [Hushable(n, labels, tells) for n, (_, tells, labels) in enumerate(alerts)]
    decided = decide_hushes(given_alerts, (), [rule], NOW)
    assert [names[id] for id in decided] == hushed
    assert set(decided.values()) <= {"inhibited by down"}


def test_a_silence_is_named_before_an_inhibition_and_the_first_of_two_before_the_second() -> None:
    rule = Inhibition.read("down", ["rule = down"], ["rule = slow"])
    alerts = [alert(1, rule="down"), alert(2, rule="slow")]
    silences = [hush("rule = slow", name="silence 4"), hush("rule = slow", name="maintenance 2")]
    assert decide_hushes(alerts, silences, [rule], NOW) == {2: "silence 4"}


def test_a_hushed_source_still_hushes() -> None:
    rule = Inhibition.read("down", ["rule = down"], ["rule = slow"])
    decided = decide_hushes(
        [alert(1, rule="down"), alert(2, rule="slow")], [hush("rule = down")], [rule], NOW
    )
    assert decided == {1: "silence 1", 2: "inhibited by down"}


@pytest.mark.parametrize(
    ("source", "target", "by"),
    [
        ({"rule": "ingest-stalled"}, {"rule": "error-rate", "consumer": "payment"}, "ingest-stalled"),
        ({"rule": "ingest-stalled"}, {"rule": "ingest-lag"}, "ingest-stalled"),
        ({"rule": "ingest-stalled"}, {"rule": "consumer-backlog", "consumer": "payment"}, ""),
        ({"rule": "ingest-stalled"}, {"rule": "breaker-open", "breaker": "provider"}, ""),
        ({"rule": "component-unhealthy", "component": "message-broker"}, {"rule": "consumer-backlog", "consumer": "payment"}, "broker-down"),
        ({"rule": "component-unhealthy", "component": "database"}, {"rule": "consumer-backlog", "consumer": "payment"}, ""),
        ({"rule": "latency-p99", "consumer": "a"}, {"rule": "latency-p95", "consumer": "a"}, "latency-p99"),
        ({"rule": "latency-p99", "consumer": "a"}, {"rule": "latency-p95", "consumer": "b"}, ""),
    ],
)  # fmt: skip
def test_built_in_inhibitions(source: dict[str, str], target: dict[str, str], by: str) -> None:
    decided = decide_hushes(
        [Hushable(1, source, True), Hushable(2, target, True)], (), BUILT_IN, NOW
    )
    assert decided == ({2: f"inhibited by {by}"} if by else {})


def test_a_configured_inhibition_of_the_same_name_takes_the_built_ins_place() -> None:
    own = InhibitOptions(name="latency-p99", source=("rule = never",), target=("rule = ever",))
    found = inhibitions_of(DashboardOptions(alerts=AlertOptions(inhibit=(own,))))
    assert [each.name for each in found] == [
        "ingest-stalled", "ingest-stalled", "broker-down", "latency-p99",
    ]  # fmt: skip
    assert [str(matcher) for matcher in found[-1].source] == ["rule = never"]


@pytest.mark.parametrize(
    ("sentences", "everything"),
    [
        ([], True),
        (["rule != x"], True),
        (["rule =~ .*"], True),
        (["rule = *"], True),
        (["rule = x"], False),
        (["rule != "], False),
    ],
)
def test_what_fits_even_an_alert_without_labels_fits_everything(
    sentences: list[str], everything: bool
) -> None:
    assert matches_everything(map(read_matcher, sentences)) == everything


ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu")


@st.composite
def windows(draw: st.DrawFn) -> Hush:
    """By the clocks of a zone, of up to six days, that begin outside the hour which a change of clocks skips."""
    zone = draw(st.sampled_from(ZONES))
    day = draw(st.datetimes(datetime(2025, 1, 1), datetime(2026, 12, 31))).replace(  # noqa: DTZ001
        hour=draw(st.integers(5, 22)), minute=0, second=0, microsecond=0
    )
    length = timedelta(hours=draw(st.integers(1, 6 * 24)))
    first = day.replace(tzinfo=ZoneInfo(zone))
    last = (day + length).replace(tzinfo=ZoneInfo(zone))
    starts, ends = (round(moment.timestamp() * 1000) for moment in (first, last))
    return Hush("maintenance 1", (), starts, ends, weekly=True, zone=zone)


def recount(window: Hush, weeks: int) -> list[tuple[int, int]]:
    """Every week's span, by adding days to what the clocks showed the first time."""
    zone = ZoneInfo(window.zone)

    def shown(at_ms: int) -> datetime:
        return datetime.fromtimestamp(at_ms / 1000, UTC).astimezone(zone).replace(tzinfo=None)

    def ms(wall: datetime) -> int:
        return round(wall.replace(tzinfo=zone).timestamp() * 1000)

    first, last = shown(window.starts_ms), shown(window.ends_ms)
    return [
        (ms(first + timedelta(days=7 * n)), ms(last + timedelta(days=7 * n))) for n in range(weeks)
    ]


@given(windows(), st.integers(-7 * 24 * 60, 80 * 7 * 24 * 60))
def test_a_weekly_window_lasts_at_the_same_times_of_day_each_week(
    window: Hush, minutes: int
) -> None:
    at = window.starts_ms + minutes * 60_000
    spans = recount(window, 83)
    containing = [span for span in spans if span[0] <= at < span[1]]
    assert span_at(window, at) == (containing[0] if containing else None)
    following = [begin for begin, _ in spans if begin > at]
    assert next_start_ms(window, at) == following[0]


def test_a_window_of_once_does_not_come_back() -> None:
    once = hush("rule = x")
    assert next_start_ms(once, NOW - 1) == NOW
    assert next_start_ms(once, NOW) is None
