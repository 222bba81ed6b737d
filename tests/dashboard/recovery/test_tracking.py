"""What became of an event that was put back, where its letter does not tell."""

from __future__ import annotations

from typing import Any

import pytest

from dashboard.recovery.verdicts import Followed, verdict_of_receipts
from ingest.system import Receipt
from tests.ingest.folds.factories import make_receipt

SENT = 1_800_000_000_000
ITEM = Followed(
    pk=1,
    letter=7,
    event_id="evt_1",
    topic="orders-topic",
    consumer="inventory",
    consumer_group="stock",
    position=f"{SENT}-0",
    sent_ms=SENT,
    state="published",
)


def told(outcome: str, **given: Any) -> Receipt:
    values = {"consumer": "inventory", "consumer_group": "stock", "offset": f"{SENT}-0"}
    values |= {"topic": "orders-topic", "outcome": outcome, **given}
    return make_receipt(**values)


@pytest.mark.parametrize(
    ("receipts", "verdict"),
    [
        ([], ""),
        ([told("success")], "processed"),
        ([told("retry"), told("success")], "processed"),
        ([told("retry")], ""),
        ([told("failed")], "failed"),
        ([told("dead_lettered")], "failed"),
        ([told("success", consumer="search", consumer_group="search")], ""),
        ([told("success", consumer="renamed")], "processed"),
        ([told("success", offset=f"{SENT - 9}-0")], ""),
        ([told("success", topic="other-topic")], ""),
        ([told("success", offset="", started_at=SENT + 5)], "processed"),
        ([told("success", offset="", started_at=SENT - 5)], ""),
    ],
)
def test_receipts_of_the_copy_that_was_sent_decide(receipts: list[Receipt], verdict: str) -> None:
    assert verdict_of_receipts(ITEM, receipts) == verdict


def test_any_consumer_answers_for_a_letter_that_names_none() -> None:
    nobody = ITEM._replace(consumer="", consumer_group="")
    assert verdict_of_receipts(nobody, [told("success", consumer="search")]) == "processed"
