"""Rows chosen in the lists: kept in the address, bounded, and what is done is done to them alone."""

from __future__ import annotations

from typing import Any

import pytest
from django.http import QueryDict
from django.test import Client

from dashboard.accounts.models import Role
from dashboard.recovery.asking import MOST_FINGERPRINTS, parse_ask
from dashboard.recovery.models import Job, JobItem
from dashboard.recovery.picking import MOST_PICKED, Picks, read_picks
from dashboard.recovery.working import Worker
from ingest.models import DeadLetter
from tests.dashboard.care import NOW_MS, client_for, make_letter

pytestmark = pytest.mark.django_db(databases=["default", "events"])

SENDING = ("redrive", "discard", "archive")


@pytest.fixture
def operator() -> Client:
    return client_for(Role.OPERATOR)


def picks(query: str) -> Picks | None:
    given = QueryDict(query)
    return read_picks(given, parse_ask(given.dict(), now_ms=NOW_MS))


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", Picks("letter", (), SENDING)),
        ("letter=7&letter=9&letter=7", Picks("letter", ("7", "9"), SENDING)),
        ("letter=x&letter=-1&letter=٣&letter=1e3&letter=5", Picks("letter", ("5",), SENDING)),
        ("by=failure&letter=7&group=ab,cd&group=none", Picks("group", ("ab,cd", "none"), SENDING)),
        ("by=failure&group=%3Cb%3E&group=", Picks("group", (), SENDING)),
        ("status=archived&letter=1", Picks("letter", ("1",), ("restore",))),
        ("status=all", Picks("letter", (), (*SENDING, "restore"))),
        ("status=resolved&letter=1", None),
        ("by=type&letter=1", None),
    ],
)
def test_what_is_chosen_is_read_from_the_address(query: str, expected: Picks | None) -> None:
    assert picks(query) == expected


def test_no_more_are_kept_than_fit_into_an_address() -> None:
    found = picks("&".join(f"letter={number}" for number in range(1, MOST_PICKED + 50)))
    assert found is not None
    assert len(found.values) == MOST_PICKED
    assert len(found.query) < 8_000


def test_only_those_who_may_act_choose(operator: Client) -> None:
    letter = make_letter(1)
    page = operator.get(f"/dead-letters/?letter={letter.pk}&letter=77").content.decode()
    seen = client_for(Role.VIEWER).get(f"/dead-letters/?letter={letter.pk}").content.decode()

    assert 'id="rc-picked"' in page
    assert '<input type="hidden" name="letter" value="77">' in page
    assert "data-pick" not in seen
    assert "rc-picked" not in seen


def grouped(client: Client, query: str) -> Any:
    answer = client.post(f"/dead-letters/discard/?{query}", {"note": "noise"})
    assert answer.status_code == 302
    for _ in range(3):
        Worker().step()
    return answer


def test_of_chosen_failures_only_letters_that_fit_the_filters_are_discarded(
    operator: Client,
) -> None:
    for number, (fingerprint, consumer) in enumerate(
        [("a" * 32, "one"), ("b" * 32, "one"), ("c" * 32, "one"), ("a" * 32, "two")]
    ):
        make_letter(number, fingerprint=fingerprint, consumer=consumer)

    grouped(operator, f"consumer=one&by=failure&group={'a' * 32}&group={'b' * 32},{'d' * 32}")

    discarded = DeadLetter.objects.filter(status="discarded").order_by("pk")
    assert [letter.event_id for letter in discarded] == ["evt_0", "evt_1"]
    assert JobItem.objects.count() == 2


def test_too_many_failures_at_once_are_refused_and_not_cut_off(operator: Client) -> None:
    many = "&".join(f"group={number:032x}" for number in range(MOST_FINGERPRINTS + 1))
    answer = operator.get(f"/dead-letters/redrive/?{many}")

    assert answer.status_code == 400
    assert f"more than {MOST_FINGERPRINTS} failures" in answer.content.decode()
    assert not Job.objects.exists()
