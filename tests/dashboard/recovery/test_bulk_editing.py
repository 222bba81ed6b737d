"""One JSON Patch over many letters: ten shown, what fits sent, the rest said why."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import Role
from dashboard.accounts.switches import EDITING, set_switch
from dashboard.recovery import bulk_editing
from dashboard.recovery.bulk_editing import look, patch_of
from dashboard.recovery.models import Edition, Job
from dashboard.recovery.selection import Selection, SelectionError
from ingest.models import DeadLetter
from ingest.queries.letters import LetterFilter
from tests.dashboard.care import HOSTILE, client_for, make_letter
from tests.dashboard.recovery.conftest import Shop, make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])

OPEN = Selection.of_filter(LetterFilter())
NEWEST = (1 << 63) - 1
SET = json.dumps([{"op": "add", "path": "/payload/currency", "value": "EUR"}])


@pytest.fixture
def operator() -> Client:
    set_switch(EDITING, on=True, by="root")
    return client_for(Role.OPERATOR)


def page(client: Client, query: str = "", **form: Any) -> Any:
    values = {"patch": SET, "note": "the currency was missing", **form}
    return client.post(f"/dead-letters/patch/?{query}", values)


def send(client: Client, looked: Any, **form: Any) -> Any:
    names = ("seen", "newest")
    hidden = {name: looked.context[name] for name in names} | {
        "fits": looked.context["patched"].fits
    }
    return page(client, send="1", **hidden, **form)


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def test_many_are_patched_looked_at_and_sent(operator: Client, shop: Shop) -> None:
    for number in range(12):
        make_original(number)
    make_letter(50, event=b'{"data":1}', size=10)
    looked = page(operator)
    patched = looked.context["patched"]
    assert (patched.fits, len(patched.samples)) == (12, 10)
    assert patched.left_out[0][1] == 1
    assert '+</td><td class="ed-line">    "currency": "EUR"' in text_of(looked)

    answer = send(operator, looked)
    shop.worker.step()

    job = Job.objects.get()
    assert answer["Location"] == f"/dead-letters/jobs/{job.pk}/"
    assert (job.kind, job.expected, Edition.objects.count()) == ("edit", 12, 12)
    events = shop.put_back()
    assert [event["payload"]["currency"] for event in events] == ["EUR"] * 12
    assert [event["metadata"]["causationId"] for event in events] == [f"evt_{n}" for n in range(12)]
    assert len({event["eventId"] for event in events}) == 12


def test_what_does_not_fit_is_left_out_with_the_reason(shop: Shop) -> None:
    one = make_original(1)
    patch = patch_of(
        json.dumps(
            [
                {"op": "test", "path": "/payload/orderId", "value": "ORD_1"},
                {"op": "replace", "path": "/payload/orderId", "value": "X"},
            ]
        )
    )
    make_original(2)

    patched = look(OPEN, patch, until=NEWEST)

    assert [edited.letter for edited in patched.edited] == [one.pk]
    assert patched.left_out == [
        ("operation 1: /payload/orderId is not the value that is tested", 1)
    ]


@pytest.mark.parametrize(
    ("path", "said"),
    [("/eventId", "eventId: cannot be changed"), ("/metadata/correlationId", "cannot be changed")],
)
def test_a_patched_identity_is_refused(shop: Shop, path: str, said: str) -> None:
    make_original(1)
    patch = patch_of(json.dumps([{"op": "replace", "path": path, "value": "x"}]))
    patched = look(OPEN, patch, until=NEWEST)
    assert patched.fits == 0
    assert said in patched.left_out[0][0]


def test_numbers_keep_their_digits(shop: Shop) -> None:
    event = b'{"eventId":"e","eventType":"T","payload":{"price":1.10},"metadata":{}}'
    make_letter(1, event=event, size=len(event))
    patched = look(OPEN, patch_of(SET), until=NEWEST)
    assert b'"price":1.10,"currency":"EUR"' in patched.edited[0].body


def test_what_was_dealt_with_meanwhile_is_told_and_looked_at_again(
    operator: Client, shop: Shop
) -> None:
    letters = [make_original(number) for number in range(3)]
    looked = page(operator)
    DeadLetter.objects.filter(pk=letters[0].pk).update(status="resolved")
    make_original(9)

    again = send(operator, looked)

    assert "1 of those that you looked at was dealt with meanwhile" in text_of(again)
    assert (again.context["patched"].fits, Job.objects.count()) == (2, 0)
    send(operator, again)
    assert Job.objects.get().expected == 2


def test_another_patch_is_looked_at_first(operator: Client, shop: Shop) -> None:
    make_original(1)
    looked = page(operator)
    other = json.dumps([{"op": "remove", "path": "/payload/orderId"}])
    assert send(operator, looked, patch=other).status_code == 200
    assert Job.objects.count() == 0


@pytest.mark.parametrize(
    ("patch", "said"),
    [
        ("[{]", "line 1, column 3"),
        ("{}", "a patch is a list of operations"),
        ('[{"op":"dance","path":"/a"}]', "op is one of"),
        ("[" + "1," * 40_000 + "1]", "more than the 65536"),
        ("a\0b", "Null characters"),
        (HOSTILE, "line 1, column 1"),
    ],
)
def test_a_bad_patch_is_told(operator: Client, shop: Shop, patch: str, said: str) -> None:
    make_original(1)
    answer = page(operator, patch=patch)
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert "<script>alert" not in answer.content.decode()


def test_none_and_too_many_are_refused(
    operator: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_original(1)
    make_original(2)
    assert "no open dead letter" in text_of(page(operator, "consumer=nobody"))
    monkeypatch.setattr(bulk_editing, "MOST_PATCHED", 1)
    with pytest.raises(SelectionError, match="more than 1 letters"):
        look(OPEN, patch_of(SET), until=NEWEST)


def test_it_is_off_until_it_is_allowed_and_wants_a_reason(shop: Shop) -> None:
    make_original(1)
    client = client_for(Role.OPERATOR)
    assert "Editing is off" in text_of(client.get("/dead-letters/patch/"))
    set_switch(EDITING, on=True, by="root")
    assert "Patch 1 event" in text_of(client.get("/dead-letters/patch/"))
    looked = page(client, note="")
    assert looked.context["patched"].fits == 1
    assert send(client, looked, note="").context["form"].errors["note"] == [
        "This field is required."
    ]
    assert client_for(Role.VIEWER).get("/dead-letters/patch/").status_code == 403
