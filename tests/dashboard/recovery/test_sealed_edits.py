"""Letters with encrypted parts: edited by those who may see them, and kept encrypted until they are sent."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import msgspec
import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry, Role
from dashboard.accounts.switches import EDITING, set_switch
from dashboard.accounts.tokens import issue_token
from dashboard.recovery.models import Edition, JobItem
from ingest.models import DeadLetter
from ingest.records import Position
from ingest.sealing import configured_keyring, place_of
from tests.dashboard.care import client_for, make_stream
from tests.dashboard.recovery.conftest import Shop, make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])

KEY, CARD = "ab" * 32, "4000-1234"


@pytest.fixture
def letter(shop: Shop, settings: Any) -> DeadLetter:
    """Its order's id is a sealed card number."""
    settings.ENCRYPTION_KEYS = [KEY]
    set_switch(EDITING, on=True, by="root")
    make_stream()
    made = make_original(1, order=CARD)
    place = place_of(made.stream.topic, Position(made.major, made.minor))
    token = configured_keyring().seal(json.dumps(CARD).encode(), place).decode()
    made.event = bytes(made.event).replace(CARD.encode(), token.encode())
    made.size = len(made.event)
    made.save()
    return made


def path(letter: DeadLetter) -> str:
    return f"/dead-letters/{letter.pk}/edit/"


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def send(client: Client, letter: DeadLetter) -> None:
    event = client.get(path(letter)).context["form"].initial["event"].replace(CARD, "4000-9999")
    form = {"event": event, "headers": "", "note": "a typo"}
    seen = client.post(path(letter), {**form, "look": "1"}).context["seen"]
    assert client.post(path(letter), {**form, "send": "1", "seen": seen}).status_code == 302


def test_those_who_may_see_it_edit_it_and_it_is_sealed_until_it_is_sent(
    letter: DeadLetter, shop: Shop
) -> None:
    admin = client_for(Role.ADMIN)
    send(admin, letter)

    kept = Edition.objects.get()
    assert bytes(kept.body).startswith(b"$encrypted:")
    assert b"4000" not in bytes(kept.body) + bytes(kept.headers)
    noted = AuditEntry.objects.filter(action="letter.revealed")
    assert set(noted.values_list("subject", flat=True)) == {f"letter {letter.pk}"}
    assert not AuditEntry.objects.filter(detail__contains="4000").exists()

    shop.worker.step()
    (sent,) = shop.put_back()
    assert sent["payload"]["orderId"] == "4000-9999"
    assert sent["metadata"]["causationId"] == "evt_1"


def test_others_are_told_from_which_role_on(letter: DeadLetter) -> None:
    operator = client_for(Role.OPERATOR)
    program = Client(headers={"Authorization": f"Bearer {issue_token('t', Role.OPERATOR)}"})
    body = {"event": {}, "note": "n", "dryRun": True}
    call = f"/api/v1/dead-letters/{letter.pk}/edit"

    page = operator.get(path(letter))
    check = operator.post(path(letter) + "check/", {"event": "{}", "headers": ""})
    answer = program.post(call, body, content_type="application/json")

    assert (page.status_code, answer.status_code) == (409, 409)
    for told in (text_of(page), text_of(check), answer.json()["detail"]):
        assert "from the role admin on" in told
        assert CARD not in told
    assert not AuditEntry.objects.filter(action="letter.revealed").exists()


def test_programs_that_may_see_it_edit_it_too(letter: DeadLetter) -> None:
    program = Client(headers={"Authorization": f"Bearer {issue_token('t', Role.ADMIN)}"})
    event = json.loads(bytes(make_original(2, order="4000-9999").event))
    event["eventId"], event["metadata"]["correlationId"] = "evt_1", "corr_1"
    call = f"/api/v1/dead-letters/{letter.pk}/edit"

    answer = program.post(call, {"event": event, "dryRun": True}, content_type="application/json")

    assert answer.status_code == 200
    assert "4000-9999" in answer.json()["event"]
    assert AuditEntry.objects.get(action="letter.revealed").actor == "token:t"


def test_many_are_not_patched_where_parts_are_sealed(letter: DeadLetter) -> None:
    program = Client(headers={"Authorization": f"Bearer {issue_token('t', Role.ADMIN)}"})
    patch = [{"op": "add", "path": "/payload/a", "value": 1}]
    body = {"filter": {}, "patch": patch, "dryRun": True}

    told = program.post("/api/v1/dead-letters/patch", body, content_type="application/json").json()

    assert told["fits"] == 0
    assert told["leftOut"] == [
        {"reason": "parts of it are encrypted at rest: edit it alone", "letters": 1}
    ]


def test_an_edit_whose_key_is_gone_is_left_out_and_nothing_is_sent(
    letter: DeadLetter, shop: Shop, settings: Any
) -> None:
    send(client_for(Role.ADMIN), letter)
    settings.ENCRYPTION_KEYS = ["cd" * 32]

    shop.worker.step()

    assert shop.put_back() == []
    assert JobItem.objects.get().reason == "locked"


def page(letter: DeadLetter) -> str:
    return f"/dead-letters/{letter.pk}/"


def test_a_letters_encrypted_values_are_locked_and_named(letter: DeadLetter) -> None:
    operator = client_for(Role.OPERATOR)

    text = text_of(operator.get(page(letter)))

    assert CARD not in text
    assert "payload.orderId" in text
    assert "Shown from the role admin on" in text
    assert operator.post(page(letter)).status_code == 403
    assert not AuditEntry.objects.filter(action="letter.revealed").exists()


def test_who_may_sees_a_letters_values_and_the_audit_log_says_so(letter: DeadLetter) -> None:
    admin = client_for(Role.ADMIN)
    assert CARD not in text_of(admin.get(page(letter)))

    answer = admin.post(page(letter))

    assert CARD in text_of(answer)
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get(action="letter.revealed")
    assert entry.subject == f"letter {letter.pk}"
    assert json.loads(entry.detail) == {"event": letter.event_id, "paths": ["payload.orderId"]}
    assert CARD not in text_of(admin.get(page(letter)))


def test_a_letter_whose_key_is_missing_stays_locked_and_names_it(
    letter: DeadLetter, settings: Any
) -> None:
    (key,) = configured_keyring().ids
    settings.ENCRYPTION_KEYS = ["cd" * 32]

    text = text_of(client_for(Role.ADMIN).post(page(letter)))

    assert CARD not in text
    assert f"needs the key {key}" in " ".join(text.split())


def test_sealed_headers_and_what_is_no_json_are_opened_too(letter: DeadLetter) -> None:
    place = place_of(letter.stream.topic, Position(letter.major, letter.minor))
    token = configured_keyring().seal(b"4000-9999", place)
    letter.headers = msgspec.msgpack.encode([(b"x-card", token)])
    letter.event = b"plain text"
    letter.save()
    admin = client_for(Role.ADMIN)

    assert "header:x-card" in text_of(admin.get(page(letter)))
    assert "4000-9999" in text_of(admin.post(page(letter)))


def test_a_letter_without_anything_encrypted_offers_nothing(shop: Shop) -> None:
    make_stream()
    plain = make_original(2)
    assert "Encrypted at rest" not in text_of(client_for(Role.ADMIN).get(page(plain)))
