"""Edits and patches over HTTP: looked at first, refused as on the pages, sent as new events."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client

from dashboard.accounts.models import Role
from dashboard.accounts.switches import EDITING, set_switch
from dashboard.recovery.models import Job
from ingest.models import DeadLetter
from tests.dashboard.api.recovering import post
from tests.dashboard.recovery.conftest import Shop, make_original, shop  # noqa: F401

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def editor(caller: Callable[[Role], Client]) -> Client:
    set_switch(EDITING, on=True, by="root")
    return caller(Role.OPERATOR)


def event_of(letter: DeadLetter, **payload: Any) -> dict[str, Any]:
    event: dict[str, Any] = json.loads(bytes(letter.event))
    return {**event, "payload": {**event["payload"], **payload}}


def test_an_edited_event_is_looked_at_and_then_sent(editor: Client, shop: Shop) -> None:  # noqa: F811
    letter = make_original(1)
    body = {"event": event_of(letter, orderId="ORD_9"), "note": "a typo"}

    looked = post(editor, f"{letter.pk}/edit", {**body, "dryRun": True}, 200)
    assert not Job.objects.exists()
    job = post(editor, f"{letter.pk}/edit", body, 202)
    shop.worker.step()

    assert json.loads(looked["event"])["payload"] == {"orderId": "ORD_9"}
    assert looked["violations"] is None
    assert (job["kind"], job["createdBy"], job["note"]) == ("edit", "token:test", "a typo")
    (sent,) = shop.put_back()
    assert sent["payload"] == {"orderId": "ORD_9"}
    assert sent["metadata"]["causationId"] == "evt_1"


def test_text_keeps_numbers_as_they_are_written_and_headers_are_changed(
    editor: Client,
    shop: Shop,  # noqa: F811
) -> None:
    letter = make_original(1)
    text = json.dumps(event_of(letter)).replace('"ORD_1"', "1.500")
    body = {"event": text, "headers": {"tenant": "8"}, "note": "n"}

    post(editor, f"{letter.pk}/edit", body, 202)
    shop.worker.step()

    ((_, fields),) = shop.client.xrange("orders-topic")[1:]
    assert b'"orderId":1.500' in fields[b"event"]
    assert fields[b"tenant"] == b"8"


@pytest.mark.parametrize(
    ("change", "place"),
    [
        ({"event": "{"}, "event"),
        ({"event": {"eventId": "evt_2"}}, "eventId"),
        ({"headers": {"a": "b\nc: d"}}, "headers"),
        ({"note": " "}, "note"),
        ({"event": 7}, "event"),
        ({"what": 7}, "what"),
    ],
)
def test_what_is_wrong_with_an_edit_is_named(
    editor: Client, change: dict[str, Any], place: str
) -> None:
    letter = make_original(1)
    event = event_of(letter)
    given = change.get("event")
    body = {"event": event, "note": "n", **change}
    if isinstance(given, dict):
        body["event"] = {**event, **given}

    told = post(editor, f"{letter.pk}/edit", body, 400)

    assert place in told["detail"]
    assert not Job.objects.exists()


def test_an_edit_is_refused_where_it_is_off_or_the_letter_is_dealt_with(editor: Client) -> None:
    letter = make_original(1, status="resolved")
    body = {"event": {}, "note": "n"}
    assert "succeeded since" in post(editor, f"{letter.pk}/edit", body, 409)["detail"]
    post(editor, "999999/edit", body, 404)
    set_switch(EDITING, on=False, by="root")
    assert "editing is off" in post(editor, f"{letter.pk}/edit", body, 409)["detail"]
    told = post(editor, "patch", {"filter": {}, "patch": [], "note": "n"}, 409)
    assert "diting is off" in told["detail"]


def test_a_patch_tells_what_it_fits_and_sends_that(editor: Client, shop: Shop) -> None:  # noqa: F811
    make_original(1)
    make_original(2, order="ORD_X")
    patch = [
        {"op": "test", "path": "/payload/orderId", "value": "ORD_X"},
        {"op": "add", "path": "/payload/currency", "value": "EUR"},
    ]
    body = {"filter": {}, "patch": patch, "note": "no currency"}

    looked = post(editor, "patch", {**body, "dryRun": True}, 200)
    job = post(editor, "patch", body, 202)
    shop.worker.step()

    assert looked["fits"] == 1
    assert [left["letters"] for left in looked["leftOut"]] == [1]
    assert any("EUR" in line for line in looked["samples"][1]["changes"])
    assert job["expected"] == 1
    assert [event["payload"] for event in shop.put_back()] == [
        {"orderId": "ORD_X", "currency": "EUR"}
    ]


@pytest.mark.parametrize(
    "patch", [[{"op": "dance"}], [7], [{"op": "remove", "path": "/payload/nothing"}]]
)
def test_a_patch_that_fits_nothing_makes_no_job(editor: Client, patch: list[Any]) -> None:
    make_original(1)
    told = post(editor, "patch", {"filter": {}, "patch": patch, "note": "n"}, 400)
    assert "patch" in told["detail"]
    assert not Job.objects.exists()


def test_a_viewer_edits_nothing(viewer: Client) -> None:
    letter = make_original(1)
    post(viewer, f"{letter.pk}/edit", {"event": {}, "note": "n"}, 403)
    post(viewer, "patch", {"filter": {}, "patch": [], "note": "n"}, 403)
