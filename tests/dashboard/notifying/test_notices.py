"""Words about the house: to whom, and gathered so that many are few messages."""

from __future__ import annotations

from dataclasses import replace

import pytest

from dashboard.notifying.models import Notification
from dashboard.notifying.notices import Notice, tell_admins
from dashboard.notifying.outbox import claim, mark_sent, sent_since
from tests.dashboard.notifying.conftest import Configure
from tests.dashboard.notifying.makers import NOW_MS

pytestmark = pytest.mark.django_db

SLACK = {"type": "slack"}
SECRETS = {"admin": "https://hooks.slack.com/a", "team": "https://hooks.slack.com/b"}
NOTICE = Notice("rule-3", "Dead letters of {count}", "The first: 41", "/dead-letters/41/", 2)


def told() -> list[tuple[str, str, int]]:
    rows = Notification.objects.order_by("pk")
    return [(row.receiver, row.title, (row.next_ms - NOW_MS) // 1000) for row in rows]


@pytest.mark.parametrize(
    ("alerts", "receiver"),
    [
        ({"receivers": {"admin": SLACK, "team": SLACK}, "receiver": "team"}, "admin"),
        ({"receivers": {"team": SLACK}, "receiver": "team"}, "team"),
    ],
)
def test_admin_is_told_else_who_gets_everything_else(
    configure: Configure, alerts: dict[str, object], receiver: str
) -> None:
    configure(alerts, SECRETS)
    message = tell_admins(NOTICE, now_ms=NOW_MS)
    assert message is not None
    assert message.receiver == receiver
    assert message.content["url"] == "https://eventscope.example/dead-letters/41/"
    assert sent_since(0) == {}


def test_without_one_nobody_is(configure: Configure) -> None:
    configure({"receivers": {"team": SLACK}}, SECRETS)
    assert tell_admins(NOTICE, now_ms=NOW_MS) is None
    assert Notification.objects.count() == 0


def test_what_comes_soon_after_joins_and_what_comes_later_waits_for_its_turn(
    configure: Configure,
) -> None:
    configure({"receivers": {"admin": SLACK}}, SECRETS)
    tell_admins(NOTICE, now_ms=NOW_MS)
    tell_admins(replace(NOTICE, count=3), now_ms=NOW_MS + 10_000)
    tell_admins(replace(NOTICE, topic="rule-4"), now_ms=NOW_MS + 10_000)
    assert told() == [("admin", "Dead letters of 5", 30), ("admin", "Dead letters of 2", 40)]

    first = claim("admin", NOW_MS + 30_000)
    assert first is not None
    tell_admins(NOTICE, now_ms=NOW_MS + 31_000)
    assert mark_sent(first, "", NOW_MS + 32_000)
    tell_admins(NOTICE, now_ms=NOW_MS + 33_000)
    assert told()[2] == ("admin", "Dead letters of 4", 300)
