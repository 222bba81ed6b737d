"""What people say of failures: owner, note, ticket, fixed, muted, merged; and the page of one."""

from __future__ import annotations

import time
from html import unescape
from typing import Any

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext

from dashboard.accounts.models import AuditEntry, Role
from dashboard.recovery.models import FailureGroup, GroupEntry
from tests.dashboard.care import HOSTILE, client_for, make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])

F, B, C = "f" * 16, "b" * 16, "c" * 16
DEEDS = ("describe", "fixed", "mute", "merge", "split")


@pytest.fixture
def operator() -> Client:
    return client_for(Role.OPERATOR)


def post(client: Client, deed: str, fingerprint: str = F, **form: Any) -> Any:
    return client.post(f"/dead-letters/groups/{fingerprint}/{deed}/", form)


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def test_page_tells_how_the_failure_stands(operator: Client) -> None:
    make_letter(1, received_ms=now_ms() - 1000)
    make_letter(2, received_ms=now_ms(), consumer="shipping")
    make_letter(3, fingerprint=B, error_message="another")
    answer = operator.get(f"/dead-letters/groups/{F}/")
    text = text_of(answer)
    assert answer.context["group"].open == 2
    assert [part.key for part in answer.context["page"].consumers] == ["shipping", "inventory"]
    for words in ("OUT_OF_STOCK", "no PROD_001 left", "new", "Redrive 2", "Nobody has done"):
        assert words in text, words
    assert f"fingerprint={F}" in text
    assert "another" in text  # may be merged with


def test_owner_note_and_ticket_are_kept_told_and_audited(operator: Client) -> None:
    make_letter()
    answer = post(
        operator, "describe", owner="Ada", note="look\nhere", ticket="https://t.example/1"
    )
    assert answer.status_code == 302
    kept = FailureGroup.objects.get()
    assert (kept.owner, kept.note, kept.ticket) == ("Ada", "look\nhere", "https://t.example/1")
    entry = GroupEntry.objects.get()
    assert (entry.by, entry.kind) == ("a-operator", "described")
    assert entry.text == "owner: Ada\nticket: https://t.example/1\nnote: look\nhere"
    audited = AuditEntry.objects.latest("number")
    assert (audited.action, audited.subject) == ("failure.described", f"failure {F}")
    assert "Ada" in text_of(operator.get("/dead-letters/?by=failure"))

    post(operator, "describe", owner="Ada", note="look\nhere", ticket="https://t.example/1")
    assert GroupEntry.objects.count() == 1


@pytest.mark.parametrize(
    ("deed", "form", "said"),
    [
        ("describe", {"ticket": "javascript:alert(1)"}, "must be a link"),
        ("describe", {"ticket": "https://[broken"}, "must be a link"),
        ("describe", {"owner": "x" * 201}, "at most 200"),
        ("describe", {"note": "x" * 2001}, "at most 2000"),
        ("fixed", {"how": "  "}, "say how it was fixed"),
        ("mute", {"hours": "99999"}, "none of the times"),
        ("merge", {"into": F}, "the same failure"),
        ("merge", {"into": "nonsense"}, "no dead letter has 'nonsense'"),
        ("split", {}, "not merged"),
    ],
)
def test_what_cannot_be_done_is_refused_and_says_where(
    operator: Client, deed: str, form: dict[str, str], said: str
) -> None:
    make_letter()
    answer = post(operator, deed, **form)
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert GroupEntry.objects.count() == 0


def test_an_unknown_failure_is_told(operator: Client) -> None:
    assert operator.get("/dead-letters/groups/unknown/").status_code == 404
    assert post(operator, "describe", "unknown", owner="Ada").status_code == 400
    assert FailureGroup.objects.count() == 0


@pytest.mark.parametrize("deed", DEEDS)
def test_a_viewer_sees_but_does_nothing(deed: str) -> None:
    make_letter()
    viewer = client_for(Role.VIEWER)
    page = viewer.get(f"/dead-letters/groups/{F}/")
    assert page.status_code == 200
    assert '<form class="gr-' not in page.content.decode()
    assert post(viewer, deed).status_code == 403
    assert FailureGroup.objects.count() == 0


def test_a_letter_after_the_fix_makes_it_regressed(operator: Client) -> None:
    make_letter(1, received_ms=now_ms() - 5_000)
    post(operator, "fixed", how="restarted the stock service")
    (row,) = operator.get("/dead-letters/?by=failure").context["groups"]
    assert not row.standing.regressed

    make_letter(2, received_ms=now_ms() + 5_000)

    assert "regressed" in text_of(operator.get("/dead-letters/?by=failure"))
    page = text_of(operator.get(f"/dead-letters/groups/{F}/"))
    assert "restarted the stock service" in page


def test_what_had_been_dealt_with_and_comes_back_is_regressed(operator: Client) -> None:
    make_letter(1, received_ms=now_ms() - 80 * 3_600_000, status="resolved")
    make_letter(2, received_ms=now_ms() - 60_000)
    (row,) = operator.get("/dead-letters/?by=failure").context["groups"]
    assert row.standing.regressed


def test_muted_is_shown_apart_and_still_counted(operator: Client) -> None:
    make_letter(1)
    make_letter(2, fingerprint=B)
    post(operator, "mute", hours="24")

    answer = operator.get("/dead-letters/?by=failure")

    assert [row.group.key for row in answer.context["groups"]] == [B]
    assert [row.group.key for row in answer.context["muted"]] == [F]
    assert answer.context["totals"]["open"] == 2
    assert [row.group.key for row in operator.get("/dead-letters/").context["worst"]] == [B]
    post(operator, "mute", hours="")
    assert operator.get("/dead-letters/?by=failure").context["muted"] == []


def test_merged_failures_are_one_until_they_are_split(operator: Client) -> None:
    for number, fingerprint in enumerate((F, F, B, C)):
        make_letter(number, fingerprint=fingerprint)
    post(operator, "merge", C, into=B)
    post(operator, "merge", B, into=F)

    merged = operator.get("/dead-letters/?by=failure").context["groups"]
    assert [(row.group.key, row.group.open) for row in merged] == [(F, 4)]
    assert merged[0].members == f"{F},{B},{C}"
    listed = operator.get("/dead-letters/", {"fingerprint": merged[0].members})
    assert len(listed.context["letters"]) == 4
    answer = operator.get(f"/dead-letters/groups/{B}/")
    assert answer["Location"] == f"/dead-letters/groups/{F}/"

    post(operator, "split", B)
    split = operator.get("/dead-letters/?by=failure").context["groups"]
    assert {row.group.key: row.group.open for row in split} == {F: 3, B: 1}
    kinds = GroupEntry.objects.filter(group__fingerprint=F).values_list("kind", flat=True)
    assert list(kinds.order_by("pk")) == ["merged", "split"]


def test_two_failures_cannot_be_merged_into_each_other(operator: Client) -> None:
    make_letter(1)
    make_letter(2, fingerprint=B)
    post(operator, "merge", B, into=F)
    answer = post(operator, "merge", F, into=B)
    assert answer.status_code == 400
    assert "the same failure" in text_of(answer)


def test_letters_without_a_known_error_have_a_page_too(operator: Client) -> None:
    make_letter(fingerprint="", error_type="", error_message="", error_stack="")
    post(operator, "describe", "none", owner="Ada")
    page = text_of(operator.get("/dead-letters/groups/none/"))
    assert "The error was not told" in page
    assert "Ada" in page


def test_nothing_that_people_or_services_write_can_script_a_page(operator: Client) -> None:
    bad = HOSTILE[:190]
    make_letter(error_type=bad, error_message=bad, error_stack=bad, consumer=bad, event_type=bad)
    post(operator, "describe", owner=bad, note=bad, ticket="https://t.example/<script>alert(1)")
    post(operator, "fixed", how=bad)
    for path in (f"/dead-letters/groups/{F}/", "/dead-letters/?by=failure", "/dead-letters/"):
        text = operator.get(path).content.decode()
        assert "<script>alert" not in text
        assert "<img src=x" not in text


@pytest.mark.parametrize("span", ["24h", "7d", "30d", "nonsense"])
def test_page_asks_the_same_number_of_queries_for_1_and_for_30(operator: Client, span: str) -> None:
    counts = []
    make_letter(100, fingerprint=B)
    for start, end in ((0, 1), (1, 30)):
        for number in range(start, end):
            make_letter(number, consumer=f"c{number}")
            make_letter(200 + number, fingerprint=f"{number:016}")
        with (
            CaptureQueriesContext(connections["default"]) as default,
            CaptureQueriesContext(connections["events"]) as events,
        ):
            operator.get(f"/dead-letters/groups/{F}/?span={span}")
        counts.append((len(default), len(events)))
    assert counts[0] == counts[1]
