"""The audit log cannot be changed unnoticed."""

from __future__ import annotations

from pathlib import Path

import pytest
from django.db import connection, transaction
from django.test.utils import CaptureQueriesContext

from dashboard.accounts import audit
from dashboard.accounts.models import AuditEntry, AuditHead, Role
from tests.dashboard.accounts.factories import client_of, make_user
from tests.dashboard.accounts.racing import race

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def write(count: int) -> list[AuditEntry]:
    return [
        audit.record(actor="ada", action="alert.acknowledge", subject=f"alert {n}", detail={"n": n})
        for n in range(count)
    ]


def change(sql: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(sql)


def test_entries_are_numbered_and_chained() -> None:
    first, second, third = write(3)

    assert [first.number, second.number, third.number] == [1, 2, 3]
    assert [first.previous, second.previous] == ["", first.digest]
    assert audit.verify_chain() == audit.ChainCheck(3, None)


def test_an_empty_log_is_intact() -> None:
    assert audit.verify_chain() == audit.ChainCheck(0, None)


@pytest.mark.parametrize(
    ("sql", "broken_at"),
    [
        ("UPDATE accounts_auditentry SET subject = 'alert 9' WHERE number = 3", 3),
        ("UPDATE accounts_auditentry SET actor = 'eve' WHERE number = 1", 1),
        ("DELETE FROM accounts_auditentry WHERE number = 2", 3),
        ("DELETE FROM accounts_auditentry WHERE number = 5", 5),
        ("DELETE FROM accounts_auditentry", 1),
        ("UPDATE accounts_auditentry SET at_ms = at_ms + 1 WHERE number = 5", 5),
    ],
)
def test_a_change_behind_our_back_is_found(sql: str, broken_at: int) -> None:
    write(5)
    change(sql)

    assert audit.verify_chain().broken_at == broken_at


def test_checking_the_newest_only_does_not_need_the_older_ones() -> None:
    write(5)
    change("UPDATE accounts_auditentry SET subject = 'x' WHERE number = 1")

    assert audit.verify_chain(newest=3) == audit.ChainCheck(3, None)
    assert audit.verify_chain().broken_at == 1


def test_entries_can_be_neither_changed_nor_deleted() -> None:
    (entry,) = write(1)

    with pytest.raises(TypeError):
        AuditEntry.objects.all().delete()
    with pytest.raises(TypeError):
        AuditEntry.objects.update(actor="eve")
    with pytest.raises(TypeError):
        entry.delete()
    entry.actor = "eve"
    with pytest.raises(Exception, match=r"UNIQUE|duplicate"), transaction.atomic():
        entry.save()
    assert AuditEntry.objects.get().actor == "ada"


def test_an_entry_is_undone_with_the_change_that_it_tells_of() -> None:
    write(1)
    with transaction.atomic():
        audit.record(actor="ada", action="x", subject="y", detail={})
        transaction.set_rollback(True)

    assert AuditHead.objects.get().number == 1
    assert audit.verify_chain() == audit.ChainCheck(1, None)


def test_an_entry_that_is_added_while_the_chain_is_checked_breaks_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(2)
    heads = iter([AuditHead.objects.get()])
    write(1)
    monkeypatch.setattr(audit, "_head", lambda: next(heads, None) or AuditHead.objects.get())
    assert audit.verify_chain() == audit.ChainCheck(2, None)


def test_entries_that_are_let_go_while_the_chain_is_checked_break_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    write(3)
    heads = iter([AuditHead.objects.get()])
    audit.expire(before_ms=AuditEntry.objects.order_by("number").last().at_ms + 1)
    monkeypatch.setattr(audit, "_head", lambda: next(heads, None) or AuditHead.objects.get())
    assert audit.verify_chain().intact


def test_an_entry_behind_the_head_that_nobody_wrote_is_found() -> None:
    write(2)
    change(
        "INSERT INTO accounts_auditentry (number, at_ms, actor, action, subject, detail, previous, digest)"
        " SELECT 3, at_ms, actor, action, subject, detail, digest, 'x' FROM accounts_auditentry WHERE number = 2"
    )
    assert audit.verify_chain() == audit.ChainCheck(2, 3)


def test_writers_at_the_same_moment_make_one_chain(tmp_path: Path) -> None:
    *writers, chain = race(tmp_path, "verify", work="audit", times=3, after="verify")

    assert writers == ["True"] * 3
    assert chain == "30 True"


def test_the_page_shows_entries_and_pages_by_key() -> None:
    write(60)
    client = client_of(make_user(Role.OPERATOR))

    first = client.get("/audit/")
    second = client.get("/audit/", {"before": first.context["next"]})

    assert [row["number"] for row in first.context["entries"]] == list(range(60, 10, -1))
    assert [row["number"] for row in second.context["entries"]] == list(range(10, 0, -1))
    assert second.context["next"] is None
    assert "Chain intact" in first.content.decode()


def test_the_page_says_where_the_chain_is_broken() -> None:
    write(3)
    change("UPDATE accounts_auditentry SET subject = 'x' WHERE number = 2")

    page = client_of(make_user(Role.OPERATOR)).get("/audit/").content.decode()

    assert "Chain broken" in page
    assert "Entry 2 does not fit" in page


@pytest.mark.parametrize("before", ["", "x", "-1", "9" * 40, "1e3"])
def test_a_cursor_that_is_not_one_shows_the_newest(before: str) -> None:
    write(2)

    page = client_of(make_user(Role.OPERATOR)).get("/audit/", {"before": before})

    assert [row["number"] for row in page.context["entries"]] == [2, 1]


def test_the_page_takes_as_many_queries_for_one_entry_as_for_thirty() -> None:
    client = client_of(make_user(Role.OPERATOR))
    counts = []
    for number in (1, 29):
        write(number)
        with CaptureQueriesContext(connection) as queries:
            client.get("/audit/")
        counts.append(len(queries))

    assert counts[0] == counts[1]


def age(count: int) -> None:
    """Entries as they are after years: written with a clock that stood far back."""
    with pytest.MonkeyPatch.context() as clock:
        clock.setattr(audit.time, "time_ns", lambda: 1_000_000_000)
        write(count)


def test_what_is_left_after_old_entries_went_still_verifies() -> None:
    age(5)
    write(3)

    assert audit.expire(before_ms=2_000_000) == 5

    left = list(AuditEntry.objects.order_by("number").values_list("number", "action"))
    assert left == [(n, "alert.acknowledge") for n in (6, 7, 8)] + [(9, "audit.expired")]
    assert audit.verify_chain() == audit.ChainCheck(4, None)
    assert audit.verify_chain(newest=2) == audit.ChainCheck(2, None)
    assert audit.expire(before_ms=2_000_000) == 0
    write(1)
    assert audit.verify_chain() == audit.ChainCheck(5, None)


@pytest.mark.parametrize(
    ("sql", "broken_at"),
    [
        ("DELETE FROM accounts_auditentry WHERE number = 6", 7),
        ("UPDATE accounts_auditentry SET actor = 'eve' WHERE number = 6", 6),
        ("DELETE FROM accounts_auditentry", 6),
    ],
)
def test_a_change_behind_our_back_is_found_after_old_entries_went_too(
    sql: str, broken_at: int
) -> None:
    age(5)
    write(2)
    audit.expire(before_ms=2_000_000)
    change(sql)

    assert audit.verify_chain().broken_at == broken_at


def test_a_young_entry_keeps_what_comes_after_it_whatever_its_age() -> None:
    write(1)
    age(2)

    assert audit.expire(before_ms=2_000_000) == 0
    assert AuditEntry.objects.count() == 3


def test_all_entries_may_go_but_the_note_of_it() -> None:
    age(3)

    assert audit.expire(before_ms=2_000_000, limit=2) == 2
    assert audit.expire(before_ms=2_000_000, limit=2) == 1
    assert audit.verify_chain() == audit.ChainCheck(2, None)
