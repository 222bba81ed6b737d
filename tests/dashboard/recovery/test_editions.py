"""Edit and redrive, end to end: what is refused, what is sent, what becomes of the letter."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import AuditEntry, Role
from dashboard.accounts.switches import EDITING, set_switch
from dashboard.recovery import following
from dashboard.recovery.actions import create_job
from dashboard.recovery.items import count_items
from dashboard.recovery.models import Edition, Job, JobItem
from dashboard.recovery.selection import Selection
from dashboard.recovery.steps import Counts
from ingest.models import DeadLetter
from ingest.records import Flag
from ingest.system import Receipt
from tests.dashboard.care import HOSTILE, client_for, make_letter, make_stream
from tests.dashboard.recovery.conftest import TOPIC, Shop, make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def operator() -> Client:
    set_switch(EDITING, on=True, by="root")
    return client_for(Role.OPERATOR)


def text_of(answer: Any) -> str:
    return unescape(answer.content.decode())


def typed(letter: DeadLetter, **payload: Any) -> str:
    event = json.loads(bytes(letter.event))
    return json.dumps({**event, "payload": {**event["payload"], **payload}}, indent=2)


def send(client: Client, letter: DeadLetter, text: str, note: str = "a typo") -> Any:
    """Look first, then send what was looked at."""
    path, form = f"/dead-letters/{letter.pk}/edit/", {"event": text, "headers": "", "note": note}
    looked = client.post(path, {**form, "look": "1"})
    if looked.status_code != 200:
        return looked
    return client.post(path, {**form, "send": "1", "seen": looked.context["seen"]})


def receipt(job: Job, outcome: str, **given: Any) -> Receipt:
    item = JobItem.objects.get(job=job)
    values = {
        "event_id": item.event_id,
        "consumer": "inventory",
        "consumer_group": "inventory-group",
        "topic": item.topic,
        "offset": item.position,
        "outcome": outcome,
        **given,
    }
    return Receipt(**values)


def hear(monkeypatch: pytest.MonkeyPatch, told: Receipt) -> None:
    monkeypatch.setattr(following, "read_receipts", lambda items: {told.event_id: [told]})


def test_the_edited_event_goes_out_as_a_new_one_and_the_original_stays(
    operator: Client, shop: Shop
) -> None:
    letter = make_original(1)
    answer = send(operator, letter, typed(letter, quantity=2))
    job = Job.objects.get()
    assert answer["Location"] == f"/dead-letters/jobs/{job.pk}/"

    shop.worker.step()

    (event,) = shop.put_back()
    redrive = event["metadata"].pop("redrive")
    assert event["eventId"] not in ("evt_1", "")
    assert event["payload"] == {"orderId": "ORD_1", "quantity": 2}
    assert event["metadata"] == {
        "source": "order-service",
        "correlationId": "corr_1",
        "causationId": "evt_1",
    }
    assert (redrive["edited"], redrive["attempt"], redrive["by"]) == (True, 1, "a-operator")
    kept = DeadLetter.objects.get(pk=letter.pk)
    assert (bytes(kept.event), kept.status) == (bytes(letter.event), "open")
    entry = AuditEntry.objects.get(action="job.edit")
    assert json.loads(entry.detail)["note"] == "a typo"


def test_a_success_of_the_edited_event_resolves_the_letter(
    operator: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = make_original(1)
    send(operator, letter, typed(letter, quantity=2))
    shop.worker.step()
    job = Job.objects.get()
    hear(monkeypatch, receipt(job, "success"))

    shop.worker.step()

    letter.refresh_from_db()
    assert letter.status == "resolved"
    assert count_items(job) == Counts(processed=1)


def test_a_failure_of_the_edited_event_stands_for_the_letter_and_links_back(
    operator: Client, shop: Shop
) -> None:
    letter = make_original(1)
    send(operator, letter, typed(letter, quantity=2))
    shop.worker.step()
    job = Job.objects.get()
    item = JobItem.objects.get()
    again = make_letter(2, event_id=item.event_id, received_ms=(item.sent_ms or 0) + 5, redrives=1)

    shop.worker.step()

    letter.refresh_from_db()
    assert letter.status == "superseded"
    assert count_items(job) == Counts(failed=1)
    assert f'/dead-letters/{letter.pk}/">letter {letter.pk}</a>' in text_of(
        operator.get(f"/dead-letters/{again.pk}/")
    )
    old = text_of(operator.get(f"/dead-letters/{letter.pk}/"))
    assert f'/dead-letters/{again.pk}/">which failed again' in old


def test_a_failure_without_a_new_letter_leaves_the_old_one_open(
    operator: Client, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    letter = make_original(1)
    send(operator, letter, typed(letter, quantity=2))
    shop.worker.step()
    job = Job.objects.get()
    hear(monkeypatch, receipt(job, "failed"))
    shop.worker.step()
    early = count_items(job)
    JobItem.objects.update(sent_ms=1)

    shop.worker.step()

    letter.refresh_from_db()
    assert (early, count_items(job)) == (Counts(published=1), Counts(failed=1))
    assert letter.status == "open"


def test_killed_between_append_and_note_it_is_sent_once(operator: Client, shop: Shop) -> None:
    letter = make_original(1)
    send(operator, letter, typed(letter, quantity=2))
    shop.worker.step()
    JobItem.objects.update(state="requested", position="")
    Job.objects.update(state="running")

    shop.worker.step()

    assert len(shop.ids()) == 1


def test_nothing_is_sent_that_was_not_looked_at(operator: Client) -> None:
    letter = make_original(1)
    path = f"/dead-letters/{letter.pk}/edit/"
    form = {"event": typed(letter, quantity=2), "headers": "", "note": "a typo"}
    looked = operator.post(path, {**form, "look": "1"})
    other = {
        **form,
        "event": typed(letter, quantity=3),
        "send": "1",
        "seen": looked.context["seen"],
    }

    answer = operator.post(path, other)

    assert answer.status_code == 200
    assert Job.objects.count() == 0
    assert [line.text.strip() for line in answer.context["changes"] if line.kind == "added"] == [
        '"orderId": "ORD_1",',
        '"quantity": 3',
    ]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"eventId": "evt_1",}', "line 1, column 21"),
        ("[]", "cannot be changed"),
        ('{"eventId": "other"}', "eventId"),
        ("x" * (1024 * 1024 + 1), "more than the 1048576"),
        ("a\0b", "Null characters are not allowed"),
    ],
)
def test_bad_text_is_answered_with_what_is_wrong_and_kept(
    operator: Client, text: str, said: str
) -> None:
    letter = make_original(1)
    answer = send(operator, letter, text)
    assert answer.status_code == 400
    assert said in text_of(answer)
    assert Edition.objects.count() == 0


def test_it_wants_a_reason(operator: Client) -> None:
    letter = make_original(1)
    answer = send(operator, letter, typed(letter, quantity=2), note="")
    assert answer.context["form"].errors["note"] == ["This field is required."]
    assert Edition.objects.count() == 0


def test_it_is_checked_as_it_is_typed(operator: Client) -> None:
    letter = make_original(1)
    path = f"/dead-letters/{letter.pk}/edit/check/"
    wrong = operator.post(path, {"event": "{\n,", "headers": ""})
    right = operator.post(path, {"event": typed(letter), "headers": "tenant: 7"})

    assert 'data-line="2"' in text_of(wrong)
    assert "Well formed" in text_of(right)


REFUSED = {
    "it is archived": {"status": "archived"},
    "its event has succeeded since": {"status": "resolved"},
    "its event was put back too often already": {"redrives": 5},
    "parts of its event were redacted before they were stored": {"flags": int(Flag.REDACTED)},
    "stored cut short": {"size": 4000},
    "only native and CloudEvents": {"event": b'{"data":1}', "size": 10},
    "parts of it are encrypted at rest": {
        "event": b'{"a":"$encrypted:00000000:' + b"x" * 40 + b'"}'
    },
}


@pytest.mark.parametrize("said", REFUSED)
def test_a_refused_edit_says_why(operator: Client, shop: Shop, said: str) -> None:
    event = {"event": b'{"eventId":"evt_1","eventType":"T","metadata":{}}', "size": 49}
    letter = make_letter(1, **{**event, **REFUSED[said]})
    if said.startswith("parts of it are"):
        DeadLetter.objects.filter(pk=letter.pk).update(size=len(letter.event))
    answer = operator.get(f"/dead-letters/{letter.pk}/edit/")
    assert answer.status_code == 409
    assert said.casefold() in text_of(answer).casefold()


def test_one_that_a_job_has_in_hand_is_refused(operator: Client, shop: Shop) -> None:
    letter = make_original(1)
    create_job(actor="ada", selection=Selection.of_ids([letter.pk]))
    shop.worker.step()
    answer = operator.get(f"/dead-letters/{letter.pk}/edit/")
    assert "Another job has it in hand" in text_of(answer)


def test_it_is_off_until_an_admin_allows_it_and_never_for_viewers(shop: Shop) -> None:
    letter = make_original(1)
    path = f"/dead-letters/{letter.pk}/edit/"
    refused = [text_of(client_for(role).get(path)) for role in (Role.OPERATOR, Role.ADMIN)]
    assert all("Editing is off" in told for told in refused)
    assert ["Allow it in the settings" in told for told in refused] == [False, True]
    set_switch(EDITING, on=True, by="root")
    assert client_for(Role.VIEWER).get(path).status_code == 403
    assert client_for(Role.ADMIN, "root").get("/dead-letters/999/edit/").status_code == 404


def test_hostile_text_is_shown_as_text(operator: Client, shop: Shop) -> None:
    event = json.dumps(
        {"eventId": "e", "eventType": HOSTILE, "payload": HOSTILE, "metadata": {HOSTILE: HOSTILE}}
    ).encode()
    letter = make_letter(1, event=event, size=len(event), error_message=HOSTILE)
    page = operator.get(f"/dead-letters/{letter.pk}/edit/").content.decode()
    looked = operator.post(
        f"/dead-letters/{letter.pk}/edit/",
        {
            "event": event.decode().replace("7*7", "8*8"),
            "headers": f"x: {HOSTILE}",
            "note": HOSTILE,
        },
    ).content.decode()
    assert "<script>alert" not in page + looked
    assert "<img src=x" not in page + looked


def redirect(client: Client, letter: DeadLetter, topic: str, **form: Any) -> Any:
    values = {"canary": 0, "canary_percent": 0, "heed": "on", "topic": topic, **form}
    return client.post(f"/dead-letters/redirect/?letter={letter.pk}", values)


def test_an_admin_redirects_to_another_topic_and_whoever_handles_it_answers(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_stream("other-topic")
    shop.client.xadd("other-topic", {"event": b"{}"})
    letter = make_original(1)
    assert redirect(client_for(Role.OPERATOR), letter, "other-topic").status_code == 403

    redirect(client_for(Role.ADMIN), letter, "other-topic")
    shop.worker.step()
    job = Job.objects.get()
    assert (shop.ids("other-topic"), shop.ids()) == (["evt_1"], [])
    hear(monkeypatch, receipt(job, "success", consumer="another", consumer_group="another"))
    shop.worker.step()

    letter.refresh_from_db()
    assert letter.status == "resolved"
    assert (job.kind, job.topic) == ("redirect", "other-topic")


@pytest.mark.parametrize(
    ("topic", "said"),
    [
        ("nowhere", "not among the watched topics"),
        ("failed-events", "dead-letter topic"),
        ("", "required"),
        ("a\0b", "Null characters"),
    ],
)
def test_a_topic_that_will_not_do_is_told(shop: Shop, topic: str, said: str) -> None:
    letter = make_original(1)
    answer = redirect(client_for(Role.ADMIN), letter, topic)
    assert said in text_of(answer)
    assert Job.objects.count() == 0


def test_an_unwatched_topic_is_taken_when_it_is_confirmed_and_refused_where_there_is_none(
    shop: Shop,
) -> None:
    letter = make_original(1)
    redirect(client_for(Role.ADMIN), letter, "nowhere", unknown="on")

    shop.worker.step()

    assert JobItem.objects.get().reason == "vanished"
    assert not shop.client.exists("nowhere")
    assert shop.ids(TOPIC) == []
