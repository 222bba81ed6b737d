"""Dead letters as a file: what goes out comes in again, once, and is put back byte for byte."""

from __future__ import annotations

import json
from html import unescape
from typing import Any

import msgspec
import pytest
from asgiref.sync import async_to_sync
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st
from pytest_django.fixtures import Settings

from dashboard.accounts.models import AuditEntry, Role
from dashboard.recovery import importing
from dashboard.recovery.actions import create_job
from dashboard.recovery.exporting import line_of
from dashboard.recovery.importing import BadFile, import_letters, read_lines
from dashboard.recovery.interchange import LineError, Origin, place_in, read_line, write_line
from dashboard.recovery.selection import Selection
from ingest.models import DeadLetter, LetterHour
from ingest.options import BrokerOptions
from ingest.records import Flag
from tests.dashboard.care import HOSTILE, client_for, make_letter
from tests.dashboard.recovery.conftest import Shop, make_original

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def exported(*letters: DeadLetter) -> list[bytes]:
    return [write_line(line_of(letter, host="shop.example")) for letter in letters]


def changed(line: bytes, **values: Any) -> bytes:
    return json.dumps({**json.loads(line), **values}).encode()


def download(client: Client, query: str = "") -> list[dict[str, Any]]:
    answer = client.get(f"/dead-letters/export/?{query}")
    assert answer.status_code == 200

    async def read() -> bytes:
        return b"".join([piece async for piece in answer.streaming_content])

    pieces = async_to_sync(read)()
    return [json.loads(line) for line in pieces.splitlines()]


def upload(client: Client, content: bytes, broker: str = "main") -> Any:
    file = SimpleUploadedFile("letters.ndjson", content)
    return client.post("/dead-letters/import/", {"file": file, "broker": broker})


def test_letters_may_come_in_for_a_kafka(shop: Shop, settings: Settings) -> None:
    lines = exported(make_original(1))
    DeadLetter.objects.all().delete()
    kafka = BrokerOptions(type="kafka", bootstrap_servers=("127.0.0.1:1",))
    settings.INGEST = msgspec.structs.replace(settings.INGEST, brokers={"events": kafka})

    answer = upload(client_for(Role.OPERATOR), b"\n".join(lines), broker="events")

    assert answer.status_code == 200
    assert DeadLetter.objects.get().stream.broker == "events"


def test_a_letter_comes_in_as_it_went_out_marked_with_its_origin(shop: Shop) -> None:
    letter = make_original(1, error_message=HOSTILE, redrives=2)
    lines = exported(letter)
    DeadLetter.objects.all().delete()

    done = import_letters(lines, broker="main", by="ada", now_ms=77)

    (here,) = DeadLetter.objects.all()
    same = (
        "event_id",
        "event_type",
        "topic",
        "consumer",
        "error_type",
        "error_message",
        "redrives",
    )
    assert {name: getattr(here, name) for name in same} == {
        name: getattr(letter, name) for name in same
    }
    assert bytes(here.event) == bytes(letter.event)
    assert (here.status, here.received_ms) == ("open", 77)
    assert here.origin == f"shop.example main failed-events {letter.major}-{letter.minor}"
    assert tuple(done) == (1, 0, 0)
    assert AuditEntry.objects.get().action == "letters.imported"


def test_an_imported_letter_is_put_back(shop: Shop) -> None:
    lines = exported(make_original(1))
    DeadLetter.objects.all().delete()
    import_letters(lines, broker="main", by="ada")

    create_job(actor="ada", selection=Selection.of_ids([DeadLetter.objects.get().pk]))
    shop.worker.step()

    assert shop.ids() == ["evt_1"]


def test_importing_again_stores_nothing_twice() -> None:
    lines = exported(make_letter(1), make_letter(2))
    import_letters(lines[:1], broker="main", by="ada")

    assert tuple(import_letters(lines, broker="main", by="ada")) == (2, 1, 0)
    assert DeadLetter.objects.exclude(origin="").count() == 2


def test_imported_letters_count_as_opened_not_as_arrived() -> None:
    lines = exported(make_letter(1))
    before = LetterHour.objects.values_list("arrived", flat=True)
    assert sum(before) == 1

    import_letters(lines, broker="main", by="ada")

    hours = LetterHour.objects.all()
    assert sum(hour.arrived for hour in hours) == 1
    assert sum(hour.reopened for hour in hours) == 1


@pytest.mark.parametrize(
    ("given", "withheld"),
    [
        ({"size": 4000}, "cut short"),
        ({"flags": int(Flag.REDACTED)}, "redacted"),
        ({"event": b'"$encrypted:00000000:' + b"x" * 40 + b'"'}, "encrypted at rest"),
    ],
)
def test_what_cannot_be_had_as_it_was_goes_without_its_event_and_is_not_put_back(
    shop: Shop, given: dict[str, Any], withheld: str
) -> None:
    (line,) = exported(make_letter(1, **given))
    DeadLetter.objects.all().delete()
    told = json.loads(line)
    assert (told["event"], withheld in told["withheld"]) == (None, True)

    assert import_letters([line], broker="main", by="ada").withheld == 1
    create_job(actor="ada", selection=Selection.of_ids([DeadLetter.objects.get().pk]))
    shop.worker.step()
    assert shop.ids() == []


BAD = {
    "x": "line 2: JSON is malformed",
    "[]": "line 2: Expected `object`",
    "{}": "line 2: Object missing required field",
}


@pytest.mark.parametrize("text", BAD)
def test_a_line_that_cannot_be_read_is_told_with_its_number(text: str) -> None:
    (good,) = exported(make_letter(1))
    with pytest.raises(BadFile) as caught:
        import_letters([good, text.encode()], broker="main", by="ada")
    assert str(caught.value).startswith(BAD[text])
    assert DeadLetter.objects.exclude(origin="").count() == 0


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"format": "other"}, "format is 'other'"),
        ({"event": None}, "either event or withheld"),
        ({"event": "no base64!"}, "Invalid base64"),
        ({"eventId": ""}, "$.eventId"),
        ({"more": 1}, "unknown field `more`"),
        ({"redrives": -1}, "$.redrives"),
        ({"topic": "a\0b"}, "NUL"),
        ({"receivedMs": "now"}, "$.receivedMs"),
        ({"event": "A" * 1_500_000}, "more than 1048576"),
    ],
)
def test_a_wrong_field_is_told(values: dict[str, Any], said: str) -> None:
    (good,) = exported(make_letter(1))
    with pytest.raises(BadFile, match="line 1") as caught:
        read_lines([changed(good, **values)])
    assert said in str(caught.value)


def test_a_file_of_nothing_or_of_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(BadFile, match="no line"):
        read_lines([b"\n"])
    monkeypatch.setattr(importing, "MOST_LINES", 1)
    with pytest.raises(BadFile, match="too large"):
        read_lines(exported(make_letter(1), make_letter(2)))


@given(st.binary(max_size=80))
def test_no_bytes_are_read_but_as_a_line_or_an_error(raw: bytes) -> None:
    with pytest.raises(LineError):
        read_line(1, raw)


def test_a_place_is_of_one_letter() -> None:
    one = Origin("a", "main", "failed", "1-1")
    assert place_in(one) == place_in(Origin("a", "main", "failed", "1-1"))
    assert place_in(one) != place_in(Origin("b", "main", "failed", "1-1"))
    assert 0 <= place_in(one) < 1 << 63


def test_the_pages_export_a_group_and_import_it() -> None:
    operator = client_for(Role.OPERATOR)
    make_letter(1)
    make_letter(2, fingerprint="other", status="discarded")

    (only,) = download(operator, f"fingerprint={'f' * 16}")
    assert only["eventId"] == "evt_1"
    assert len(download(operator, "status=all")) == 2
    done = upload(operator, json.dumps(only).encode())
    assert "1 letter is here now" in unescape(done.content.decode())
    imported = DeadLetter.objects.exclude(origin="").get()
    page = operator.get(f"/dead-letters/{imported.pk}/").content.decode()
    assert "It was imported" in page
    actions = AuditEntry.objects.values_list("action", flat=True)
    assert set(actions) == {"letters.exported", "letters.imported"}


def test_a_bad_upload_is_answered_with_its_lines() -> None:
    operator = client_for(Role.OPERATOR)
    answer = upload(operator, f"{HOSTILE}\n{{}}".encode())
    page = unescape(answer.content.decode())
    assert answer.status_code == 400
    assert "line 1" in page
    assert "line 2" in page
    assert "<script>alert(1)" not in answer.content.decode()
    assert upload(operator, b"x", broker="nowhere").context["form"].errors["broker"]


def test_only_operators_export_and_import() -> None:
    viewer = client_for(Role.VIEWER)
    assert viewer.get("/dead-letters/export/").status_code == 403
    assert upload(viewer, b"{}").status_code == 403
