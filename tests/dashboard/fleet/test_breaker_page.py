"""The page of one breaker, and the same through the API."""

from __future__ import annotations

import re
import time
from html import unescape

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import Role
from ingest.models import Breaker, BreakerSample, BreakerTransition, ServiceEvent
from ingest.queries.breakers import address_of, find_breakers
from tests.dashboard.care import HOSTILE, client_for, make_breaker
from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])

MINUTE_MS = 60_000
PAGE = "/breakers/payment-service/payment-provider/"
CALL = "/api/v1/breakers/payment-service/payment-provider"


@pytest.fixture
def viewer() -> Client:
    return client_for(Role.VIEWER)


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def went_through(row: Breaker, *states: str, every_ms: int = MINUTE_MS) -> None:
    """One change of state a minute up to a minute ago."""
    BreakerTransition.objects.filter(breaker=row).delete()
    first = now_ms() - len(states) * every_ms
    before = "closed"
    for number, state in enumerate(states):
        BreakerTransition.objects.create(
            breaker=row,
            at_ms=first + number * every_ms,
            from_state=before,
            to_state=state,
            reason=f"because {number}",
            error_rate=0.5,
            latency_ms=20,
        )
        before = state


def test_breaker_never_told_of_is_not_found(viewer: Client) -> None:
    assert viewer.get("/breakers/nobody/nothing/").status_code == 404
    answer = viewer.get("/api/v1/breakers/nobody/nothing")
    assert (answer.status_code, answer.json()["detail"]) == (
        404,
        "No breaker of this name was ever told of.",
    )


@pytest.mark.parametrize(
    ("service", "name"),
    [("payment", "provider"), ("", "provider"), ("a", "b/c"), ("-", "x"), ("s", "a b?c#d")],
)
def test_address_finds_the_breaker(viewer: Client, service: str, name: str) -> None:
    make_breaker(name, service=service, since_ms=now_ms())
    make_breaker("another", since_ms=now_ms())

    (found,) = find_breakers(address_of(service, name))

    assert (found.service, found.name) == (service, name)
    links = re.findall(r'<h2><a href="([^"]*)">', viewer.get("/breakers/").content.decode())
    assert [viewer.get(unescape(link)).status_code for link in links] == [200, 200]


def test_of_two_ways_to_read_an_address_the_shorter_service_wins() -> None:
    make_breaker("b/c", service="a")
    make_breaker("c", service="a/b")

    assert [(row.service, row.name) for row in find_breakers("a/b/c")] == [("a", "b/c")]


def test_page_and_api_tell_each_time_it_refused(viewer: Client) -> None:
    row = make_breaker(state="open", since_ms=now_ms() - MINUTE_MS, seen_ms=now_ms())
    went_through(row, "open", "half_open", "open", "half_open", "closed", "open")

    answer = viewer.get(PAGE)
    body = viewer.get(CALL).json()

    now, first = body["refusals"]
    assert (now["endedAt"], now["probes"], now["reason"]) == (None, 0, "because 5")
    assert (first["durationMs"], first["probes"], first["reopened"]) == (4 * MINUTE_MS, 2, 1)
    assert (body["state"], body["open"], body["flapping"]) == ("open", 1, False)
    assert [(change["from"], change["to"]) for change in body["changes"]][:2] == [
        ("closed", "open"),
        ("half_open", "closed"),
    ]
    text = " ".join(answer.content.decode().split())
    assert "still refuses" in text
    assert '2 <span class="es-muted">(1 failed)</span>' in text
    assert answer.context["figures"]["errors"]["data"][0]["y"] == [0.5] * 6
    assert len(answer.context["figures"]["errors"]["layout"]["shapes"]) == 2


def test_what_the_service_could_not_handle_meanwhile_is_counted_and_linked(viewer: Client) -> None:
    row = make_breaker(state="closed", since_ms=now_ms(), seen_ms=now_ms())
    went_through(row, "open", "half_open", "closed", every_ms=20_000)
    while_open = row.breakertransition_set.earliest("at_ms").at_ms + 5_000 - START
    house = House(folding=True)
    house.publish([envelope("evt_1")], at=while_open)
    house.receipts(
        [receipt("evt_1", "payment-service", "retry", at=while_open)], at=while_open + 20
    )
    house.publish([envelope("evt_2")], at=while_open + 50_000)

    (refusal,) = viewer.get(CALL, {"range": "1h"}).json()["refusals"]
    page = viewer.get(PAGE, {"range": "1h"}).content.decode()

    assert (refusal["retried"], refusal["failed"]) == (1, 0)
    assert "1 retried, 0 failed" in page
    assert (
        "consumer=payment-service&amp;outcome=retried%2Cfailed%2Cdead_lettered&amp;since=" in page
    )


def test_charts_show_what_was_told_between_changes(viewer: Client) -> None:
    row = make_breaker(state="open", since_ms=now_ms(), seen_ms=now_ms())
    went_through(row, "open")
    at_ms = now_ms() - 500_000
    for error_rate in (0.2, 0.4):
        BreakerSample.objects.create(breaker=row, at_ms=at_ms, error_rate=error_rate)

    (told,) = viewer.get(PAGE).context["figures"]["errors"]["data"]

    assert [round(value, 3) for value in told["y"]] == [0.3, 0.5]
    assert told["mode"] == "markers"


def test_what_was_not_observed_is_not_taken_for_nothing(viewer: Client) -> None:
    row = make_breaker(state="closed", since_ms=now_ms(), seen_ms=now_ms())
    went_through(row, "open", "half_open", "closed")

    (refusal,) = viewer.get(CALL).json()["refusals"]

    assert (refusal["retried"], refusal["failed"]) == (None, None)


def test_flapping_is_marked_on_both_pages(viewer: Client) -> None:
    row = make_breaker(state="closed", since_ms=now_ms(), seen_ms=now_ms())
    went_through(row, "open", "closed", "open", "closed", "open", "closed")

    assert "It opened 3 times or more within 15 m" in viewer.get(PAGE).content.decode()
    assert 'data-status="flapping"' in viewer.get("/breakers/").content.decode()
    assert viewer.get(CALL).json()["flapping"] is True


def test_a_refusal_does_not_outlast_the_process_that_refused(viewer: Client) -> None:
    now = now_ms()
    row = make_breaker(state="closed", since_ms=now - 10 * MINUTE_MS, seen_ms=now)
    BreakerTransition.objects.filter(breaker=row).delete()
    for minutes, before, after in ((30, "closed", "open"), (10, "open", "closed")):
        BreakerTransition.objects.create(
            breaker=row, at_ms=now - minutes * MINUTE_MS, from_state=before, to_state=after
        )
    here = {"service": row.service, "instance": row.instance}
    for minutes, kind in ((28, "stopped"), (11, "started")):
        ServiceEvent.objects.create(kind=kind, at_ms=now - minutes * MINUTE_MS, **here)

    page = viewer.get(PAGE + "?range=1h")
    (told,) = viewer.get(CALL + "?range=1h").json()["refusals"]

    (one,) = page.context["card"].instances
    assert [part.state for part in one.segments][-4:] == ["open", "silent", "open", "closed"]
    text = page.content.decode()
    assert "its process ended" in text
    assert "nothing heard" in text
    assert told["durationMs"] == 2 * MINUTE_MS


def test_open_since_before_the_range_is_still_told(viewer: Client) -> None:
    row = make_breaker(state="open", since_ms=now_ms() - 100 * MINUTE_MS, seen_ms=now_ms())
    BreakerTransition.objects.filter(breaker=row).delete()

    (refusal,) = viewer.get(CALL, {"range": "1h"}).json()["refusals"]

    assert refusal["endedAt"] is None
    assert refusal["durationMs"] >= 100 * MINUTE_MS


def test_range_of_the_api_is_one_of_four(viewer: Client) -> None:
    make_breaker()
    assert viewer.get(CALL, {"range": "1y"}).status_code == 400
    assert viewer.get(PAGE, {"range": "1y"}).context["range"] == "6h"


def test_nothing_in_any_field_can_script_the_page(viewer: Client) -> None:
    bad = HOSTILE[:190]
    make_breaker("n", bad, service="s", since_ms=now_ms() - 1000, seen_ms=now_ms(), reason=bad)

    text = viewer.get("/breakers/s/n/").content.decode()

    assert "<script>alert" not in text
    assert "<img src=x" not in text


def test_page_asks_the_same_number_of_queries_for_1_and_for_30(viewer: Client) -> None:
    counts = []
    make_breaker(instance="first", since_ms=now_ms())
    viewer.get(PAGE)
    for start, end in ((0, 1), (1, 30)):
        for number in range(start, end):
            row = make_breaker(instance=f"i{number}", since_ms=now_ms(), seen_ms=now_ms())
            went_through(row, "open", "half_open", "closed")
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["events"]) as events,
        ):
            viewer.get(PAGE)
        counts.append((len(default), len(events)))
    assert counts[0] == counts[1]
