"""Discarding, archiving and restoring: nothing is sent, nothing is silent, nothing is lost before its time."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry, Role
from dashboard.recovery.actions import Options, create_job
from dashboard.recovery.history import expires_ms, letter_history
from dashboard.recovery.items import count_items
from dashboard.recovery.models import Job
from dashboard.recovery.selection import Selection, SelectionError
from dashboard.recovery.steps import Counts
from dashboard.recovery.working import Worker
from ingest.models import DeadLetter
from ingest.options import Duration, IngestOptions, RetentionOptions
from ingest.queries.letters import LetterFilter
from ingest.retention import purge_expired
from ingest.store import open_store
from tests.dashboard.care import client_for, make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])

DAY = 86_400_000
GROUP = LetterFilter(fingerprint="f" * 16)


def do(kind: str, selection: Selection, note: str = "noise") -> Job:
    return create_job(actor="ada", selection=selection, options=Options(note=note), kind=kind)


def one(letter: DeadLetter) -> Selection:
    return Selection.of_ids([letter.pk])


def work() -> None:
    Worker().step()


def status(*letters: DeadLetter) -> list[str]:
    return [DeadLetter.objects.get(pk=letter.pk).status for letter in letters]


def test_archiving_a_group_leaves_alone_what_fails_later() -> None:
    before = [make_letter(1), make_letter(2)]
    job = do("archive", Selection.of_filter(GROUP))
    later = make_letter(3)

    work()

    assert status(*before, later) == ["archived", "archived", "open"]
    assert count_items(job) == Counts(processed=2)


def test_an_archived_letter_is_deleted_when_its_time_is_up_and_not_by_its_age() -> None:
    archived, kept, old = make_letter(1), make_letter(2), make_letter(3)
    do("archive", Selection.of_ids([archived.pk, kept.pk]))
    work()
    since = DeadLetter.objects.get(pk=archived.pk).archived_ms
    assert since is not None
    DeadLetter.objects.filter(pk=kept.pk).update(
        archived_ms=since + DAY, received_ms=since - 200 * DAY
    )
    DeadLetter.objects.filter(pk=old.pk).update(received_ms=since - 89 * DAY)
    now_ms = since + 30 * DAY + 1

    list(purge_expired(open_store(), RetentionOptions(), now_ms=now_ms))

    assert list(DeadLetter.objects.values_list("pk", flat=True)) == [kept.pk]


def test_the_countdown_ends_when_retention_deletes(settings: Any) -> None:
    settings.INGEST = IngestOptions(retention=RetentionOptions(archived_letters=Duration(86_400)))
    letter = make_letter(1)
    assert expires_ms(letter) == letter.received_ms + 90 * DAY
    letter.archived_ms = 5
    assert expires_ms(letter) == 5 + DAY


def test_what_is_restored_is_open_again_and_its_countdown_over() -> None:
    archived, discarded, resolved = (
        make_letter(1),
        make_letter(2),
        make_letter(3, status="resolved"),
    )
    do("archive", one(archived))
    do("discard", one(discarded))
    work()

    job = do("restore", Selection.of_ids([archived.pk, discarded.pk, resolved.pk]), note="")
    work()

    assert status(archived, discarded, resolved) == ["open", "open", "resolved"]
    assert DeadLetter.objects.get(pk=archived.pk).archived_ms is None
    assert count_items(job) == Counts(processed=2, skipped=1)


def test_a_restored_letter_gives_way_to_the_newer_one_of_its_event() -> None:
    older = make_letter(1, status="archived", archived_ms=1)
    make_letter(2, event_id=older.event_id, redrives=1)

    job = do("restore", one(older), note="")
    work()

    assert status(older) == ["superseded"]
    assert count_items(job) == Counts(skipped=1)
    assert letter_history(older.pk)[0].reason == "a newer letter stands for its event"


def test_a_filter_restores_only_what_it_names() -> None:
    archived, discarded = make_letter(1, status="archived"), make_letter(2, status="discarded")
    where = LetterFilter(statuses=("archived",))

    do("restore", Selection.of_filter(where, taken=("archived", "discarded")))
    work()

    assert status(archived, discarded) == ["open", "discarded"]


def test_a_letter_tells_who_did_what_with_it_when_and_why() -> None:
    letter = make_letter(1)
    first = do("archive", one(letter), note="a test order")
    work()
    do("restore", one(letter), note="it was not")
    work()

    restored, archived = letter_history(letter.pk)

    assert (archived.by, archived.kind, archived.note) == ("ada", "archive", "a test order")
    assert (archived.job, archived.state) == (first.pk, "processed")
    assert (restored.kind, restored.note) == ("restore", "it was not")
    assert restored.at_ms >= archived.at_ms
    actions = AuditEntry.objects.order_by("number").values_list("action", flat=True)
    assert list(actions) == ["job.archive", "job.restore"]


@pytest.mark.parametrize("kind", ["archive", "discard"])
def test_nothing_is_put_aside_without_a_reason(kind: str) -> None:
    letter = make_letter(1)
    with pytest.raises(SelectionError, match="note: must be told"):
        do(kind, one(letter), note="  ")
    assert Job.objects.count() == 0


def test_two_who_archive_and_discard_the_same_letter_do_not_undo_each_other() -> None:
    letter = make_letter(1)
    do("archive", one(letter))
    second = do("discard", one(letter))

    work()

    assert status(letter) == ["archived"]
    assert count_items(second) == Counts(skipped=1)


def test_the_pages_archive_and_restore(client: Client) -> None:
    operator, letter = client_for(Role.OPERATOR), make_letter(1)
    asked = operator.get(f"/dead-letters/archive/?letter={letter.pk}")
    assert "Archive 1 letter" in asked.content.decode()
    refused = operator.post(f"/dead-letters/archive/?letter={letter.pk}", {"note": ""})
    assert refused.context["form"].errors["note"] == ["This field is required."]
    operator.post(f"/dead-letters/archive/?letter={letter.pk}", {"note": "<b>why</b>"})
    work()

    page = operator.get(f"/dead-letters/{letter.pk}/").content.decode()
    assert "It is archived, and deleted" in page
    assert "&lt;b&gt;why&lt;/b&gt;" in page
    listed = operator.get("/dead-letters/?status=archived").content.decode()
    assert 'data-style="left"' in listed
    assert "/dead-letters/restore/?status=archived" in listed

    answer = operator.post("/dead-letters/restore/?status=archived", {"note": ""})
    work()
    assert answer.status_code == 302
    assert status(letter) == ["open"]


def test_a_viewer_sees_but_does_nothing() -> None:
    viewer, letter = client_for(Role.VIEWER), make_letter(1, status="archived", archived_ms=1)
    for word in ("archive", "restore"):
        assert viewer.get(f"/dead-letters/{word}/?letter={letter.pk}").status_code == 403
        assert viewer.post(f"/dead-letters/{word}/?letter={letter.pk}").status_code == 403
    assert "Restore" not in viewer.get(f"/dead-letters/{letter.pk}/").content.decode()
    assert status(letter) == ["archived"]
