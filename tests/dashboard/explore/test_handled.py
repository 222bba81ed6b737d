from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from dashboard.explore import handled
from dashboard.explore.filters import EventQuery
from dashboard.explore.handled import choose_marks
from dashboard.explore.judging import handled_as_asked
from dashboard.explore.listing import read_listing
from dashboard.explore.places import place_of
from dashboard.explore.rows import RECEIPTS, rows_of
from ingest.queries.events import EventFilter, list_events, shared_store
from ingest.queries.grouping import SeriesView
from ingest.store.marks import by_consumer, by_end, by_type, longer_than
from tests.dashboard.explore.factories import START, House, envelope, receipt

pytestmark = pytest.mark.usefixtures("every_store")

CONSUMERS = ("inventory", "mail", "payment")
NOW = START + 30 * 3_600_000
QUERIES: list[dict[str, Any]] = [
    {"outcomes": ("failed",)},
    {"outcomes": ("retried", "dead_lettered")},
    {"outcomes": ("delivered",)},
    {"outcomes": ("failed",), "types": ("PAYMENT_DONE",)},
    {"outcomes": ("failed",), "types": ("PAYMENT_*",), "newest_first": False},
    {"outcomes": ("failed",), "consumers": ("mail",)},
    {"outcomes": ("delivered",), "consumers": ("mail",), "newest_first": False},
    {"consumers": ("pay*",)},
    {"consumers": ("pay*", "!payment")},
    {"consumers": ("nobody",)},
    {"over_ms": 400.0},
    {"over_ms": 400.0, "outcomes": ("delivered",)},
    {"over_ms": 100.0, "consumers": ("inventory",)},
    {"outcomes": ("failed",), "since_ms": START + 30_000, "until_ms": START + 200_000},
    {"outcomes": ("failed",), "texts": ("evt_1",)},
]


@pytest.fixture(autouse=True)
def _no_hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much a busy machine reads in a page's time is not asked here."""
    monkeypatch.setattr(handled, "SECONDS", 600)


class World:
    """Events over a day, most of them within minutes, handled by anybody, some hours late."""

    def __init__(self, house: House, seed: int) -> None:
        self._chance = random.Random(seed)
        self._house = house
        self._messages = 0

    def fill(self) -> None:
        for part in range(3):
            self._part(part, at=part * 8 * 3_600_000)

    def _part(self, part: int, *, at: int) -> None:
        chance = self._chance
        kinds = [chance.choice(["ORDER_CREATED", "PAYMENT_DONE"]) for _ in range(60)]
        events = [envelope(f"evt_{part}_{n}", kind) for n, kind in enumerate(kinds)]
        step = chance.choice([7, 900, 40_000])
        records = self._house.publish(events, at=at, step=step)
        told = [
            self._receipt(record.event_id, record.event_type, record.appended_ms)
            for record in records
            for _ in range(chance.choice([0, 1, 1, 2, 3]))
        ]
        chance.shuffle(told)
        self.tell([told[n : n + 2] for n in range(0, len(told), 2)], at + 60 * step)

    def _receipt(self, event_id: str, kind: str, appended_ms: int) -> dict[str, Any]:
        chance = self._chance
        outcome = chance.choices(
            ["success", "retry", "failed", "dead_lettered"], weights=[8, 2, 2, 1]
        )[0]
        took = round(chance.lognormvariate(4, 1.5))
        late = chance.choice([0, 0, 5_000, 7_200_000])
        told = receipt(
            event_id,
            chance.choice(CONSUMERS),
            outcome,
            at=appended_ms - START + late,
            took=took,
            attempt=chance.choice([1, 1, 2]),
        )
        told["eventType"] = kind
        if chance.random() < 0.8:
            told["offset"] = f"{appended_ms}-0"
        else:
            told["producedAt"] = appended_ms - 300
        return told

    def tell(self, messages: list[list[dict[str, Any]]], at: int) -> None:
        bodies = []
        for told in messages:
            self._messages += 1
            name = f"receipts-{self._messages}"
            bodies.append(
                envelope(name, RECEIPTS, correlation=name, source="kit", payload={"receipts": told})
            )
        self._house.publish(bodies, topic="system-events", at=at)


def paged(query: EventQuery, limit: int) -> list[str]:
    found: list[str] = []
    page = replace(query, limit=limit)
    while True:
        listing = read_listing(page, now_ms=NOW)
        found += [row.event.event_id for row in listing.rows]
        if listing.next is None:
            return found
        page = replace(page, cursor=listing.next)


def judged_one_by_one(query: EventQuery) -> list[str]:
    where = EventFilter(
        types=query.types or (f"!{RECEIPTS}",), since_ms=query.since_ms, until_ms=query.until_ms
    )
    rows = rows_of(list_events(where, limit=1000).events)
    chosen = [
        row
        for row in rows
        if handled_as_asked(query, row.event.event_type, row.handlings)
        and all(text.encode() in row.event.body for text in query.texts)
    ]
    chosen.sort(key=lambda row: place_of(row.event), reverse=query.newest_first)
    return [row.event.event_id for row in chosen]


@pytest.mark.django_db(databases=["default", "events"])
@pytest.mark.parametrize("seed", range(4))
def test_marks_find_what_judging_every_event_finds(counting_house: House, seed: int) -> None:
    World(counting_house, seed).fill()

    for fields in QUERIES:
        query = EventQuery(**fields)
        assert paged(query, limit=7) == judged_one_by_one(query), fields


@pytest.mark.django_db(databases=["default", "events"])
def test_letter_that_no_receipt_tells_of_is_found_where_it_was_and_where_it_lies(
    counting_house: House,
) -> None:
    counting_house.publish([envelope("evt_1"), envelope("evt_2")])
    letter = envelope("evt_1", at=5)
    counting_house.publish([letter], topic="failed-events", at=9_000_000, dead_letters=True)

    listing = read_listing(EventQuery(outcomes=("dead_lettered",)), now_ms=NOW)

    assert [(row.event.event_id, row.event.topic) for row in listing.rows] == [
        ("evt_1", "failed-events"),
        ("evt_1", "orders-topic"),
    ]


@pytest.mark.django_db(databases=["default", "events"])
def test_handlings_that_are_stored_before_their_events_are_not_looked_up_one_by_one(
    counting_house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker that catches up may be minutes ahead on the topic of the receipts."""
    stored = counting_house.publish([envelope(f"evt_{n}") for n in range(20)])
    until = stored[-1].appended_ms
    world = World(counting_house, seed=1)
    told = [
        receipt(f"{name}_{n}", at=at - START) | {"offset": f"{at}-0"}
        for name, count, first in (("evt", 20, stored[0].appended_ms), ("later", 900, until + 1))
        for n in range(count)
        for at in [first + n]
    ]
    world.tell([told[n : n + 100] for n in range(0, len(told), 100)], at=1_000)
    looked_up: list[int] = []
    store = shared_store()
    find = store.find
    monkeypatch.setattr(
        store, "find", lambda ids, **more: looked_up.append(len(ids)) or find(ids, **more)
    )

    listing = read_listing(EventQuery(outcomes=("delivered",), limit=10), now_ms=NOW)

    assert [row.event.event_id for row in listing.rows] == [f"evt_{n}" for n in range(19, 9, -1)]
    assert sum(looked_up) < 100


SERIES = [SeriesView(n, "ORDER_CREATED", "", name, "t") for n, name in enumerate(CONSUMERS)]


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        ({"outcomes": ("failed",)}, [by_end("failed")]),
        (
            {"outcomes": ("failed",), "types": ("A",)},
            [by_type("A", "failed"), by_type("", "failed")],
        ),
        ({"outcomes": ("failed",), "types": ("A*",)}, [by_end("failed")]),
        ({"outcomes": ("failed",), "consumers": ("m*",)}, [by_consumer("mail", "failed")]),
        ({"outcomes": ("delivered", "failed")}, [by_end("delivered"), by_end("failed")]),
        ({"outcomes": ("unprocessed",)}, None),
        ({"outcomes": ("unprocessed", "failed")}, None),
        ({"consumers": ("!mail",)}, None),
        ({"consumers": ("nobody*",)}, []),
        ({"consumers": ("mail", "new")}, [by_consumer("mail"), by_consumer("new")]),
        ({"over_ms": 500.0}, longer_than(500.0)),
    ],
)
def test_the_most_telling_marks_are_looked_for(fields: dict[str, Any], names: list[str]) -> None:
    chosen = choose_marks(EventQuery(**fields), SERIES)
    assert (chosen and chosen.names) == names


def test_consumers_beyond_the_limit_of_series_cannot_be_told_by_pattern() -> None:
    series = [
        *SERIES,
        SeriesView(9, "__overflow__", "__overflow__", "__overflow__", "__overflow__"),
    ]
    assert choose_marks(EventQuery(consumers=("m*",)), series) is None
