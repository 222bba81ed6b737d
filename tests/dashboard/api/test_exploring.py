from __future__ import annotations

from typing import Any

import pytest
from django.test import Client

from tests.dashboard.api.test_calls import problem
from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.django_db(databases=["default", "events"])

RANGE = {"since": str(START), "until": str(START + 4000)}


@pytest.fixture
def story(db: None) -> House:
    house = House(folding=True)
    house.publish([envelope("evt_1"), envelope("evt_2")], at=0, step=1500)
    house.receipts([receipt("evt_1", outcome="failed")], at=1600)
    return house


def ask(client: Client, call: str, **parameters: str) -> dict[str, Any]:
    response = client.get(f"/api/v1/{call}", parameters)
    assert response.status_code == 200, response.content
    body: dict[str, Any] = response.json()
    return body


def test_histogram_counts_by_outcome_and_names_gaps(viewer: Client, story: House) -> None:
    told = ask(viewer, "event-histogram", **RANGE, bins="4", type="ORDER_*")

    assert (told["stepSeconds"], told["exact"], told["basis"]) == (1.0, True, "counts")
    assert [one["counts"] for one in told["bins"]] == [{"unprocessed": 1}, {"failed": 1}, {}, {}]
    assert told["bins"][3]["known"] is False


def test_system_events_have_a_name_in_the_histogram(viewer: Client, story: House) -> None:
    told = ask(viewer, "event-histogram", **RANGE, bins="1")
    assert told["bins"][0]["counts"] == {"failed": 1, "delivered": 1, "system": 1}


def test_facets_are_the_most_frequent_first(viewer: Client, story: House) -> None:
    told = ask(viewer, "event-facets", **RANGE, system="hide")

    assert told["types"] == [{"name": "ORDER_CREATED", "count": 2}]
    assert told["outcomes"] == [{"name": "failed", "count": 1}]
    assert told["basis"] == "counts"


def test_tail_goes_on_from_answer_to_answer(viewer: Client, story: House) -> None:
    begun = ask(viewer, "event-tail", system="hide")
    story.publish([envelope("evt_3")], at=2999)

    told = ask(viewer, "event-tail", system="hide", after=begun["next"])

    assert begun["results"] == []
    assert [one["eventId"] for one in told["results"]] == ["evt_3", "evt_2"]
    assert (told["skipped"], told["more"]) == (0, False)


def test_text_of_the_query_bar_becomes_parameters(viewer: Client, story: House) -> None:
    told = ask(viewer, "event-query", text="type:A,B since:1h")

    assert told == {
        "parameters": [
            {"name": "type", "value": "A"},
            {"name": "type", "value": "B"},
            {"name": "since", "value": "1h"},
        ],
        "text": "type:A type:B since:1h",
    }


def test_error_in_the_text_names_its_characters(viewer: Client, story: House) -> None:
    told = problem(viewer.get("/api/v1/event-query", {"text": "type:A tpoic:B"}), 400)

    assert told["errors"] == [
        {
            "place": "query",
            "at": 7,
            "length": 5,
            "message": "there is no field tpoic; did you mean topic?",
        }
    ]


@pytest.mark.parametrize(
    ("call", "place"),
    [
        ("event-histogram?bins=0", "bins"),
        ("event-histogram?bins=501", "bins"),
        ("event-histogram?colour=red", "colour"),
        ("event-facets?outcome=lost", "outcome"),
        ("event-tail?after=forged", "after"),
    ],
)
def test_wrong_parameter_is_named(viewer: Client, story: House, call: str, place: str) -> None:
    told = problem(viewer.get(f"/api/v1/{call}"), 400)
    assert place in told["errors"][0]["place"]
