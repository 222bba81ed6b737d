"""Alertmanager's webhook: its alerts become episodes beside ours, whatever is told how often."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry, Role
from dashboard.alerts import incoming
from dashboard.alerts.incoming import mark_silent
from dashboard.alerts.models import Episode, EpisodeEntry
from dashboard.alerts.rounds import Evaluator
from tests.dashboard.care import HOSTILE, client_for, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])

URL = "/api/v1/alertmanager"
HOUR_MS = 3_600_000
NEVER = "0001-01-01T00:00:00Z"


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def ago(seconds: float) -> str:
    return datetime.fromtimestamp(time.time() - seconds, UTC).isoformat().replace("+00:00", "Z")


def told(fingerprint: str = "f" * 16, **given: Any) -> dict[str, Any]:
    return {
        "status": "firing",
        "labels": {"alertname": "DiskFull", "instance": "web-1", "job": "node", "severity": "page"},
        "annotations": {"summary": "The disk of web-1 is full"},
        "startsAt": ago(600),
        "endsAt": NEVER,
        "generatorURL": "http://prometheus.example/graph?g0.expr=x",
        "fingerprint": fingerprint,
        **given,
    }


def group(*alerts: dict[str, Any], **given: Any) -> dict[str, Any]:
    return {
        "version": "4",
        "groupKey": '{}:{alertname="DiskFull"}',
        "truncatedAlerts": 0,
        "status": "firing",
        "receiver": "eventscope",
        "groupLabels": {"alertname": "DiskFull"},
        "commonLabels": {},
        "commonAnnotations": {},
        "externalURL": "http://alertmanager.example",
        "alerts": list(alerts),
        **given,
    }


@pytest.fixture
def tell(operator: Client) -> Callable[..., Any]:
    def tell(*alerts: dict[str, Any], **given: Any) -> Any:
        answer = operator.post(URL, group(*alerts, **given), content_type="application/json")
        assert answer.status_code == 200, answer.content
        return answer.json()

    return tell


def kinds() -> list[str]:
    return list(EpisodeEntry.objects.order_by("pk").values_list("kind", flat=True))


def test_an_alert_is_an_episode_with_its_labels_and_its_page(tell: Callable[..., Any]) -> None:
    assert tell(told()) == {"opened": 1, "resolved": 0, "unchanged": 0, "omitted": 0}
    episode = Episode.objects.get()
    assert (episode.origin, episode.external_id) == ("alertmanager", "f" * 16)
    assert (episode.rule, episode.subject) == ("DiskFull", "instance=web-1, job=node")
    assert (episode.state, episode.severity) == ("firing", "critical")
    assert episode.summary == "The disk of web-1 is full"
    assert episode.labels["instance"] == "web-1"
    assert episode.url == "http://prometheus.example/graph?g0.expr=x"
    assert abs(episode.started_ms - (now_ms() - 600_000)) < 60_000
    assert kinds() == ["firing"]
    assert AuditEntry.objects.get().action == "alert.taken-in"


def test_told_again_it_is_the_same_and_told_as_resolved_it_is_over(
    tell: Callable[..., Any],
) -> None:
    tell(told())
    assert tell(told(annotations={"summary": "worse"}))["unchanged"] == 1
    assert Episode.objects.get().summary == "worse"
    over = told(status="resolved", endsAt=ago(30))
    assert tell(over)["resolved"] == 1
    assert tell(over)["unchanged"] == 1
    episode = Episode.objects.get()
    assert episode.state == "resolved"
    assert abs((episode.resolved_ms or 0) - (now_ms() - 30_000)) < 60_000
    assert kinds() == ["firing", "resolved"]
    assert AuditEntry.objects.count() == 2


def test_each_fingerprint_is_an_alert_of_its_own_also_beside_ours_of_the_same_name(
    tell: Callable[..., Any],
) -> None:
    make_episode(rule="DiskFull", subject="instance=web-1, job=node")
    assert tell(told("a"), told("b"), told("a"))["opened"] == 2
    assert Episode.objects.count() == 3


def test_what_ends_before_it_is_told_is_over(tell: Callable[..., Any]) -> None:
    tell(told())
    assert tell(told(endsAt=ago(5)))["resolved"] == 1


def test_an_acknowledged_one_stays_acknowledged_until_it_is_over(tell: Callable[..., Any]) -> None:
    tell(told())
    Episode.objects.update(state="acknowledged", acknowledged_by="anna")
    tell(told())
    assert Episode.objects.get().acknowledged_by == "anna"
    tell(told(status="resolved", endsAt=ago(0)))
    assert Episode.objects.get().state == "resolved"


def test_what_is_not_told_of_again_is_marked_and_unmarked(tell: Callable[..., Any]) -> None:
    tell(told("a"), told("b", endsAt=ago(-600)))
    assert mark_silent(now_ms=now_ms() + 300_000) == 0
    assert mark_silent(now_ms=now_ms() + 700_000) == 1
    assert Episode.objects.get(no_data=True).external_id == "b"
    assert mark_silent(now_ms=now_ms() + 13 * HOUR_MS) == 1
    assert mark_silent(now_ms=now_ms() + 14 * HOUR_MS) == 0
    assert set(Episode.objects.values_list("state", flat=True)) == {"firing"}
    tell(told("a"))
    assert list(Episode.objects.filter(no_data=False).values_list("external_id", flat=True)) == [
        "a"
    ]
    assert kinds() == ["firing", "firing", "no_data", "no_data", "data"]


def test_our_rounds_leave_it_alone(tell: Callable[..., Any]) -> None:
    tell(told())
    Evaluator().step()
    assert Episode.objects.get().state == "firing"


def test_the_pages_show_where_it_comes_from_and_nothing_of_it_as_markup(
    tell: Callable[..., Any],
) -> None:
    labels = {"alertname": HOSTILE, HOSTILE[:90]: HOSTILE}
    tell(told(labels=labels, annotations={"summary": HOSTILE}, generatorURL="javascript:alert(1)"))
    client = client_for(Role.VIEWER)
    for path in ("/alerts/", f"/alerts/{Episode.objects.get().pk}/"):
        text = client.get(path).content.decode()
        assert "Alertmanager" in text
        assert "<script>alert(1)" not in text
        assert "javascript:" not in text


def test_without_words_of_its_own_it_is_called_by_its_labels(tell: Callable[..., Any]) -> None:
    tell(told(annotations={}, labels={"a": "b\x00c"}))
    episode = Episode.objects.get()
    assert (episode.rule, episode.summary) == ("alert", "alert: a=bc")


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"version": "3"}, "body.body.version"),
        ({"alerts": [told(status="odd")]}, "alerts.0.status"),
        ({"alerts": [told(startsAt="soon")]}, "alerts.0.startsAt"),
        ({"alerts": [told(fingerprint="")]}, "alerts.0.fingerprint"),
        ({"alerts": [told(labels={"a": 1})]}, "alerts.0.labels.a"),
        ({"alerts": [told()] * 1001}, "alerts"),
        ({"alerts": None}, "alerts"),
    ],
)
def test_what_cannot_be_read_is_refused_with_its_place(
    operator: Client, change: dict[str, Any], place: str
) -> None:
    body = {**group(), **change}
    answer = operator.post(URL, body, content_type="application/json")
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"
    assert place.removeprefix("body.body.") in answer.json()["detail"]
    assert Episode.objects.count() == 0


def test_a_body_that_is_too_large_or_no_json_is_refused(operator: Client) -> None:
    large = json.dumps(group(told(annotations={"summary": "x" * 3_000_000})))
    assert operator.post(URL, large, content_type="application/json").status_code == 413
    assert operator.post(URL, "{", content_type="application/json").status_code == 400


def test_it_needs_the_right_to_act(viewer: Client, client: Client) -> None:
    assert viewer.post(URL, group(told()), content_type="application/json").status_code == 403
    assert client.post(URL, group(told()), content_type="application/json").status_code == 401
    assert Episode.objects.count() == 0


def test_of_two_calls_at_once_one_opens_it(
    tell: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The second has looked before the first had written."""
    tell(told())
    monkeypatch.setattr(incoming, "_keep", lambda *_: False)
    assert tell(told())["unchanged"] == 1
    assert Episode.objects.count() == 1
