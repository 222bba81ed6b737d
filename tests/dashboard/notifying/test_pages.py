"""The page of receivers: what it says, to whom, and what an admin can do there."""

from __future__ import annotations

import time
from html import unescape

import pytest
from django.db import connections
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import AuditEntry, Role
from dashboard.notifying.models import Notification
from tests.dashboard.care import HOSTILE, client_for
from tests.dashboard.notifying.conftest import Configure
from tests.dashboard.notifying.makers import make_notification

pytestmark = pytest.mark.django_db(databases=["default", "events"])

URL = "/alerts/receivers/"
SECRETS = {
    "team": "https://hooks.slack.com/services/hush",
    "hook": "hush-key",
    "rest": "tgram://hush/1",
}


@pytest.fixture
def house(configure: Configure) -> None:
    configure(
        {
            "receiver": "team",
            "receivers": {
                "team": {"type": "slack", "quiet": {"from": "22:00", "days": ["sat", "sun"]}},
                "hook": {"type": "webhook", "url": "https://example.com/a-path?key=hush"},
                "rest": {"type": "apprise"},
                "post": {"type": "email", "to": ["ops@example.com"]},
            },
            "routes": [
                {
                    "name": "payments",
                    "receiver": "hook",
                    "matchers": ["consumer = payment*"],
                    "escalate_after": "15m",
                    "escalate_to": "post",
                }
            ],
        },
        SECRETS,
    )


def make(number: int, **given: object) -> Notification:
    at = time.time_ns() // 1_000_000
    values = {"uid": f"uid{number}", "created_ms": at, "next_ms": at, **given}
    return make_notification(str(values.pop("receiver", "team")), save=True, **values)


def test_it_tells_who_is_told_where_and_when_and_no_secret(house: None) -> None:
    text = unescape(client_for(Role.VIEWER).get(URL).content.decode())
    for words in (
        "hooks.slack.com",
        "example.com",
        "tgram",
        "ops@example.com",
        "consumer = payment*",
    ):
        assert words in text
    assert "22:00 to 07:00 UTC, sat sun; critical passes" in text
    assert "post after 15m without an acknowledgement" in text
    assert "hush" not in text
    assert "a-path" not in text


@pytest.mark.parametrize(
    ("labels", "names"),
    [
        ("consumer = payment-service", ["hook"]),
        ("consumer=other\nseverity=critical", ["team"]),
        ("", ["team"]),
    ],
)
def test_the_tester_says_who_would_be_told(house: None, labels: str, names: list[str]) -> None:
    answer = client_for(Role.VIEWER).get(URL, {"labels": labels})
    assert [one.route.receiver for one in answer.context["chosen"]] == names


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        ("severity", "'severity' is no label; write name = value."),
        ("<script>alert(1)</script>", "'<script>alert(1)</script>' is no label"),
        ("a=b," * 501, "Labels may have 2,000 characters; these have 2,004."),
        (",".join(f"l{n}=x" for n in range(31)), "At most 30 labels; these are 31."),
    ],
)
def test_labels_that_cannot_be_read_are_told(house: None, labels: str, words: str) -> None:
    answer = client_for(Role.VIEWER).get(URL, {"labels": labels})
    text = answer.content.decode()
    assert answer.status_code == 400
    assert words in unescape(text)
    assert "<script>alert" not in text


def test_the_log_pages_by_number_and_filters(house: None) -> None:
    for number in range(35):
        make(number, receiver="hook" if number % 2 else "team")
    client = client_for(Role.VIEWER)
    first = client.get(URL)
    second = client.get(URL, {"before": first.context["next"]})
    assert [row.uid for row in first.context["deliveries"]] == [f"uid{n}" for n in range(34, 4, -1)]
    assert [row.uid for row in second.context["deliveries"]] == [
        f"uid{n}" for n in range(4, -1, -1)
    ]
    assert second.context["next"] is None
    filtered = client.get(URL, {"receiver": "hook", "state": "waiting", "before": "٣"})
    assert [row.uid for row in filtered.context["deliveries"]] == [
        f"uid{n}" for n in range(33, 0, -2)
    ]


def test_a_receiver_that_cannot_be_told_is_said_so_above_all(house: None) -> None:
    make(1, error="example.com answered 503", tries=3)
    make(2, state="given_up", finished_ms=1, error=f"because {HOSTILE}")
    text = client_for(Role.VIEWER).get(URL).content.decode()
    assert "<strong>team cannot be told.</strong> example.com answered 503" in text
    assert "Given up within the last 7 days:" in text
    assert "1 message to team</a>" in text
    assert "<script>alert" not in text


def test_the_alerts_page_says_who_cannot_be_told_once_it_is_no_hiccup(house: None) -> None:
    client = client_for(Role.VIEWER)
    make(1, error="no", tries=2)
    assert "cannot be told" not in client.get("/alerts/").content.decode()
    make(2, error="no", tries=3)
    assert "<strong>team cannot be told</strong>" in client.get("/alerts/").content.decode()


def test_an_admin_sends_a_test_which_is_audited(house: None) -> None:
    client = client_for(Role.ADMIN, "anna")
    assert client.post(f"{URL}team/test").status_code == 302
    message = Notification.objects.get()
    assert (message.receiver, message.reason, message.state) == ("team", "test", "waiting")
    assert message.content["text"].startswith("anna tries whether")
    assert AuditEntry.objects.get().action == "receiver.tested"
    assert client.post(f"{URL}nobody/test").status_code == 404


def test_an_admin_has_one_that_was_given_up_tried_again(house: None) -> None:
    make(1, state="given_up", finished_ms=1)
    client = client_for(Role.ADMIN)
    for _ in range(2):
        assert client.post("/alerts/deliveries/uid1/retry").status_code == 302
    assert Notification.objects.get().state == "waiting"
    assert [entry.action for entry in AuditEntry.objects.all()] == ["notification.retried"]


@pytest.mark.parametrize("role", [Role.VIEWER, Role.OPERATOR])
def test_others_look_on(house: None, role: Role) -> None:
    make(1, state="given_up", finished_ms=1)
    client = client_for(role)
    text = client.get(URL).content.decode()
    assert "Send a test" not in text
    assert "Try again" not in text
    for path in (f"{URL}team/test", "/alerts/deliveries/uid1/retry"):
        assert client.post(path).status_code == 403
    assert Notification.objects.get().state == "given_up"


def test_without_receivers_it_says_where_they_are_made(configure: Configure) -> None:
    configure({})
    text = client_for(Role.VIEWER).get(URL).content.decode()
    assert "Nobody is told" in text
    assert "[alerts.receivers.NAME]" in text


def test_receivers_without_a_route_are_said_to_get_nothing(configure: Configure) -> None:
    configure({"receivers": {"team": {"type": "slack"}}}, SECRETS)
    client = client_for(Role.VIEWER)
    assert "Nobody gets anything" in client.get(URL).content.decode()
    assert "Nobody: no route takes it" in client.get(URL, {"labels": "a=b"}).content.decode()


def test_one_row_and_thirty_cost_the_same_queries(house: None) -> None:
    client = client_for(Role.ADMIN)
    counts = []
    for many in (1, 30):
        for number in range(many):
            make(many * 100 + number, error="no" if number % 2 else "")
        client.get(URL)
        with CaptureQueriesContext(connections["default"]) as queries:
            client.get(URL)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 8
