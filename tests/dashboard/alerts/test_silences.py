"""Silences made, ended and put off; what is hushed meanwhile, and what a bad one is told."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.accounts.models import AuditEntry
from dashboard.alerts.models import Episode, Silence
from dashboard.alerts.silences import (
    SilenceError,
    SilenceNotFound,
    Wanted,
    add_silence,
    end_silence,
    extend_silence,
    hushed_now,
    matchers_of,
    read_matchers,
)
from dashboard.alerts.suppressing import renew_suppressions
from dashboard.options import DashboardOptions
from ingest.options import OptionsError, decode_options
from tests.dashboard.care import NOW_MS, make_episode

pytestmark = pytest.mark.django_db(databases=["default", "events"])

HOUR = 3_600_000


def make_labelled(**labels: str) -> Episode:
    labels = {"rule": "error-rate", "subject": "payment", "consumer": "payment", **labels}
    return make_episode(labels=labels, subject=labels["subject"], rule=labels["rule"])


def add(*matchers: str, **given: Any) -> Silence:
    values = {"ends_ms": NOW_MS + HOUR, "comment": "deploy", **given}
    return add_silence(
        Wanted(matchers=matchers or ("consumer = payment",), **values), by="anna", now_ms=NOW_MS
    )


def kinds(episode: Episode) -> list[str]:
    return list(episode.entries.order_by("pk").values_list("kind", flat=True))


def test_a_silence_hushes_at_once_and_its_end_is_heard_at_once() -> None:
    episode = make_labelled()
    other = make_labelled(consumer="inventory", subject="inventory")
    silence = add()
    episode.refresh_from_db()
    other.refresh_from_db()
    assert (episode.shown_state(), episode.suppressed_by) == ("suppressed", f"silence {silence.pk}")
    assert other.shown_state() == "firing"

    assert end_silence(silence.pk, by="ben", now_ms=NOW_MS + 5).ended_by == "ben"
    episode.refresh_from_db()
    assert episode.shown_state() == "firing"
    assert kinds(episode)[1:] == ["suppressed", "unsuppressed"]
    assert [entry.action for entry in AuditEntry.objects.order_by("number")] == [
        "silence.add",
        "silence.end",
    ]
    assert end_silence(silence.pk, by="eve", now_ms=NOW_MS + 6).ended_by == "ben"
    assert AuditEntry.objects.count() == 2


def test_a_silence_ends_by_itself() -> None:
    episode = make_labelled()
    add()
    assert renew_suppressions(now_ms=NOW_MS + HOUR - 1) == 0
    assert renew_suppressions(now_ms=NOW_MS + HOUR) == 1
    episode.refresh_from_db()
    assert episode.suppressed_by == ""


def test_a_silence_is_put_off_while_it_lasts() -> None:
    silence = add()
    extend_silence(silence.pk, by="ben", ends_ms=NOW_MS + 3 * HOUR, now_ms=NOW_MS + 5)
    assert Silence.objects.get().ends_ms == NOW_MS + 3 * HOUR
    with pytest.raises(SilenceError, match="next 90 days"):
        extend_silence(silence.pk, by="ben", ends_ms=NOW_MS - 1, now_ms=NOW_MS)
    end_silence(silence.pk, by="ben", now_ms=NOW_MS + 6)
    with pytest.raises(SilenceError, match="ended already"):
        extend_silence(silence.pk, by="ben", ends_ms=NOW_MS + HOUR, now_ms=NOW_MS + 7)


def test_what_is_planned_hushes_only_from_then_on() -> None:
    episode = make_labelled()
    add(starts_ms=NOW_MS + HOUR, ends_ms=NOW_MS + 2 * HOUR, kind="maintenance")
    episode.refresh_from_db()
    assert episode.suppressed_by == ""
    renew_suppressions(now_ms=NOW_MS + HOUR)
    episode.refresh_from_db()
    assert episode.suppressed_by.startswith("maintenance ")


def test_a_weekly_window_hushes_again_a_week_later_and_until_it_is_ended() -> None:
    episode = make_labelled()
    window = add(kind="maintenance", weekly=True, zone="Europe/Berlin")
    week = 7 * 24 * HOUR
    for at, hushed in ((2 * HOUR, False), (week + 1, True), (week + HOUR, False)):
        renew_suppressions(now_ms=NOW_MS + at)
        episode.refresh_from_db()
        assert bool(episode.suppressed_by) == hushed, at
    end_silence(window.pk, by="ben", now_ms=NOW_MS + week + 2 * HOUR)
    renew_suppressions(now_ms=NOW_MS + 2 * week + 1)
    episode.refresh_from_db()
    assert episode.suppressed_by == ""


def test_a_stalled_ingest_hushes_the_consumers_it_cannot_see() -> None:
    episode = make_labelled()
    stalled = make_episode(
        rule="ingest-stalled", subject="ingest", labels={"rule": "ingest-stalled"}
    )
    renew_suppressions(now_ms=NOW_MS)
    episode.refresh_from_db()
    assert episode.suppressed_by == "inhibited by ingest-stalled"
    stalled.delete()
    renew_suppressions(now_ms=NOW_MS)
    episode.refresh_from_db()
    assert episode.suppressed_by == ""


def test_what_is_over_is_left_as_it_is() -> None:
    episode = make_episode(state="resolved", resolved_ms=NOW_MS, labels={"consumer": "payment"})
    add()
    episode.refresh_from_db()
    assert (episode.suppressed_by, kinds(episode)) == ("", ["pending"])


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"matchers": []}, "Say what is to be hushed"),
        ({"matchers": [" ", "\x00"]}, "Say what is to be hushed"),
        ({"matchers": ["payment"]}, "'payment' is no matcher"),
        ({"matchers": ["a =~ (x+)+"]}, "may not be repeated"),
        ({"matchers": ["rule = a"] * 21}, "At most 20 matchers; these are 21"),
        ({"matchers": ["consumer =~ .*"]}, "hush everything"),
        ({"comment": "  "}, "Say why"),
        ({"comment": "x" * 2001}, "this has 2001"),
        ({"ends_ms": NOW_MS}, "has to end after it begins"),
        ({"starts_ms": NOW_MS + 2 * HOUR}, "has to end after it begins"),
        ({"starts_ms": NOW_MS - HOUR}, "begin now or within the next year"),
        ({"ends_ms": NOW_MS + 91 * 24 * HOUR}, "lasts too long"),
        ({"weekly": True}, "Only maintenance is weekly"),
        ({"weekly": True, "kind": "maintenance", "ends_ms": NOW_MS + 7 * 24 * HOUR}, "6 days if it is weekly"),
        ({"zone": "Mars/Olympus"}, "'Mars/Olympus' is no time zone"),
        ({"zone": "../etc/passwd"}, "is no time zone"),
        ({"zone": ""}, "is no time zone"),
    ],
)  # fmt: skip
def test_a_silence_that_cannot_be_is_refused_in_words(wanted: dict[str, Any], said: str) -> None:
    given = {"matchers": ["rule = x"], "ends_ms": NOW_MS + HOUR, "comment": "deploy", **wanted}
    with pytest.raises(SilenceError, match=said):
        add_silence(Wanted(**given), by="anna", now_ms=NOW_MS)
    assert not Silence.objects.exists()
    assert not AuditEntry.objects.exists()


def test_no_such_silence() -> None:
    with pytest.raises(SilenceNotFound):
        end_silence(4711, by="anna")
    with pytest.raises(SilenceNotFound):
        extend_silence(4711, by="anna", ends_ms=NOW_MS + HOUR, now_ms=NOW_MS)


def test_what_would_be_hushed_is_counted_and_shown_the_newest_first() -> None:
    old, new = make_labelled(), make_labelled(rule="latency-p95")
    make_labelled(consumer="inventory", subject="inventory")
    Episode.objects.filter(pk=old.pk).update(started_ms=NOW_MS - HOUR)
    count, shown = hushed_now(read_matchers(["consumer = payment"]), most=1)
    assert (count, [episode.pk for episode in shown]) == (2, [new.pk])


@pytest.mark.parametrize(
    "value", ["payment", ' spaced "', '"', "x" * 300, "a*b", "line\nline", "ü"]
)
def test_matchers_proposed_for_an_alert_fit_it(value: str) -> None:
    episode = make_episode(labels={"rule": "error-rate", "consumer": value, "severity": "critical"})
    sentences = matchers_of(episode)
    assert len(sentences) == 2
    count, shown = hushed_now(read_matchers(sentences))
    assert (count, shown) == (1, [episode])


def test_an_inhibition_of_the_configuration_that_cannot_be_is_refused_with_its_place() -> None:
    raw = {"alerts": {"inhibit": [{"name": "x", "source": ["rule = a"], "target": ["nonsense"]}]}}
    with pytest.raises(OptionsError, match=r"alerts\.inhibit.*x: 'nonsense' is no matcher"):
        decode_options(raw, DashboardOptions, file="eventscope.toml")
