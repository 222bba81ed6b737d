"""What fired together, and what is taken for its cause: scenarios, and groups against a plain recount."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dashboard.alerts.incidents import (
    BREAKER,
    COMPONENT,
    CONSEQUENCE,
    DEPLOY,
    FAILURE,
    NEAR_STEPS,
    TOGETHER_MS,
    Happening,
    Map,
    find_incidents,
    places_of,
)

NOW = 1_800_000_000_000
SECOND = 1000
MINUTE = 60_000
SERIES = [
    ("ORDER_CREATED", "order-service", "", "orders"),
    ("ORDER_CREATED", "", "payment-service", "orders"),
    ("ORDER_CREATED", "", "inventory-service", "orders"),
    ("PAYMENT_DONE", "payment-service", "", "payments"),
    ("PAYMENT_DONE", "", "notification-service", "payments"),
    ("LOGIN", "account-service", "", "accounts"),
    ("LOGIN", "", "audit-service", "accounts"),
]
ROOT = ("component", "message-broker")
MAP = Map.of(SERIES, [ROOT])


def alert(id: int, at: int, tier: int, **labels: str) -> Happening:
    return Happening(NOW + at, places_of(labels), tier, f"alert {id}", id)


def deploy(service: str, at: int) -> Happening:
    return Happening(NOW + at, frozenset({("service", service)}), DEPLOY, f"{service} 2")


def groups(alerts: list[Happening], deploys: list[Happening] | None = None) -> list[list[int]]:
    return [incident.alerts for incident in find_incidents(alerts, deploys or [], MAP)]


def test_a_provider_that_fails_is_the_cause_of_the_breaker_the_failures_and_the_backlog() -> None:
    alerts = [
        alert(1, 0, BREAKER, service="payment-service", breaker="provider"),
        alert(2, 5 * SECOND, COMPONENT, service="payment-service", component="provider-api"),
        alert(3, 60 * SECOND, FAILURE, consumer="payment-service"),
        alert(4, 200 * SECOND, CONSEQUENCE, consumer="notification-service", topic="payments"),
    ]
    (incident,) = find_incidents(alerts, [], MAP)
    assert incident.alerts == [1, 2, 3, 4]
    assert (incident.id, incident.began_ms) == (1, NOW)
    assert incident.cause.alert == 2
    assert incident.why == (
        "it began within 2 min of the first",
        "what others depend on failed",
        "3 of the 3 others lie at the same place or downstream of it",
    )


def test_a_deploy_shortly_before_of_a_service_in_it_is_the_cause() -> None:
    alerts = [
        alert(1, 0, FAILURE, consumer="payment-service"),
        alert(2, 30 * SECOND, CONSEQUENCE, consumer="payment-service", topic="orders"),
    ]
    deploys = [
        deploy("payment-service", -3 * MINUTE),
        deploy("audit-service", -MINUTE),
        deploy("payment-service", -20 * MINUTE),
        deploy("payment-service", MINUTE),
    ]
    (incident,) = find_incidents(alerts, deploys, MAP)
    assert [one.words for one in incident.happenings] == ["payment-service 2", "alert 1", "alert 2"]
    assert incident.cause.tier == DEPLOY
    assert incident.why[0] == "it began first, 3 min before the next"


def test_of_two_failures_the_one_upstream_is_the_cause_though_it_was_noticed_later() -> None:
    alerts = [
        alert(1, 0, FAILURE, consumer="notification-service"),
        alert(2, 40 * SECOND, FAILURE, consumer="payment-service"),
    ]
    (incident,) = find_incidents(alerts, [], MAP)
    assert incident.cause.alert == 2


def test_what_began_much_later_is_not_the_cause_whatever_it_is() -> None:
    alerts = [
        alert(1, 0, FAILURE, consumer="payment-service"),
        alert(2, 5 * MINUTE, COMPONENT, service="payment-service", component="db"),
    ]
    (incident,) = find_incidents(alerts, [], MAP)
    assert incident.cause.alert == 1


@pytest.mark.parametrize(
    ("alerts", "expected"),
    [
        ([], []),
        ([alert(1, 0, FAILURE, consumer="payment-service")], []),
        (
            [alert(1, 0, FAILURE, consumer="payment-service"), alert(2, 0, FAILURE, consumer="audit-service")],
            [],
        ),
        (
            [alert(1, 0, FAILURE, consumer="payment-service"), alert(2, 11 * MINUTE, FAILURE, consumer="payment-service")],
            [],
        ),
        (
            [alert(n, n * 9 * MINUTE, FAILURE, consumer="payment-service") for n in (1, 2, 3)],
            [[1, 2, 3]],
        ),
        (
            [alert(1, 0, FAILURE, type="ORDER_CREATED"), alert(2, 1, FAILURE, topic="orders")],
            [[1, 2]],
        ),
        (
            [alert(1, 0, FAILURE, type="ORDER_CREATED"), alert(2, 1, FAILURE, consumer="notification-service")],
            [],
        ),
        (
            [alert(1, 0, COMPONENT, component="message-broker"), alert(2, 9, FAILURE, consumer="audit-service"), alert(3, 9, FAILURE, consumer="payment-service")],
            [[1, 2, 3]],
        ),
        (
            [alert(1, 0, COMPONENT, component="message-broker"), alert(2, 9, CONSEQUENCE)],
            [],
        ),
        (
            [alert(1, 0, FAILURE, consumer="audit-service"), alert(2, 1, FAILURE, source="account-service"), alert(3, 2, FAILURE, consumer="payment-service"), alert(4, 3, FAILURE, source="order-service")],
            [[3, 4], [1, 2]],
        ),
    ],
)  # fmt: skip
def test_what_belongs_together(alerts: list[Happening], expected: list[list[int]]) -> None:
    assert groups(alerts) == expected


def test_a_root_lies_above_all_others() -> None:
    alerts = [
        alert(1, 0, FAILURE, consumer="audit-service"),
        alert(2, 10 * SECOND, COMPONENT, component="message-broker"),
        alert(3, 20 * SECOND, FAILURE, consumer="payment-service"),
    ]
    (incident,) = find_incidents(alerts, [], MAP)
    assert incident.cause.alert == 2
    assert incident.why[-1].startswith("2 of the 2 others")


NAMES = ("order-service", "payment-service", "inventory-service", "notification-service", "account-service", "audit-service")  # fmt: skip


@st.composite
def storms(draw: st.DrawFn) -> list[Happening]:
    return [
        alert(
            id,
            draw(st.integers(0, 40)) * MINUTE,
            draw(st.sampled_from((COMPONENT, BREAKER, FAILURE, CONSEQUENCE))),
            consumer=draw(st.sampled_from(NAMES)),
        )
        for id in range(1, draw(st.integers(0, 9)) + 1)
    ]


def recount(alerts: list[Happening]) -> set[frozenset[int]]:
    """Pairs that belong together, joined until nothing changes."""
    sets = [{one.alert} for one in alerts]
    for one, other in itertools.combinations(alerts, 2):
        down, up = MAP.downstream(one.places, NEAR_STEPS), MAP.downstream(other.places, NEAR_STEPS)
        near = bool(one.places & up or other.places & down)
        if near and abs(one.at_ms - other.at_ms) <= TOGETHER_MS:
            sets.append({one.alert, other.alert})
    changed = True
    while changed:
        changed = False
        for one, other in itertools.combinations(sets, 2):
            if one & other:
                sets.remove(other)
                one |= other
                changed = True
                break
    return {frozenset(ids) for ids in sets if len(ids) > 1}  # type: ignore[arg-type]


@given(storms())
def test_groups_are_those_of_a_plain_recount(alerts: list[Happening]) -> None:
    assert {frozenset(ids) for ids in groups(alerts)} == recount(alerts)


@given(storms(), st.randoms())
def test_the_order_in_which_alerts_are_given_changes_nothing(
    alerts: list[Happening], chance: st.DataObject
) -> None:
    shuffled = list(alerts)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert find_incidents(shuffled, [], MAP) == find_incidents(alerts, [], MAP)
