"""One event's page: what it tells, its parts, what is encrypted in it."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import msgspec
import pytest
from django.conf import settings
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from pytest_django.fixtures import Settings

from dashboard.accounts.models import AuditEntry, Role, User
from ingest.envelopes import Decoder
from ingest.options import PrivacyOptions
from ingest.records import Message, Position, Record
from ingest.sealing import configured_keyring
from tests.dashboard.explore.factories import START, House, envelope, receipt
from tests.dashboard.explore.test_pages import get, text_of

pytestmark = [
    pytest.mark.django_db(databases=["default", "events"]),
    pytest.mark.usefixtures("every_store"),
]

KEY = "ab" * 32
SECRET = "4111-1111"


def client_of(role: Role) -> Client:
    client = Client()
    user = User.objects.create_user(f"a-{role}", password="x", role=role)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


@pytest.fixture
def sealed(settings: Settings, house: House) -> House:
    """A house with one event whose card is encrypted."""
    privacy = PrivacyOptions(encrypt=("payload.card", "header:x-card"))
    settings.INGEST = msgspec.structs.replace(settings.INGEST, privacy=privacy)
    settings.ENCRYPTION_KEYS = [KEY]
    body = envelope("evt_card", payload={"orderId": "O1", "card": {"number": SECRET}})
    arrived = Message(
        Position(START, 0), START, None, json.dumps(body).encode(), ((b"x-card", SECRET.encode()),)
    )
    decoder = Decoder(settings.INGEST, keyring=configured_keyring())
    made = decoder.decode(arrived, "orders-topic")
    assert isinstance(made, Record)
    house.store([made], topic="orders-topic")
    return house


def table_of(html: str) -> list[str]:
    [body] = re.findall(
        r'<table class="es-table es-stack ev-consumed">.*?</table>', html, re.DOTALL
    )
    return [text_of(row) for row in re.findall(r"<tr.*?</tr>", body, re.DOTALL)[1:]]


def test_each_consumer_is_a_row_with_its_three_times_and_its_errors_below(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_1")], at=5)
    house.receipts(
        [
            receipt("evt_1", "payment", "retry", at=15, took=10, error="timed out"),
            receipt("evt_1", "payment", at=45, took=20, attempt=2),
            receipt("evt_1", "stock", "failed", at=25, took=5, error="none left"),
        ]
    )

    payment, error, stock, bad = table_of(get(visitor, "/events/evt_1/"))

    assert payment.startswith("payment success 2 of 3 10 ms 30 ms 65 ms")
    assert "attempt 1" in error
    assert "PaymentError timed out" in error
    assert stock.startswith("stock failed 1 of 3 20 ms 5 ms 30 ms")
    assert "none left" in bad


def failures(count: int) -> list[dict[str, object]]:
    outcomes = ["retry"] * (count - 1) + ["dead_lettered"]
    return [
        receipt("evt_1", "payment", outcome, at=n * 10, attempt=n, error="timed out")
        for n, outcome in enumerate(outcomes, start=1)
    ]


def test_of_many_failed_attempts_the_middle_folds(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2")], at=5)
    house.receipts([*failures(9), *(one | {"eventId": "evt_2"} for one in failures(6))])

    many, few = (get(visitor, f"/events/{name}/") for name in ("evt_1", "evt_2"))
    story = get(visitor, "/correlations/corr_1/")

    [folded] = re.findall(r'<details class="ev-more">.*?</ul></details>', many, re.DOTALL)
    assert re.findall(r"attempt (\d)", folded) == ["3", "4", "5", "6", "7", "8"]
    assert "<summary>6 more attempts</summary>" in folded
    assert re.findall(r"attempt (\d)", table_of(many)[1]) == list("123456789")
    assert "ev-more" not in few
    assert story.count("<summary>6 more attempts</summary>") == 1


def test_neighbours_on_the_stream_are_a_click_away(visitor: Client, house: House) -> None:
    house.publish([envelope(f"evt_{number}") for number in range(3)])
    house.publish([envelope("elsewhere")], topic="payments-topic", at=6)

    middle = get(visitor, "/events/evt_1/")
    first = get(visitor, "/events/evt_0/")
    around = get(visitor, "/events/evt_1/?part=around")

    assert re.findall(r'href="([^"]+)" data-neighbour', middle) == [
        "/events/evt_0/",
        "/events/evt_2/",
    ]
    assert re.findall(r'href="([^"]+)" data-neighbour', first) == ["/events/evt_1/"]
    assert re.findall(r'<a href="/events/([^"/]+)/', around) == ["evt_0", "evt_2"]
    assert around.count('aria-current="true"') == 1


def test_causes_and_effects_are_a_tree(visitor: Client, house: House) -> None:
    house.publish(
        [
            envelope("a", "A"),
            envelope("b", "B", cause="a"),
            envelope("c", "C", cause="b"),
            envelope("d", "D", cause="c"),
            envelope("e", "E", cause="c"),
            envelope("f", "F", cause="d"),
        ]
    )

    text = text_of(get(visitor, "/events/c/"))

    tree = text[text.index("Cause and effect") :]
    order = [tree.index(f" {name} ") for name in "ABCDFE"]
    assert order == sorted(order)


def test_a_ring_of_causes_is_said_and_ends(visitor: Client, house: House) -> None:
    house.publish([envelope("a", "A", cause="b"), envelope("b", "B", cause="a")])
    assert "lead back to themselves" in text_of(get(visitor, "/events/a/"))


def test_a_cause_that_is_not_stored_is_named(visitor: Client, house: House) -> None:
    house.publish([envelope("b", "B", cause="gone")])
    assert "First cause not stored: gone" in text_of(get(visitor, "/events/b/"))


def test_every_name_copies_its_path_and_an_indexed_value_leads_to_its_events(
    visitor: Client, house: House
) -> None:
    payload = {"orderId": "ORD 7&", "items": [{"unit price": 1}]}
    house.publish([envelope("evt_1", payload=payload)])

    html = get(visitor, "/events/evt_1/")

    assert 'data-copy="payload.items[0][&quot;unit price&quot;]"' in html
    assert 'href="/events/?key=ORD%207%26"' in html


def test_differences_from_the_learnt_schema_are_marked(visitor: Client, db: None) -> None:
    house = House(folding=True)
    usual = {"orderId": "O", "total": 5.5}
    house.publish([envelope(f"evt_{number}", payload=usual) for number in range(30)])
    house.publish([envelope("odd", payload={"total": "5", "extra": 1})], at=100)

    html = get(visitor, "/events/odd/")
    plain = text_of(get(visitor, "/events/evt_3/"))

    assert "as usual" in plain
    text = text_of(html)
    assert "missing payload.orderId" in text
    assert "other type payload.total a string, usually a number" in text
    assert "new field payload.extra" in text
    assert len(re.findall(r'class="ex-json-mark"', html)) == 2


@pytest.mark.parametrize(
    "event_id", ["nowhere", "a/b/c", "x" * 600, "%00", "..%2f..", quote('"><script>', safe="")]
)
def test_an_unknown_id_offers_the_search(visitor: Client, house: House, event_id: str) -> None:
    html = get(visitor, f"/events/{event_id}/", 404)

    assert "No event has this id" in html
    assert "/search/?q=" in html
    assert "<script>" not in html.replace('<script src="', "")


def test_an_id_with_slashes_has_a_page_of_its_own(visitor: Client, house: House) -> None:
    house.publish([envelope("shop/1/part")])
    assert "shop/1/part" in text_of(get(visitor, "/events/shop/1/part/"))


def test_bytes_that_are_no_text_are_shown_in_hexadecimal_and_downloaded_as_they_are(
    visitor: Client, house: House
) -> None:
    body = json.dumps(envelope("evt_1")).encode()
    house.publish([body])

    assert "7b 22 65 76" in get(visitor, "/events/evt_1/?part=hex")
    answer = visitor.get("/events/evt_1/?part=raw")
    assert answer.content == body
    assert answer["Content-Disposition"] == "attachment; filename*=UTF-8''evt_1"


def test_a_large_event_is_not_put_into_the_page_twice(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1", payload={"blob": "y" * 200_000})])

    html = get(visitor, "/events/evt_1/")

    assert html.count("y" * 1000) <= 4 + 200
    assert len(html) < 300_000
    assert "198,000 characters more" in html


def test_a_page_asks_the_same_few_questions_whatever_surrounds_it(
    visitor: Client, house: House
) -> None:
    def queries() -> int:
        with CaptureQueriesContext(connections["events"]) as asked:
            get(visitor, "/events/root/")
        return len(asked)

    house.publish([envelope("root"), envelope("one", cause="root")])
    house.receipts([receipt("root")])
    few = queries()
    house.publish([envelope(f"e{number}", cause="root") for number in range(30)], at=300)
    house.receipts([receipt("root", f"consumer-{number}") for number in range(30)], at=400)

    assert queries() - few <= 12  # blocks are more, not questions by row


def test_encrypted_values_are_locked_and_named(sealed: House, visitor: Client) -> None:
    html = get(visitor, "/events/evt_card/")

    assert SECRET not in html
    text = text_of(html)
    assert "Encrypted at rest: payload.card , header:x-card" in text
    assert "Shown from the role admin on" in text
    assert visitor.post("/events/evt_card/").status_code == 403
    assert not AuditEntry.objects.filter(action="event.revealed").exists()


def test_who_may_sees_them_and_the_audit_log_says_so_without_the_values(sealed: House) -> None:
    answer = client_of(Role.ADMIN).post("/events/evt_card/")

    html = answer.content.decode()
    assert html.count(SECRET) >= 2
    assert "no-store" in answer["Cache-Control"]
    entry = AuditEntry.objects.get(action="event.revealed")
    assert (entry.actor, entry.subject) == ("a-admin", "evt_card")
    assert json.loads(entry.detail) == {"paths": ["payload.card", "header:x-card"]}


def test_operators_may_when_the_configuration_says_so(sealed: House, settings: Settings) -> None:
    operator = client_of(Role.OPERATOR)
    assert operator.post("/events/evt_card/").status_code == 403

    privacy = msgspec.structs.replace(settings.INGEST.privacy, reveal="operator")
    settings.INGEST = msgspec.structs.replace(settings.INGEST, privacy=privacy)

    assert SECRET in operator.post("/events/evt_card/").content.decode()


def test_a_missing_key_is_named_and_no_error(sealed: House, settings: Settings) -> None:
    settings.ENCRYPTION_KEYS = ["cd" * 32]

    text = text_of(client_of(Role.ADMIN).post("/events/evt_card/").content.decode())

    assert SECRET not in text
    assert "What is still locked needs the key" in text


def test_the_api_opens_only_for_who_asks_and_may(sealed: House, settings: Settings) -> None:
    def ask(client: Client, query: str = "") -> Any:
        return client.get(f"/api/v1/events/evt_card{query}")

    admin, viewer = client_of(Role.ADMIN), client_of(Role.VIEWER)

    assert SECRET not in ask(admin).content.decode()
    assert ask(viewer, "?reveal=true").status_code == 403
    told = ask(admin, "?reveal=true").json()
    assert told["payload"]["card"] == {"number": SECRET}
    assert told["revealed"] == {"paths": ["payload.card", "header:x-card"], "locked": []}
    assert AuditEntry.objects.filter(action="event.revealed").count() == 1


def test_a_tombstone_says_so(house: House, visitor: Client) -> None:
    arrived = Message(Position(START, 0), START, b"ORD_1", b"")
    made = Decoder(settings.INGEST).decode(arrived, "orders-topic")
    assert isinstance(made, Record)
    house.store([made], topic="orders-topic")

    page = get(visitor, f"/events/orders-topic@{START}-0/")
    told = visitor.get(f"/api/v1/events/orders-topic@{START}-0").json()

    assert "A tombstone: it has no value, and says that its key is gone." in text_of(page)
    assert "key of the message ORD_1" in text_of(page)
    assert (told["eventType"], told["payload"]) == ("orders-topic", None)
