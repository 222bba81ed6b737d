"""What a page says when there is none: why, and the way on."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from config import settings as config
from dashboard.accounts.models import Role
from tests.dashboard.accounts.factories import client_of, make_user
from tests.ingest.store.conftest import using_database

pytestmark = pytest.mark.django_db(databases=["default", "events"])

NO_SERVER = "postgres://nobody@127.0.0.1:1/nothing"
FORM = "application/x-www-form-urlencoded"


@pytest.fixture
def reader() -> Client:
    client = client_of(make_user(Role.VIEWER, username="ada"))
    client.raise_request_exception = False
    return client


@pytest.mark.parametrize(
    ("path", "told", "home"),
    [
        ("/dead-letters/999/", "There is no dead letter with this number.", "Dead letters"),
        ("/alerts/999/", "There is no alert with this number.", "Alerts"),
        ("/breakers/none/", "No breaker of this name was ever told of.", "Breakers"),
        ("/no/such/page/", "There is no such page.", "Overview"),
    ],
)
def test_what_is_not_there_is_named_and_its_list_is_at_hand(
    reader: Client, path: str, told: str, home: str
) -> None:
    answer = reader.get(path)

    page = answer.content.decode()
    assert answer.status_code == 404
    assert told in page
    assert f"</svg>{home}</a>" in page.split('<p class="es-actions">')[1]
    assert 'id="search"' in page


def test_a_stranger_sees_no_frame() -> None:
    page = Client().get("/no/such/page/").content.decode()

    assert "There is no such page." in page
    assert "es-sidebar" not in page


def test_a_part_of_an_address_that_is_wrong_can_be_left_out(reader: Client) -> None:
    answer = reader.get("/entities/order/ORD_1/?step=x")

    assert answer.status_code == 400
    assert '<a class="btn btn-primary" href="/entities/order/ORD_1/">' in answer.content.decode()


@pytest.mark.parametrize("path", ["/events/evt_none/", "/correlations/corr_none/"])
def test_an_id_of_nothing_can_be_looked_for_further(reader: Client, path: str) -> None:
    answer = reader.get(path)

    assert answer.status_code == 404
    assert f'href="/search/?q={path.split("/")[2]}"' in answer.content.decode()


def test_who_may_not_is_told_as_whom(reader: Client) -> None:
    page = reader.get("/audit/").content.decode()

    assert "This needs the role operator." in page
    assert "signed in as <strong>ada</strong>, with the role viewer" in page


def test_too_much_is_told_as_that(reader: Client) -> None:
    answer = reader.post("/settings/password/", "current=" + "x" * 3_000_000, content_type=FORM)

    assert answer.status_code == 413
    assert "Too much at once" in answer.content.decode()


def test_a_database_that_is_away_is_asked_again(reader: Client) -> None:
    with using_database(config._server(NO_SERVER, "eventscope_events")):
        answer = reader.get("/catalog/?q=a")

    page = answer.content.decode()
    assert (answer.status_code, answer["Retry-After"]) == (503, "10")
    assert "The database is away" in page
    assert '<meta http-equiv="refresh" content="10">' in page
    assert 'href="/catalog/?q=a"' in page


def test_probes_do_not_ask_who_asks(reader: Client, django_assert_num_queries: Any) -> None:
    with django_assert_num_queries(0):
        assert reader.get("/healthz").status_code == 200
