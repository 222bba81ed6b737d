"""What the charts are built of: views from URLs, gaps, names, objectives."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.live.figures import Chart, build_charts
from dashboard.live.ranges import RANGES, View, Window, read_view
from dashboard.live.ticks import build_tick, encode_tick
from dashboard.looks import gaps
from dashboard.options import ObjectiveOptions

NOW = 1_795_514_400_500


def group(name: str, counts: list[int], took: list[float | None]) -> Any:
    return SimpleNamespace(
        name=name,
        published=counts,
        processed=counts,
        quantiles=lambda kind, q: took if kind == "processing" else [None] * len(took),
        error_rate=lambda: [0.5 if count else None for count in counts],
    )


def table(*groups: Any, known: list[bool]) -> Any:
    times = [1000 * place for place in range(len(known))]
    return SimpleNamespace(times_ms=times, known=known, groups=list(groups))


def charts(by: str = "", **change: Any) -> dict[str, Any]:
    told = table(
        group(change.get("name", ""), [5, 0, 7], [10.0, None, 30.0]), known=[True, False, True]
    )
    chart = Chart(
        table=told,
        by=by,
        latency="processing",
        window=Window(0, 3000, 1, 1),
        objectives=ObjectiveOptions(),
        services=[{"at": 2000, "text": "order-service 1.0"}],
    )
    return build_charts(chart)


def test_unknown_time_is_a_gap_and_a_band_never_zero() -> None:
    figure = charts()["throughput"]

    assert [trace["y"] for trace in figure["data"]] == [[5, None, 7], [5, None, 7]]
    bands = [shape for shape in figure["layout"]["shapes"] if shape["name"] == "gap"]
    assert [(band["x0"], band["x1"]) for band in bands] == [(1000, 2000)]


def test_each_chart_shows_its_objectives() -> None:
    built = charts()

    shown = {
        name: [caption["text"] for caption in figure["layout"]["annotations"]]
        for name, figure in built.items()
    }
    assert shown == {
        "throughput": ["planned<br>1,000/s"],
        "latency": ["p50 50 ms", "p95 200 ms", "p99 500 ms"],
        "errors": ["at most<br>0.1%"],
    }


def test_an_objective_of_a_quantile_has_its_line_s_colour() -> None:
    latency = charts()["latency"]

    rules = [shape for shape in latency["layout"]["shapes"] if shape["name"] == "objective"]
    assert [rule["line"]["color"] for rule in rules] == [
        trace["line"]["color"] for trace in latency["data"]
    ]
    assert len({rule["line"]["color"] for rule in rules}) == 3


def test_an_objective_far_above_the_data_has_words_for_the_top_edge() -> None:
    built = charts()

    fits = {name: figure["layout"]["meta"].get("fit") for name, figure in built.items()}
    assert fits["latency"] is None
    assert (fits["throughput"]["within"], fits["throughput"]["objective"]) == (2.5, 1000)
    assert fits["throughput"]["far"]["text"] == "planned 1,000/s ↑"
    assert fits["errors"]["far"]["text"] == "at most 0.1% ↑"


@pytest.mark.parametrize(
    ("begun", "shown"),
    [
        (0, [0, 300_000]),
        (100_000, [100_000, 300_000]),
        (299_000, [240_000, 300_000]),
    ],
)
def test_a_young_house_shows_its_own_time_and_a_minute_at_least(
    begun: int, shown: list[int]
) -> None:
    chart = Chart(
        table=table(group("", [1], [1.0]), known=[True]),
        by="",
        latency="processing",
        window=Window(0, 300_000, 1, 1),
        objectives=ObjectiveOptions(),
        services=[],
        begun_ms=begun,
    )

    for figure in build_charts(chart).values():
        assert figure["layout"]["xaxis"]["range"] == shown


def test_service_starts_are_marked_on_every_chart() -> None:
    for figure in charts().values():
        marks = [shape for shape in figure["layout"]["shapes"] if shape["name"] == "service"]
        assert [mark["x0"] for mark in marks] == [2000]


def test_a_breakdown_shows_p95_and_has_one_legend() -> None:
    built = charts(by="type", name="ORDER_CREATED")

    assert [trace["meta"]["index"] for trace in built["latency"]["data"]] == [0]
    built_legends = {name: figure["layout"]["showlegend"] for name, figure in built.items()}
    assert built_legends == {"throughput": True, "latency": False, "errors": False}


def test_a_name_is_shown_as_it_is() -> None:
    """Plotly understands some tags and templates in names; a name is neither."""
    (line, *_) = charts(by="type", name='<b>x</b>&<a href="javascript:1">%{y}')["throughput"][
        "data"
    ]

    assert line["name"] == '&lt;b&gt;x&lt;/b&gt;&amp;&lt;a href="javascript:1"&gt;%\u200b{y}'
    assert "<b>" not in line["hovertemplate"].replace("<extra></extra>", "")
    assert line["meta"]["group"] == '<b>x</b>&<a href="javascript:1">%{y}'


@pytest.mark.parametrize(
    ("known", "found"),
    [
        ([], []),
        ([True, True], []),
        ([False, False, True, False], [(0, 2000), (3000, 4000)]),
    ],
)
def test_gaps_are_joined(known: list[bool], found: list[tuple[int, int]]) -> None:
    assert gaps([1000 * n for n in range(len(known))], known, 1000) == found


@pytest.mark.parametrize(
    ("query", "view"),
    [
        ({}, View("5m", "", "processing")),
        ({"range": "6h", "by": "type", "latency": "queue"}, View("6h", "type", "queue")),
        ({"range": "9y", "by": "x", "latency": "<b>"}, View("5m", "", "processing")),
        ({"since": "1000", "until": "61000"}, View("custom", "", "processing", 1000, 61000)),
        ({"since": "61000", "until": "1000", "range": "1h"}, View("1h", "", "processing")),
        ({"since": "1000", "until": "2000"}, View("5m", "", "processing")),
        ({"since": "-1", "until": "1e9"}, View("5m", "", "processing")),
        ({"since": "9" * 30, "until": "9" * 30}, View("5m", "", "processing")),
    ],
)
def test_a_view_is_what_its_url_says_or_the_default(query: dict[str, str], view: View) -> None:
    assert read_view(query) == view


@given(
    st.sampled_from(sorted(RANGES)),
    st.sampled_from(["", "type"]),
    st.sampled_from(["processing", "queue"]),
)
def test_a_view_s_query_leads_back_to_it(name: str, by: str, latency: str) -> None:
    from urllib.parse import parse_qsl

    view = View(name, by, latency)

    assert read_view(dict(parse_qsl(view.query()))) == view


@given(st.integers(0, NOW), st.integers(10_000, 400 * 86_400_000))
def test_any_custom_range_is_cut_in_few_whole_steps(since: int, length: int) -> None:
    view = View("custom", "", "processing", since, since + length)

    window = view.window(NOW, seconds_kept=6 * 3600)

    assert window.since_ms <= since
    assert window.until_ms >= since + length
    assert (window.until_ms - window.since_ms) % (window.step * 1000) == 0
    assert (window.until_ms - window.since_ms) // (window.step * 1000) <= 460
    assert window.step % window.resolution == 0
    if since < NOW - 6 * 3600 * 1000:
        assert window.resolution >= 60


def test_a_tick_of_many_groups_fits_its_limit_and_keeps_the_newest_seconds() -> None:
    names = [f"SOME_RATHER_LONG_EVENT_TYPE_{n}" for n in range(9)]
    groups = [group(name, [123_456] * 6, [12.345] * 6) for name in names]
    told = table(*groups, known=[True] * 6)
    total = table(group("", [123_456] * 6, [1.0] * 6), known=[True] * 6)
    tables = {"": total, "type": told, "source": told, "consumer": told}
    tick = build_tick(now_ms=NOW, status={}, tiles=[], tables=tables, services=[])

    body = encode_tick(tick, limit=5000)

    assert len(body) <= 5000
    assert b"5000]" in body.split(b'"known"')[0]
