"""The page of one correlation."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from django.db import connections
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from tests.dashboard.explore.factories import House, envelope, receipt
from tests.dashboard.explore.test_pages import NASTY, get, text_of

pytestmark = pytest.mark.django_db(databases=["default", "events"])
PAGE = "/correlations/corr_1/"


def lines_in(html: str) -> list[str]:
    """Event ids in the order of the lines."""
    return re.findall(r'data-event="([^"]+)"', html)


def crowd(count: int) -> list[dict[str, object]]:
    """A root and its like children."""
    children = [
        envelope(f"evt_{n:04}", "STOCK_TAKEN", at=n, cause="evt_root") for n in range(count - 1)
    ]
    return [envelope("evt_root"), *children]


def test_names_that_the_timeline_shortens_are_told_whole(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1", "A_TYPE_OF_MANY_WORDS", at=0)])
    house.receipts([receipt("evt_1", "gateway-eu-central-1-consumer", "success", at=10)])

    html = get(visitor, PAGE)

    for name in ("A_TYPE_OF_MANY_WORDS", "order-service", "gateway-eu-central-1-consumer"):
        assert f'title="{name}">{name}<' in html


def test_story_shows_causes_handlings_errors_missing_parents_and_dead_letters(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_1", at=0)])
    house.publish([envelope("evt_2", "PAYMENT_FAILED", at=40, cause="evt_1")], at=50)
    house.publish([envelope("evt_4", "ORPHAN", at=60, cause="evt_gone")], at=60)
    house.receipts(
        [
            receipt("evt_1", "payment-service", "retry", at=10, error="timeout"),
            receipt(
                "evt_1", "payment-service", "dead_lettered", at=400, attempt=3, error="gave up"
            ),
        ]
    )
    letter = house.dead_letter("evt_1")
    html = get(visitor, PAGE)
    text = text_of(html)

    assert f"Dead letter {letter.pk}" in text
    assert reverse("recovery:dead-letter", args=[letter.pk]) in html
    assert re.findall(r'data-indent="(\d)"', html) == ["0", "1", "0", "1"]
    assert "attempt 1 PaymentError timeout" in text
    assert "attempt 3 PaymentError gave up" in text
    assert "named as the cause of 1 event" in text
    assert ' style="' not in html
    assert 'data-kind="dead_lettered"' in html
    assert "<script>" not in html


def test_summary_says_first_who_failed_why_and_where_the_letter_is(
    visitor: Client, house: House
) -> None:
    house.publish([envelope("evt_1")])
    house.receipts(
        [
            receipt("evt_1", "payment-service", "dead_lettered", at=10, error="declined"),
            receipt("evt_1", "inventory-service", at=90),
        ]
    )
    letter = house.dead_letter("evt_1")

    text = text_of(get(visitor, PAGE))

    assert (
        "ORDER_CREATED failed at payment-service : PaymentError declined "
        f"dead letter {letter.pk} open" in text
    )
    assert "Where the time went" in text


def test_redriven_copy_is_told_at_its_event(visitor: Client, house: House) -> None:
    again = envelope("evt_1")
    again["metadata"]["redrive"] = {"id": "job_1", "attempt": 2, "by": "ada", "at": "now"}
    house.publish([envelope("evt_1")])
    house.publish([again], at=900)

    text = text_of(get(visitor, PAGE))

    assert "Redriven by ada , attempt 2" in text
    assert "×2" in text


def test_crowd_is_one_line_that_opens_in_windows(visitor: Client, house: House) -> None:
    house.publish(crowd(620))

    folded = get(visitor, PAGE)
    opened = get(visitor, f"{PAGE}?unfolded=evt_0000")
    rest = get(visitor, f"{PAGE}?unfolded=evt_0000&first=600&part=lines")

    assert "618 ×" in text_of(folded)  # the last of them is the critical path's end
    assert lines_in(folded) == ["evt_root", "evt_0618"]
    assert len(lines_in(opened)) == 199
    assert "first=200&amp;part=lines" in opened
    assert lines_in(rest)[-1] == "evt_0618"
    assert "<html" not in rest


def test_wanted_event_is_shown_wherever_it_stands(visitor: Client, house: House) -> None:
    house.publish(crowd(620))

    for url in (f"{PAGE}?event=evt_0400", f"{PAGE}?event=evt_0400&show=all"):
        html = get(visitor, url)
        assert 'data-event="evt_0400"' in html
        assert html.count('id="event"') == 1


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", ["evt_1", "evt_2", "evt_3"]),
        ("failures=1", ["evt_1", "evt_2"]),
        ("type=SHIPPED", ["evt_1", "evt_3"]),
        ("service=mail", ["evt_1", "evt_2"]),
        ("closed=evt_1", ["evt_1"]),
        ("show=roots", ["evt_1"]),
        ("show=roots&opened=evt_1", ["evt_1", "evt_2", "evt_3"]),
        ("type=NOTHING", []),
    ],
)
def test_address_says_what_is_shown(
    visitor: Client, house: House, query: str, expected: list[str]
) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2", "PAID", at=3, cause="evt_1")])
    house.publish([envelope("evt_3", "SHIPPED", at=9, cause="evt_1")], at=20)
    house.receipts([receipt("evt_2", "mail", "failed", at=20, error="no")])

    assert lines_in(get(visitor, f"{PAGE}?{query}")) == expected


@pytest.mark.parametrize(
    ("query", "place"),
    [
        ("view=film", "view"),
        ("show=some", "show"),
        ("first=x", "first"),
        ("first=-1", "first"),
        ("zoom=a-b", "zoom"),
        ("colour=red", "colour"),
        ("failures=yes", "failures"),
        ("event=" + "x" * 513, "event"),
        ("type=%00", "type"),
        ("&".join(f"closed={n}" for n in range(201)), "closed"),
    ],
)
def test_wrong_address_is_a_400_that_names_the_place(
    visitor: Client, house: House, query: str, place: str
) -> None:
    html = get(visitor, f"{PAGE}?{query}", 400)
    assert f'<strong class="es-mono">{place}</strong>' in html


def order(number: int, *, mailed: bool = True) -> list[dict[str, object]]:
    """An order as it goes: created, paid and, if it goes well, mailed."""
    corr = f"corr_{number}"
    steps = [
        envelope(f"o{number}", correlation=corr, at=number),
        envelope(f"p{number}", "PAID", at=number + 5, cause=f"o{number}", correlation=corr),
    ]
    mail = envelope(f"m{number}", "MAILED", at=number + 9, cause=f"p{number}", correlation=corr)
    return [*steps, mail] if mailed else steps


@pytest.mark.parametrize("view", ["sequence", "tree"])
def test_drawings_have_every_event_or_those_that_fit(
    visitor: Client, house: House, view: str
) -> None:
    house.publish(order(1))
    house.receipts([receipt("p1", "mail", "failed", at=20, error="no")])

    whole = get(visitor, f"{PAGE}?view={view}")
    failed = get(visitor, f"{PAGE}?view={view}&failures=1")

    assert set(re.findall(r'data-select="(\w+)"[^>]*><g', whole)) == {"o1", "p1", "m1"}
    assert "m1" not in re.findall(r'data-select="(\w+)"[^>]*><g', failed)
    assert ' style="' not in whole


def test_drawings_of_large_stories_are_paged(visitor: Client, house: House) -> None:
    house.publish(crowd(250))

    text = text_of(get(visitor, f"{PAGE}?view=sequence"))
    last = text_of(get(visitor, f"{PAGE}?view=sequence&first=200"))
    boxes = text_of(get(visitor, f"{PAGE}?view=tree&show=all"))

    assert "Steps 1 to 200 of 250 Later" in text
    assert "Steps 201 to 250 of 250 Earlier" in last
    assert "Boxes 1 to 200 of 251 Later" in boxes


def test_typical_story_is_a_fuller_one_that_ended_well(visitor: Client, house: House) -> None:
    house.publish([*order(2), *order(3, mailed=False), *order(4), *order(5)], at=50)
    house.publish(order(1, mailed=False), at=2000)
    house.receipts([receipt(f"o{n}", "pay", at=60) for n in (2, 3, 5)])
    house.receipts([receipt("o4", "pay", "failed", at=60, error="no")], at=300)
    house.receipts([receipt("o1", "pay", at=60)], at=2100)

    answer = visitor.get(f"{PAGE}?with=typical")

    assert (answer.status_code, answer["Location"]) == (302, f"{PAGE}?with=corr_5")
    text = text_of(get(visitor, answer["Location"]))
    assert "1 of 3 differ" in text
    assert "MAILED order-service not here" in text
    assert "missing in this one" in text


def test_nothing_to_compare_with_is_said(visitor: Client, house: House) -> None:
    house.publish(order(1))

    typical = text_of(get(visitor, f"{PAGE}?with=typical", 404))
    unknown = text_of(get(visitor, f"{PAGE}?with=corr_nowhere", 404))

    assert "No typical story was found" in typical
    assert "No event of this correlation is stored corr_nowhere" in unknown
    get(visitor, f"{PAGE}?with={'x' * 513}", 400)


def test_panel_tells_one_event_with_its_envelope(visitor: Client, house: House) -> None:
    house.publish([envelope("evt_1"), envelope("evt_2", "PAID", at=3, cause="evt_1")])
    house.receipts([receipt("evt_2", "mail", "failed", at=20, error="no route")])

    html = get(visitor, f"{PAGE}?part=event&event=evt_2")
    text = text_of(html)

    assert "<html" not in html
    assert "Cause ORDER_CREATED" in text
    assert "PaymentError no route" in text
    assert '"ORD_789"' in text
    get(visitor, f"{PAGE}?part=event&event=evt_nowhere", 404)


def test_page_costs_as_many_queries_for_thirty_events_as_for_one(
    visitor: Client, house: House
) -> None:
    """The store looks keys up in slices, so a page of many events takes a slice more, not a row."""
    house.publish([envelope("evt_0", correlation="corr_0")])
    house.publish([envelope(f"evt_{n}") for n in range(1, 31)], at=100)
    house.receipts([receipt(f"evt_{n}") for n in range(31)])
    costs = []

    for url in ("/correlations/corr_0/", PAGE):
        get(visitor, url)
        with CaptureQueriesContext(connections["events"]) as queries:
            get(visitor, url)
        costs.append(len(queries))

    assert costs[0] <= costs[1] <= costs[0] + 2


def test_no_field_is_markup_in_any_view(visitor: Client, house: House) -> None:
    house.publish(
        [
            envelope(f"evt{NASTY}", f"T{NASTY}", correlation=f"c{NASTY}", source=f"s{NASTY}"),
            envelope(
                f"evt2{NASTY}", f"U{NASTY}", at=2, correlation=f"c{NASTY}", cause=f"evt{NASTY}"
            ),
        ],
        topic=f"topic{NASTY}"[:60],
    )
    house.receipts([{**receipt(f"evt{NASTY}", f"c{NASTY}", "failed", error=NASTY)}])
    url = reverse("explore:correlation", args=[f"c{NASTY}"])

    wanted = quote(f"evt{NASTY}")
    for query in (
        "",
        f"event={wanted}",
        f"part=event&event={wanted}",
        f"view=sequence&event={wanted}",
        f"view=tree&event={wanted}",
        f"with={quote(f'c{NASTY}')}",
    ):
        html = get(visitor, f"{url}?{query}")
        assert "<script>alert" not in html
        assert "<img src=x" not in html
        assert "alert(1)" in html
