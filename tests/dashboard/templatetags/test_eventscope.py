"""Filters and tags: numbers for the eye, and nothing that is markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.templatetags.eventscope import (
    badge,
    compact,
    id_chip,
    json_view,
    middle,
    ms,
    percent,
    spark,
    when,
)

EVIL = '"><script>alert(1)</script>'


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0, "0"), (7, "7"), (999, "999"), (1234, "1,234"), (12_345, "12.3k"), (1_500_000, "1.5M"),
        (2e9, "2G"), (3.14159, "3.14"), (0.167, "0.167"), (None, "—"), ("x", "—"), (float("nan"), "—"),
    ],
)  # fmt: skip
def test_a_count(value: object, shown: str) -> None:
    assert compact(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (0.84, "0.84 ms"), (45.2, "45 ms"), (1234, "1.2 s"), (60_000, "1 m"), (184_000, "3 m 4 s"),
        (7_500_000, "2 h 5 m"), (3 * 86_400_000, "3 d"), (-45, "−45 ms"), (None, "—"),
    ],
)  # fmt: skip
def test_a_duration(value: object, shown: str) -> None:
    assert ms(value) == shown


@pytest.mark.parametrize(
    ("value", "shown"),
    [(0, "0%"), (0.0012, "0.12%"), (0.0346, "3.46%"), (0.5, "50.0%"), (None, "—")],
)
def test_a_share(value: object, shown: str) -> None:
    assert percent(value) == shown


def test_a_moment_is_utc_until_the_browser_makes_it_local() -> None:
    assert 'datetime="2026-11-24T10:00:00.123Z"' in when(1_795_514_400_123)
    assert "2026-11-24 10:00:00 UTC</time>" in when(1_795_514_400_123)


@pytest.mark.parametrize("value", [None, -1, 10**15, float("inf"), "x", ""])
def test_a_moment_that_cannot_be_is_a_dash(value: object) -> None:
    assert when(value) == '<span class="es-none">—</span>'


@pytest.mark.parametrize(
    ("status", "tone"),
    [
        ("healthy", "ok"),
        ("half_open", "warn"),
        ("firing", "bad"),
        ("skipped", "off"),
        ("new", "info"),
    ],
)
def test_a_status_has_a_word_and_a_drawing_beside_its_colour(status: str, tone: str) -> None:
    shown = badge(status)

    assert f'data-tone="{tone}"' in shown
    assert status.replace("_", " ") in shown
    assert "<use href=" in shown


def test_dead_lettered_is_written_as_everywhere() -> None:
    assert "dead-lettered" in badge("dead_lettered")


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("payment", "payment"),
        ("orders-eu", "orders-eu"),
        ("orders-eu-1", "orde…eu-1"),
        ("gateway-eu-central-1-consumer", "gate…umer"),
    ],
)
def test_a_long_name_keeps_both_its_ends(name: str, shown: str) -> None:
    assert middle(name, 9) == shown


@given(st.text() | st.just(EVIL))
def test_no_value_becomes_markup(value: str) -> None:
    for shown in (badge(value, value), id_chip(value, "/x/", value), json_view({value: [value]})):
        assert "<script" not in shown
        assert shown.count("<") == shown.count(">")


def test_json_too_deep_to_be_shown_is_shown_raw() -> None:
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]

    assert "nested too deeply" in json_view(deep)
    assert "[[[" in json_view(deep, "[[[")


def test_half_a_surrogate_pair_in_json_is_shown_as_a_replaced_character() -> None:
    lone = "a\ud800b\udfff"

    shown = json_view({lone: [lone, "\N{PILE OF POO}"]})

    assert (
        shown.encode().decode().count("a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}") == 2
    )
    assert "\N{PILE OF POO}" in shown
    deep: list[object] = []
    for _ in range(100_000):
        deep = [deep]
    assert "a\N{REPLACEMENT CHARACTER}b" in json_view(deep, lone)


@pytest.mark.parametrize(
    ("values", "points"),
    [
        ([], ""), ([1], ""), ([None, 5, None], ""),
        ([0, 10], "0.0,27.0 72.0,1.0"), ([0, None, 0], "0.0,27.0 72.0,27.0"),
    ],
)  # fmt: skip
def test_a_trend_goes_through_the_known_values(values: list[float | None], points: str) -> None:
    assert spark(values) == points
