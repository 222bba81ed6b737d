from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.explore.facets import Facet, read_facets
from dashboard.explore.filters import EventQuery
from dashboard.explore.histogram import choose_bins, read_histogram
from dashboard.explore.totals import Span, count_in_range
from ingest.models import Gap, Stream
from ingest.options import MetricsRetention
from ingest.queries.counting import cover
from tests.dashboard.explore.factories import START, House, envelope, receipt

NOW = START + 60_000


@pytest.fixture
def story(counting_house: House) -> House:
    """Four orders a second apart, of which one failed and one was retried; a payment nobody handles."""
    house = counting_house
    house.publish([envelope(f"evt_{number}") for number in range(4)], at=0, step=1000)
    house.publish(
        [envelope("evt_p", "PAYMENT_DONE", source="payment-service")], topic="payments-topic", at=0
    )
    house.receipts(
        [
            receipt("evt_0"),
            receipt("evt_1", outcome="failed", at=200),
            receipt("evt_2", "mail", "retry"),
        ],
        at=3500,
    )
    return house


def ask(**fields: object) -> EventQuery:
    span = {"since_ms": START, "until_ms": START + 8000, "system": False}
    return EventQuery(**{**span, **fields})  # type: ignore[arg-type]


pytestmark = pytest.mark.django_db(databases=["default", "events"])


def test_bars_count_events_and_take_the_colours_of_their_handlings(story: House) -> None:
    told = read_histogram(ask(), now_ms=NOW, bins=8)

    assert (told.from_ms, told.step_ms, told.exact, told.basis) == (START, 1000, True, "counts")
    assert [one.counts for one in told.bins[:4]] == [
        {"unprocessed": 2},
        {"unprocessed": 1},
        {"unprocessed": 1},
        {"failed": 1},
    ]


def test_time_that_nobody_observed_is_a_gap_not_zero(story: House) -> None:
    Gap.objects.create(
        stream=Stream.objects.earliest("id"),
        after_major=0,
        after_minor=0,
        from_ms=START + 1000,
        until_ms=START + 1999,
        lost=7,
        found_ms=NOW,
    )

    told = read_histogram(ask(), now_ms=NOW, bins=8)

    assert [one.known for one in told.bins[:5]] == [True, False, True, False, False]


def test_histogram_of_a_consumer_counts_its_handlings(story: House) -> None:
    told = read_histogram(ask(consumers=("mail",)), now_ms=NOW, bins=8)

    assert told.basis == "handlings"
    assert [one.counts for one in told.bins[:4]] == [{}, {}, {}, {"retried": 1}]


def test_what_counts_do_not_know_is_read(story: House) -> None:
    told = read_histogram(ask(texts=("evt_1",)), now_ms=NOW, bins=8)

    assert (told.basis, told.exact) == ("events", True)
    assert {one.at_ms: one.counts for one in told.bins if one.counts} == {
        START + 1000: {"failed": 1}
    }


def test_histogram_of_a_name_never_seen_is_empty(story: House) -> None:
    told = read_histogram(ask(types=("NOTHING_*",)), now_ms=NOW, bins=8)
    assert {name for one in told.bins for name in one.counts} == set()


def test_histogram_before_anything_was_stored_is_unknown(db: None) -> None:
    told = read_histogram(EventQuery(), now_ms=NOW)
    assert not any(one.known or one.counts for one in told.bins)


def test_facets_count_events_and_handlings_by_name(story: House) -> None:
    facets = read_facets(ask(), now_ms=NOW)

    assert facets.types == [Facet("ORDER_CREATED", 4), Facet("PAYMENT_DONE", 1)]
    assert facets.sources == [Facet("order-service", 4), Facet("payment-service", 1)]
    assert facets.topics == [Facet("orders-topic", 4), Facet("payments-topic", 1)]
    assert facets.consumers == [Facet("inventory-service", 2), Facet("mail", 1)]
    assert facets.outcomes == [Facet("delivered", 1), Facet("failed", 1), Facet("retried", 1)]
    assert (facets.exact, facets.basis) == (True, "counts")


def test_facets_of_a_text_count_what_was_read(story: House) -> None:
    facets = read_facets(ask(texts=("payment-service",)), now_ms=NOW)

    assert facets.types == [Facet("PAYMENT_DONE", 1)]
    assert facets.outcomes == [Facet("unprocessed", 1)]
    assert facets.basis == "events"


@pytest.mark.parametrize(
    ("fields", "events"),
    [({}, 5), ({"system": True}, 6), ({"sources": ("pay*",)}, 1), ({"types": ("!ORDER_*",)}, 1)],
)
def test_total_is_what_a_scan_would_have_to_read(
    story: House, fields: dict[str, object], events: int
) -> None:
    assert count_in_range(ask(**fields), now_ms=NOW) == events


@pytest.mark.parametrize(
    ("seconds", "step"), [(60, 1), (3600, 60), (86_400, 1800), (14 * 86_400, 21_600)]
)
def test_bins_are_round_and_few(seconds: int, step: int) -> None:
    assert choose_bins(Span(0, seconds * 1000), 60) == step


@given(
    since=st.integers(0, 3 * 86_400), length=st.integers(1, 2 * 86_400), now=st.integers(0, 86_400)
)
def test_cover_holds_every_second_of_the_range_once(since: int, length: int, now: int) -> None:
    until = since + length
    retention = MetricsRetention()
    spans = cover(since * 1000, until * 1000, (until + now) * 1000, retention)

    covered = sorted((span.from_ms, span.until_ms) for span in spans)
    assert all(left[1] == right[0] for left, right in pairwise(covered))
    assert covered[0][0] <= since * 1000
    assert covered[-1][1] >= until * 1000
    assert sum((span.until_ms - span.from_ms) // 1000 // span.resolution for span in spans) < 400
