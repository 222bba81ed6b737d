"""What doctor says of receivers: a line each, and nothing is sent."""

from __future__ import annotations

import pytest

from dashboard.findings import Finding
from dashboard.notifying.examining import address_to_reach, examine_receivers
from dashboard.notifying.receivers import configured_receivers
from eventscope.stamps import now_ms
from tests.dashboard.notifying.conftest import Configure
from tests.dashboard.notifying.makers import make_notification
from tests.dashboard.notifying.servers import HttpSide, MailSide

pytestmark = pytest.mark.django_db


def findings() -> dict[str, Finding]:
    return {finding.subject: finding for finding in examine_receivers()}


def hook(url: str, **given: object) -> dict[str, object]:
    return {"type": "webhook", "url": url, "private": True, **given}


def test_without_receivers_there_is_nothing_to_say(configure: Configure) -> None:
    configure({})
    assert findings() == {}


def test_each_receiver_is_reached_and_told_nothing(
    http: HttpSide, mail: MailSide, configure: Configure
) -> None:
    receivers = {"hook": hook(http.url), "ops": {"type": "email", "to": ["ops@example.com"]}}
    configure({"receivers": receivers}, {"hook": "key"})
    make_notification("hook", save=True, state="sent", created_ms=now_ms(), finished_ms=now_ms())

    found = findings()

    assert found["receiver hook"] == Finding(
        "receiver hook",
        ok=True,
        detail="webhook, 1 sent in the last day",
        mend=found["receiver hook"].mend,
    )
    assert found["receiver ops"].detail == "email, nothing sent in the last day"
    assert http.received == mail.received == []


def test_what_cannot_be_reached_or_may_not_be_says_so_with_its_mend(configure: Configure) -> None:
    receivers = {
        "gone": hook("http://127.0.0.1:1/in"),
        "inside": hook("http://127.0.0.1:1/in", private=False),
    }
    configure({"receivers": receivers}, dict.fromkeys(receivers, "key"))

    found = findings()

    assert [found[f"receiver {name}"].ok for name in receivers] == [False, False]
    assert "Could not connect" in found["receiver gone"].detail
    assert "private address" in found["receiver inside"].detail
    assert "[alerts.receivers.gone]" in found["receiver gone"].mend


def test_messages_that_fail_or_were_given_up_are_wrong(
    http: HttpSide, configure: Configure
) -> None:
    names = ("waits", "lost")
    receivers = {name: hook(http.url) for name in names}
    configure({"receivers": receivers}, dict.fromkeys(names, "key"))
    make_notification("waits", save=True, uid="1", created_ms=now_ms(), error="it answered 503")
    make_notification("lost", save=True, uid="2", created_ms=now_ms(), state="given_up")

    found = findings()

    assert [found[f"receiver {name}"].ok for name in names] == [False, False]
    assert found["receiver waits"].detail.endswith(
        "1 waiting in the last day; last: it answered 503"
    )
    assert "1 given up" in found["receiver lost"].detail


def test_where_each_kind_has_its_side(configure: Configure) -> None:
    receivers = {
        "chat": {"type": "slack"},
        "page": {"type": "pagerduty"},
        "eu": {"type": "pagerduty", "url": "https://events.eu.example.com:8443/v2"},
        "any": {"type": "apprise"},
    }
    secrets = {"chat": "https://hooks.example.com/x", "page": "k", "eu": "k", "any": "json://x"}
    configure({"receivers": receivers}, secrets)

    found = {name: address_to_reach(one) for name, one in configured_receivers().items()}

    assert found == {
        "chat": ("hooks.example.com", 443),
        "page": ("events.pagerduty.com", 443),
        "eu": ("events.eu.example.com", 8443),
        "any": None,
    }
