"""Incidents from what is stored: on the page of alerts, on an alert's own, and for programs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from dashboard.accounts.models import Role
from dashboard.alerts.incident_reading import current_incidents, incident_of, incidents_since
from dashboard.alerts.models import Episode
from ingest.models import Series, ServiceEvent
from tests.dashboard.care import HOSTILE, NOW_MS, client_for, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])

MINUTE = 60_000


def make_alert(rule: str, at: int = NOW_MS, **given: Any) -> Episode:
    labels = given.pop("labels", {"service": "payment-service"})
    values = {
        "rule": rule,
        "subject": rule,
        "labels": {"rule": rule, **labels},
        "started_ms": at,
        "fired_ms": at,
        "summary": f"{rule} is so",
        **given,
    }
    return make_episode(**values)


def test_what_fires_together_is_one_incident_with_its_cause() -> None:
    first = make_alert("error-rate", labels={"consumer": "payment-service"})
    second = make_alert(
        "breaker-open", NOW_MS + 1000, labels={"service": "payment-service", "breaker": "p"}
    )
    (view,) = current_incidents(NOW_MS + MINUTE)
    assert view.incident.alerts == [first.pk, second.pk]
    assert view.incident.cause.alert == second.pk
    assert (view.firing, view.is_over, view.ended_ms) == (2, False, None)


def test_neighbours_by_topic_belong_together_as_series_tell() -> None:
    Series.objects.create(type="PAID", source="payment-service", topic="payments")
    Series.objects.create(type="PAID", consumer="mail-service", topic="payments")
    make_alert("error-rate", labels={"consumer": "mail-service"})
    make_alert("breaker-open", labels={"service": "payment-service", "breaker": "p"})
    make_alert("dead-letters", labels={"consumer": "elsewhere"})
    (view,) = current_incidents(NOW_MS + MINUTE)
    assert len(view.incident.alerts) == 2


def test_an_incident_of_the_past_is_shown_for_half_an_hour() -> None:
    over = {"state": "resolved", "resolved_ms": NOW_MS + 5 * MINUTE}
    make_alert("error-rate", **over)
    make_alert("dead-letters", **over)
    (view,) = current_incidents(NOW_MS + 34 * MINUTE)
    assert (view.is_over, view.ended_ms) == (True, NOW_MS + 5 * MINUTE)
    assert current_incidents(NOW_MS + 35 * MINUTE) == []
    assert len(incidents_since(NOW_MS)) == 1
    assert incidents_since(NOW_MS + 1) == []


def test_what_is_only_pending_is_not_in_it() -> None:
    make_alert("error-rate")
    make_alert("dead-letters", state="pending", fired_ms=None)
    assert current_incidents(NOW_MS + MINUTE) == []


def test_the_incident_of_an_alert_has_what_began_within_an_hour_of_it() -> None:
    one, two = make_alert("error-rate"), make_alert("dead-letters")
    alone = make_alert("latency-p95", NOW_MS + 90 * MINUTE)
    view = incident_of(one)
    assert view is not None
    assert view.incident.alerts == [one.pk, two.pk]
    assert incident_of(alone) is None


def test_the_pages_show_it_with_the_likely_cause_on_top() -> None:
    at = time.time_ns() // 1_000_000 - MINUTE
    ServiceEvent.objects.create(
        kind="started", service="payment-service", version="1", at_ms=at - 10**8
    )
    ServiceEvent.objects.create(
        kind="started", service="payment-service", version="2", at_ms=at - 1000
    )
    one = make_alert("error-rate", at, summary=HOSTILE)
    make_alert("dead-letters", at + 1)
    client = client_for(Role.VIEWER)
    for path in ("/alerts/incidents", f"/alerts/{one.pk}/circumstances"):
        text = client.get(path).content.decode()
        assert "Fired together: 2 alerts" in text
        assert "<b>payment-service 2 was deployed</b>" in text
        assert "Because it began first, 1 s before the next; a deploy came shortly before" in text
        assert "<script>alert(1)" not in text
    assert 'hx-get="/alerts/incidents"' in client.get("/alerts/").content.decode()


def test_a_long_one_shows_a_few_and_folds_the_rest() -> None:
    alerts = [make_alert(f"rule-{n:02}", NOW_MS + n * 1000) for n in range(12)]
    view = incident_of(alerts[10])
    assert view is not None
    ids = [alert.pk for alert in alerts]

    assert view.incident.cause.alert == ids[0]
    assert [one.alert for one, _ in view.shown] == [*ids[:4], ids[10]]
    assert [one.alert for one, _ in view.folded] == [*ids[4:10], ids[11]]
    path = f"/alerts/{ids[10]}/circumstances"
    text = client_for(Role.VIEWER).get(path).content.decode()
    assert "<summary>7 more of them</summary>" in text
    assert text.count('aria-current="true"') == 1


def test_nothing_is_folded_that_is_hardly_more() -> None:
    alerts = [make_alert(f"rule-{n}", NOW_MS + n * 1000) for n in range(7)]
    view = incident_of(alerts[0])
    assert view is not None
    assert (len(view.shown), view.folded) == (7, [])


def test_without_an_incident_nothing_is_shown() -> None:
    make_alert("error-rate")
    assert client_for(Role.VIEWER).get("/alerts/incidents").content.strip() == b""
