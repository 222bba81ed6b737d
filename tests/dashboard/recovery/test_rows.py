"""Rows by the thousand, past the models: as they are stored, all of a call or none of it."""

from __future__ import annotations

import pytest
from django.db import DatabaseError

from dashboard.recovery.rows import read_rows, update_rows
from ingest.models import DeadLetter
from tests.dashboard.care import make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def test_rows_that_are_there_are_read_as_they_are_stored() -> None:
    first, second = make_letter(1, event=b"\x00\xff"), make_letter(2, event=b"{}")

    found = read_rows(DeadLetter, ("event", "topic", "stream"), [second.pk, first.pk, 1 << 40])

    assert {pk: bytes(event) for pk, event, *_ in found} == {
        first.pk: b"\x00\xff",
        second.pk: b"{}",
    }
    assert {row[2:] for row in found} == {(first.topic, first.stream_id)}
    assert read_rows(DeadLetter, ("topic",), []) == []


def test_of_rows_that_cannot_all_be_changed_none_is() -> None:
    first, second = make_letter(1, topic="before"), make_letter(2, topic="before")

    with pytest.raises(DatabaseError):
        update_rows(DeadLetter, ("topic",), [("after", first.pk), (None, second.pk)])

    assert set(DeadLetter.objects.values_list("topic", flat=True)) == {"before"}
