"""New since a deploy, back after it was fixed, muted."""

from __future__ import annotations

import pytest

from dashboard.recovery.models import FailureGroup
from dashboard.recovery.standing import Arrivals, Standing, deploy_before, judge_group
from ingest.letter_counts import STATUSES
from ingest.models import DeadLetter
from ingest.queries.deploys import Deploy
from ingest.queries.letter_groups import LetterGroup

HOUR = 3_600_000
NOW = 1_800_000_000_000
OLD = Deploy("payment-service", "1.0", NOW - 90 * HOUR)
LATE = Deploy("payment-service", "1.1", NOW - 3 * HOUR)
OTHER = Deploy("shipping", "7", NOW - 2 * HOUR)


def group(
    *, first: int, last: int = NOW, opened: int = 3, consumer: str = "payment"
) -> LetterGroup:
    counts = {**dict.fromkeys(STATUSES, 0), "open": opened}
    letter = DeadLetter(consumer=consumer)
    return LetterGroup("f", counts, first, last, "Refused", "ORDER_CREATED", 1, letter)


@pytest.mark.parametrize(
    ("first", "expected"),
    [
        (NOW - HOUR, Standing(new=True, deploy=LATE)),
        (NOW - 4 * HOUR, Standing(new=True)),  # by an older version than the one that runs
        (NOW - 30 * HOUR, Standing()),
    ],
)
def test_new_is_what_was_first_seen_lately(first: int, expected: Standing) -> None:
    assert judge_group(group(first=first), None, [OTHER, LATE, OLD], now_ms=NOW) == expected


def test_what_is_dealt_with_is_not_new() -> None:
    seen = group(first=NOW - HOUR, opened=0)
    assert judge_group(seen, None, [LATE], now_ms=NOW) == Standing()


@pytest.mark.parametrize(
    ("fixed_ms", "deploys", "expected"),
    [
        (NOW - 4 * HOUR, [LATE, OLD], Standing(regressed=True, deploy=LATE)),
        (NOW - 2 * HOUR, [LATE, OLD], Standing(regressed=True)),
        (NOW + 1, [LATE, OLD], Standing()),
    ],
)
def test_regressed_is_what_came_after_it_was_fixed(
    fixed_ms: int, deploys: list[Deploy], expected: Standing
) -> None:
    kept = FailureGroup(fingerprint="f", fixed_ms=fixed_ms)
    seen = group(first=NOW - 500 * HOUR)
    assert judge_group(seen, kept, deploys, now_ms=NOW) == expected


@pytest.mark.parametrize(
    ("arrivals", "expected"),
    [
        (Arrivals(3, NOW - 23 * HOUR, NOW - 60 * HOUR), Standing(regressed=True, deploy=LATE)),
        (Arrivals(2, NOW - 23 * HOUR, NOW - 60 * HOUR), Standing()),  # an old one is open still
        (Arrivals(3, NOW - 23 * HOUR, NOW - 24 * HOUR), Standing()),  # it was never quiet
        (Arrivals(0, NOW - 23 * HOUR, NOW - 60 * HOUR), Standing()),
        (Arrivals(3, NOW - 23 * HOUR, None), Standing()),
    ],
)
def test_regressed_is_what_had_been_dealt_with_and_comes_back_after_a_quiet_day(
    arrivals: Arrivals, expected: Standing
) -> None:
    seen = group(first=NOW - 500 * HOUR)
    assert judge_group(seen, None, [LATE, OLD], now_ms=NOW, arrivals=arrivals) == expected


@pytest.mark.parametrize(("until", "expected"), [(NOW + 1, NOW + 1), (NOW, None)])
def test_muted_ends_by_itself(until: int, expected: int | None) -> None:
    kept = FailureGroup(fingerprint="f", muted_until_ms=until)
    seen = group(first=NOW - 500 * HOUR)
    assert judge_group(seen, kept, [], now_ms=NOW).muted_until_ms == expected


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["payment"], LATE),
        (["payment-group"], LATE),
        (["shipping-worker"], OTHER),
        (["nobody"], None),
    ],
)
def test_the_deploy_of_the_service_concerned(names: list[str], expected: Deploy | None) -> None:
    assert deploy_before([OTHER, LATE, OLD], NOW, names) == expected


def test_a_deploy_just_before_may_be_of_any_service() -> None:
    assert deploy_before([OTHER, LATE], OTHER.at_ms + HOUR, ["nobody"]) == OTHER
    assert deploy_before([], NOW, ["nobody"]) is None
