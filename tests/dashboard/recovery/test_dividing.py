"""A failure divided by hand, on its page and over HTTP: told in its history, audited, undone."""

from __future__ import annotations

from html import unescape
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry, Role
from dashboard.accounts.tokens import issue_token
from dashboard.recovery.models import FailureGroup, GroupEntry
from ingest.models import DeadLetter, FailurePart
from tests.dashboard.care import HOSTILE, client_for, make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])

F = "f" * 32


@pytest.fixture(autouse=True)
def letters(db: None) -> None:
    for number in range(4):
        message = f"no stock of {HOSTILE}" if number % 2 else "late"
        make_letter(number, fingerprint=F, error_message=message)


@pytest.fixture
def operator() -> Client:
    return client_for(Role.OPERATOR)


def act(client: Client, deed: str, fingerprint: str = F, **form: Any) -> Any:
    return client.post(f"/dead-letters/groups/{fingerprint}/{deed}/", form)


def page(client: Client, fingerprint: str = F) -> str:
    return client.get(f"/dead-letters/groups/{fingerprint}/").content.decode()


def test_a_part_is_kept_apart_and_put_back_on_the_page(operator: Client) -> None:
    assert act(operator, "divide", match="message", value=HOSTILE).status_code == 302
    part = FailurePart.objects.get()
    whole, apart = page(operator), page(operator, part.fingerprint)

    assert DeadLetter.objects.filter(fingerprint=part.fingerprint).count() == 2
    assert f"/dead-letters/groups/{part.fingerprint}/" in whole
    assert "Put back" in apart
    assert HOSTILE not in whole + apart
    assert f"message contains {HOSTILE!r}: 2 letters are {part.fingerprint}" in unescape(whole)

    answer = act(operator, "join", part.fingerprint)

    assert answer["Location"] == f"/dead-letters/groups/{F}/"
    assert set(DeadLetter.objects.values_list("fingerprint", flat=True)) == {F}
    kinds = GroupEntry.objects.filter(group__fingerprint=F).order_by("pk")
    assert [entry.kind for entry in kinds] == ["divided", "divided", "joined"]
    assert not FailureGroup.objects.filter(fingerprint=part.fingerprint).exists()
    told = AuditEntry.objects.filter(subject__contains=F).values_list("action", flat=True)
    assert set(told) == {"failure.divided", "failure.joined"}


def test_what_was_merged_into_a_part_goes_where_the_part_goes(operator: Client) -> None:
    make_letter(9, fingerprint="b" * 32)
    act(operator, "divide", match="message", value="stock")
    part = FailurePart.objects.get().fingerprint
    act(operator, "merge", "b" * 32, into=part)

    act(operator, "join", part)

    assert FailureGroup.objects.get(fingerprint="b" * 32).merged_into == F


@pytest.mark.parametrize(
    ("form", "place"),
    [
        ({"match": "mood", "value": "x"}, "match"),
        ({"match": "message", "value": " "}, "value"),
        ({"match": "message", "value": "nowhere"}, "value"),
        ({"match": "type", "value": "ORDER_CREATED"}, "value"),
        ({"match": "message", "value": "x" * 301}, "value"),
    ],
)
def test_what_divides_nothing_is_refused_with_the_place(
    operator: Client, form: dict[str, str], place: str
) -> None:
    answer = act(operator, "divide", **form)

    assert answer.status_code == 400
    assert place in answer.content.decode()
    assert act(operator, "join").status_code == 400
    assert not FailurePart.objects.exists()
    assert not GroupEntry.objects.exists()


def test_a_viewer_sees_parts_and_divides_nothing(operator: Client) -> None:
    viewer = client_for(Role.VIEWER)
    assert act(viewer, "divide", match="message", value="stock").status_code == 403
    act(operator, "divide", match="message", value="stock")
    part = FailurePart.objects.get().fingerprint

    assert "Put back" not in page(viewer, part)
    assert "Kept apart from" in page(viewer, part)
    assert act(viewer, "join", part).status_code == 403


def test_programs_divide_and_join_too() -> None:
    program = Client(headers={"Authorization": f"Bearer {issue_token('test', Role.OPERATOR)}"})
    path = "/api/v1/dead-letters/groups/{}/{}"
    body = {"match": "message", "value": "stock"}

    divide = path.format(F, "divide")
    apart = program.post(divide, body, content_type="application/json")
    again = program.post(divide, body, content_type="application/json")
    whole = program.post(path.format(apart.json()["id"], "join"))

    assert apart.json()["history"][0]["kind"] == "divided"
    assert (again.status_code, "value" in again.json()["detail"]) == (400, True)
    assert whole.json()["id"] == F
    assert [entry["kind"] for entry in whole.json()["history"]] == ["joined", "divided", "divided"]
