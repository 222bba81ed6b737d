"""Flows: what a story lacks, the page of kinds and stuck ones, the map."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from hypothesis import given
from hypothesis import strategies as st

from dashboard.explore.flows import expected_branches, read_expected, start_of
from dashboard.explore.reading import read_story
from dashboard.explore.story import build_story
from ingest.flows.learning import FlowLearner
from ingest.folds.traces import write_traces
from ingest.models import FlowState, Stream, StuckFlow
from ingest.queries.flows import Expectation, FlowStep
from ingest.store.series import SeriesDictionary
from tests.dashboard.explore.factories import START, House, envelope
from tests.dashboard.explore.learnt import NOW, count, learn_orders, stick
from tests.dashboard.explore.test_pages import get, text_of
from tests.ingest.folds.factories import make_batch

pytestmark = pytest.mark.django_db(databases=["default", "events"])

LIMIT = 5_000
LONGEST = 3_600_000


@dataclass(frozen=True)
class Event:
    event_id: str
    event_type: str
    appended_ms: int
    causation_id: str = ""
    source: str = "shop"
    correlation_id: str = "c"
    occurred_ms: int | None = None


def expectation(parent: str, type: str, *beside: str) -> Expectation:
    step = FlowStep(parent, type, ("stock",), 997, 1000, 997, 0.997, 300, 900, 1200, 1, 2)
    return Expectation(step, LIMIT, frozenset({type, *beside}))


def verdicts(events: list[Event], *expected: Expectation, now: int) -> list[tuple[str, str, int]]:
    found = expected_branches(build_story("c", events), expected, now_ms=now, longest_ms=LONGEST)
    return [(one.type, one.verdict, one.late_by_ms) for one in found]


ORDER = Event("e1", "ORDER", 1000)
STOCK = expectation("ORDER", "STOCK")


@pytest.mark.parametrize(
    ("now", "verdict", "late"),
    [
        (6000, "waiting", 0),
        (6001, "missing", 3801),
        (1000 + LONGEST, "never", LONGEST - 1200),
    ],
)
def test_step_that_has_not_come_is_waited_for_then_missed_then_given_up(
    now: int, verdict: str, late: int
) -> None:
    assert verdicts([ORDER], STOCK, now=now) == [("STOCK", verdict, late)]


def test_step_that_came_in_time_is_not_told_and_a_late_one_is() -> None:
    in_time = Event("e2", "STOCK", 5000, "e1")
    late = Event("e2", "STOCK", 42_200, "e1")
    assert verdicts([ORDER, in_time], STOCK, now=99_999) == []
    assert verdicts([ORDER, late], STOCK, now=99_999) == [("STOCK", "late", 40_000)]


def test_step_after_what_is_not_there_is_not_expected() -> None:
    assert verdicts([ORDER], expectation("STOCK", "MAIL"), now=99_999) == []


def test_story_that_took_another_way_lacks_nothing() -> None:
    cancelled = Event("e2", "CANCELLED", 1500, "e1")
    assert verdicts([ORDER, cancelled], STOCK, now=99_999) == []
    beside = expectation("ORDER", "STOCK", "CANCELLED")
    assert [one[1] for one in verdicts([ORDER, cancelled], beside, now=99_999)] == ["missing"]


def test_what_names_no_cause_follows_the_first_event() -> None:
    loose = Event("e2", "STOCK", 2000)
    assert verdicts([ORDER, loose], STOCK, now=99_999) == []


def test_worst_stands_first() -> None:
    events = [ORDER, Event("e2", "LATE", 50_000, "e1")]
    some = [expectation("ORDER", type, "LATE") for type in ("LATE", "STOCK", "MAIL")]
    assert [one[:2] for one in verdicts(events, *some, now=60_000)] == [
        ("MAIL", "missing"),
        ("STOCK", "missing"),
        ("LATE", "late"),
    ]


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 50)), max_size=12))
def test_start_is_never_after_another_without_a_cause(rows: list[tuple[int, int, int]]) -> None:
    events = [Event(f"e{id}", "T", at, f"e{cause}") for id, cause, at in rows]
    story = build_story("c", events)
    start = start_of(story)
    if not events:
        assert start is None
        return
    assert start is not None
    roots = [step for step in story.steps if step.state in ("root", "orphan")]
    assert all(start.event.appended_ms <= step.event.appended_ms for step in roots)


@pytest.fixture
def learnt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dashboard.explore.views.flows.now_ms", lambda: NOW)
    learn_orders()


@pytest.mark.usefixtures("learnt")
def test_page_tells_kinds_stuck_ones_and_from_how_much_it_was_learnt(visitor: Client) -> None:
    stick(1)
    FlowState.objects.update(stuck={"ORDER_CREATED": 1})

    text = text_of(get(visitor, "/flows/"))

    assert "Learnt from 1 in 8 correlations" in text
    assert "58.8 s STOCK_TAKEN" in text
    assert "STOCK_TAKEN after ORDER_CREATED inventory-service in 99.7% within 1.2 s" in text
    assert "1 waits for an overdue step" in text


def test_page_without_any_flow_says_when_there_will_be_some(visitor: Client) -> None:
    assert "No flow is known yet" in text_of(get(visitor, "/flows/"))


@pytest.mark.usefixtures("learnt")
def test_stuck_flows_are_paged_longest_overdue_first_and_by_start(visitor: Client) -> None:
    for number in range(120):
        stick(number, "ORDER_CREATED" if number % 2 else "PARCEL_SENT")
    url, seen = "/flows/?start=ORDER_CREATED", []
    while url:
        html = get(visitor, url)
        seen += re.findall(r'<a class="es-id-text" href="/correlations/(corr_\d+)/"', html)
        following = re.search(r'href="([^"]+)" rel="next"', html)
        url = following[1].replace("&amp;", "&") if following else ""
    assert seen == [f"corr_{number}" for number in range(1, 120, 2)]


@pytest.mark.usefixtures("learnt")
def test_stuck_flows_are_counted_and_narrowed_by_what_has_not_come(visitor: Client) -> None:
    for number in range(3):
        stick(number)
    StuckFlow.objects.filter(correlation=2).update(type="MAIL_SENT", source="mailer")

    text = text_of(get(visitor, "/flows/"))
    narrowed = get(visitor, "/flows/?waits=MAIL_SENT")

    assert "STOCK_TAKEN inventory-service 2 MAIL_SENT mailer 1" in text
    assert re.findall(r'href="/correlations/(corr_\d+)/"', narrowed) == ["corr_2"]


@pytest.mark.usefixtures("learnt")
@pytest.mark.parametrize(
    ("url", "place"),
    [
        ("/flows/?cursor=forged", "cursor"),
        ("/flows/?start=" + "x" * 201, "start"),
        ("/flows/?waits=%00", "waits"),
        ("/flows/ORDER_CREATED/?rare=maybe", "rare"),
    ],
)
def test_bad_address_is_refused_with_its_place(visitor: Client, url: str, place: str) -> None:
    assert place in text_of(get(visitor, url, status=400))


@pytest.mark.usefixtures("learnt")
def test_cursor_of_another_list_is_refused(visitor: Client) -> None:
    for number in range(60):
        stick(number)
    found = re.search(r'href="([^"]+)" rel="next"', get(visitor, "/flows/"))
    assert found is not None
    text = text_of(get(visitor, found[1].replace("?", "?start=ORDER_CREATED&"), status=400))
    assert "another list" in text


@pytest.mark.usefixtures("learnt")
def test_map_tells_each_step_and_links_to_its_events(visitor: Client) -> None:
    html = get(visitor, "/flows/ORDER_CREATED/")
    text = text_of(html)
    assert "STOCK_TAKEN expected ORDER_CREATED inventory-service 100.0% 1,000 1" in text
    assert '/events/?type=STOCK_TAKEN&amp;source=inventory-service"' in html
    assert html.count('class="fw-edge"') == 1
    assert visitor.get("/flows/NOTHING/").status_code == 404


@pytest.mark.usefixtures("learnt")
def test_names_are_shown_as_they_are(visitor: Client) -> None:
    hostile = '<script>alert("x")</script>'
    count(hostile)
    count(hostile, "", hostile)
    count(hostile, hostile, hostile)
    for url in ("/flows/", "/flows/%3Cscript%3Ealert(%22x%22)%3C%2Fscript%3E/"):
        html = get(visitor, url)
        assert "<script>alert" not in html
        assert "&lt;script&gt;alert" in html


@pytest.mark.usefixtures("learnt")
@pytest.mark.parametrize("url", ["/flows/", "/flows/ORDER_CREATED/"])
def test_pages_cost_as_many_queries_for_one_row_as_for_thirty(visitor: Client, url: str) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connections["events"]) as asked:
            get(visitor, url)
        return len(asked)

    stick(1000)
    few = queries()
    for number in range(30):
        stick(number)
        count(f"TYPE_{number}")
        count("ORDER_CREATED", "STOCK_TAKEN", f"TYPE_{number}")
    assert queries() == few <= 8


def pair(number: int, at: int) -> list[dict[str, Any]]:
    """An order and the stock taken for it."""
    id, name = f"evt_{number}", f"corr_{number}"
    stock = envelope(f"{id}-s", "STOCK_TAKEN", correlation=name, cause=id, at=at + 4)
    return [envelope(id, correlation=name, at=at), stock]


def trace(house: House, bodies: list[dict[str, Any]], *, at: int) -> None:
    """Store and trace them, as one batch does."""
    batch = make_batch((house.stream("orders-topic"), house.publish(bodies, at=at, step=5)))
    write_traces(batch, SeriesDictionary().code, wanted=1_000_000)


def learn(until: int) -> None:
    Stream.objects.update(observed_until_ms=START + until, leased_until=1e12)
    FlowLearner(hold_s=0, flows_s=0).step(now_ms=START + until)


def test_what_was_learnt_from_stored_events_tells_what_a_story_lacks(
    house: House, visitor: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    """From traces over the learner to the branch that never came, through the real tables."""
    trace(house, [body for n in range(300) for body in pair(n, n * 10)], at=5)
    learn(1_000_000)
    trace(house, pair(300, 1_000_000)[:1], at=1_000_005)
    learn(1_009_000)

    [row] = StuckFlow.objects.all()
    assert (row.correlation_id, row.type) == ("corr_300", "STOCK_TAKEN")
    told, whole = read_story("corr_300"), read_story("corr_1")
    assert told is not None
    assert whole is not None
    [one] = read_expected(told.story, now_ms=START + 1_009_000)
    assert (one.type, one.source, one.verdict) == ("STOCK_TAKEN", "order-service", "missing")
    assert one.share == 1.0
    assert read_expected(whole.story, now_ms=START + 1_009_000) == []

    view = "dashboard.explore.views.correlation.now_ms"
    monkeypatch.setattr(view, lambda: START + 1_009_000)
    text = text_of(get(visitor, "/correlations/corr_300/"))
    assert "STOCK_TAKEN from order-service follows ORDER_CREATED in 100.0%, within" in text
    assert "this one is 9 s late" in text
