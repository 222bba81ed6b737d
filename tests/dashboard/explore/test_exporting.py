from __future__ import annotations

import csv
import io
import json

import pytest
from asgiref.sync import async_to_sync
from django.test import AsyncClient, Client

from dashboard.accounts.models import AuditEntry, User
from dashboard.explore.exporting import file_name, parse_most
from dashboard.explore.filters import FilterError
from dashboard.spreadsheets import defuse
from tests.dashboard.explore.factories import House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])


@pytest.fixture
def fetch(viewer: User):
    """The body of a file, read as the server sends it, and its headers."""
    client = AsyncClient()
    client.force_login(viewer, backend="django.contrib.auth.backends.ModelBackend")

    @async_to_sync
    async def read(url: str) -> tuple[str, dict[str, str]]:
        answer = await client.get(url)
        assert answer.status_code == 200
        pieces = [piece async for piece in answer.streaming_content]
        return b"".join(pieces).decode(), dict(answer.headers)

    return read


def rows_of(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text, newline="")))


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "\n=1"])
def test_cell_that_begins_like_a_formula_is_defused(text: str) -> None:
    assert defuse(text) == f"'{text}"


@pytest.mark.parametrize("value", ["a=1", "ORD_789", " ", -5, 2.5])
def test_other_cells_stay_as_they_are(value: str | int | float) -> None:
    assert defuse(value) == value


@pytest.mark.parametrize("text", ["0", "-1", "1000001", "1e3", "٣", "x" * 100])
def test_row_limit_out_of_bounds_is_refused(text: str) -> None:
    with pytest.raises(FilterError, match=r"most: .* not a whole number from 1 to 1000000"):
        parse_most(text)


def test_file_is_named_by_its_moment() -> None:
    assert file_name("csv", 1_795_600_000_123) == "events-20261125T094640Z.csv"


def test_csv_has_the_shown_columns_of_the_whole_list(house: House, fetch) -> None:
    house.publish(
        [
            envelope(f"evt_{n}", payload={"orderId": f"ORD,{n}", "note": '=HYPERLINK("x")'})
            for n in range(1203)
        ]
    )
    house.receipts([receipt("evt_1202", took=77, outcome="failed", error="no")], at=5000)

    text, headers = fetch(
        "/events.csv?type=ORDER_*&columns=event,outcome,consumer,duration,payload.orderId,payload.note"
    )

    rows = rows_of(text)
    assert [row["event"] for row in rows] == [f"evt_{n}" for n in reversed(range(1203))]
    assert rows[0] == {
        "event": "evt_1202",
        "outcome": "failed",
        "consumer": "inventory-service",
        "duration": "77.0",
        "payload.orderId": "ORD,1202",
        "payload.note": '\'=HYPERLINK("x")',
    }
    assert headers["Content-Type"] == "text/csv; charset=utf-8"
    assert headers["Content-Disposition"].startswith('attachment; filename="events-')


def test_ndjson_has_whole_envelopes_up_to_the_limit(house: House, fetch) -> None:
    house.publish([envelope(f"evt_{n}") for n in range(9)])

    text, headers = fetch("/events.ndjson?most=3&order=oldest")

    events = [json.loads(line) for line in text.splitlines()]
    assert [event["eventId"] for event in events] == ["evt_0", "evt_1", "evt_2"]
    assert events[0]["payload"] == {"orderId": "ORD_789"}
    assert events[0]["topic"] == "orders-topic"
    assert headers["X-Most-Rows"] == "3"


def test_download_is_audited_with_its_query(house: House, fetch) -> None:
    fetch("/events.csv?type=ORDER_*&most=5")
    entry = AuditEntry.objects.get(action="events.exported")
    assert (entry.actor, json.loads(entry.detail)) == (
        "vera",
        {"format": "csv", "most": 5, "query": "type=ORDER_%2A"},
    )


@pytest.mark.parametrize(
    ("query", "place"), [("most=0", "most"), ("nope=1", "nope"), ("columns=x", "columns")]
)
def test_wrong_download_is_refused_and_not_audited(visitor: Client, query: str, place: str) -> None:
    answer = visitor.get(f"/events.csv?{query}")
    assert answer.status_code == 400
    assert f">{place}</strong>" in answer.content.decode()
    assert not AuditEntry.objects.exists()
