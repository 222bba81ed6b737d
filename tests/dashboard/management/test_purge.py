from __future__ import annotations

import time

import pytest
from django.core.management import CommandError, call_command

from dashboard.management.commands.purge import kept_for
from ingest.models import QuarantinedMessage, Stream
from ingest.options import RetentionOptions

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def quarantine(days_ago: float, minor: int) -> None:
    stream, _ = Stream.objects.get_or_create(broker="main", topic="t")
    QuarantinedMessage.objects.create(
        stream=stream,
        major=1,
        minor=minor,
        appended_ms=round((time.time() - days_ago * 86400) * 1000),
        reason="no JSON",
        body=b"x",
        size=1,
    )


def test_what_is_past_its_retention_is_deleted_and_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    quarantine(days_ago=13, minor=1)
    quarantine(days_ago=15, minor=2)
    call_command("purge")
    assert capsys.readouterr().out == "quarantined: 1 deleted\n"
    assert list(QuarantinedMessage.objects.values_list("minor", flat=True)) == [1]


def test_nothing_to_delete_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    call_command("purge")
    assert capsys.readouterr().out == "Nothing is past its retention.\n"


def test_an_age_shortens_the_retention_of_events_and_never_lengthens_it() -> None:
    assert kept_for(RetentionOptions(), 3600).events == 3600
    assert kept_for(RetentionOptions(), 1e9).events == RetentionOptions().events
    assert kept_for(RetentionOptions(), None) == RetentionOptions()


def test_an_age_that_is_none_is_refused_in_words() -> None:
    with pytest.raises(CommandError, match="'soon' is not a duration"):
        call_command("purge", "--before", "soon")
