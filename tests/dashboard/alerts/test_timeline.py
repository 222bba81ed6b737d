"""Lines that others write into timelines."""

from __future__ import annotations

import pytest

from dashboard.alerts.timeline import note_notification
from tests.dashboard.care import NOW_MS, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def test_a_notification_is_told_in_the_timeline_of_each_alert_it_was_about() -> None:
    one, two = make_episode(), make_episode(subject="inventory")
    assert note_notification([one.pk, two.pk, 4711], "on-call by e-mail", NOW_MS) == 2
    for episode in (one, two):
        entry = episode.entries.get(kind="notified")
        assert (entry.at_ms, entry.note, entry.by) == (NOW_MS, "on-call by e-mail", "")
