"""Which receivers an alert goes to, and with which others."""

from __future__ import annotations

from typing import Any

from dashboard.notifying.routing import Alert, Route, group_alerts, read_routes, routes_of
from dashboard.options import AlertOptions
from ingest.options import decode_options


def read(*routes: dict[str, Any], **alerts: Any) -> tuple[Route, ...]:
    receivers = {name: {"type": "slack"} for name in ("ops", "pay", "boss")}
    given = {"receivers": receivers, "receiver": "ops", "routes": list(routes), **alerts}
    return read_routes(decode_options(given, AlertOptions, file="test"))


def names(routes: tuple[Route, ...], **labels: str) -> list[str]:
    return [route.receiver for route in routes_of(routes, labels)]


def alert(id: int, **labels: str) -> Alert:
    return Alert(id, "firing", "critical", labels, 0)


def test_the_first_route_that_matches_takes_it_and_the_rest_goes_to_the_default() -> None:
    routes = read({"receiver": "pay", "matchers": ["service = payment*", "severity = critical"]})
    assert names(routes, service="payment-service", severity="critical") == ["pay"]
    assert names(routes, service="payment-service", severity="warning") == ["ops"]
    assert names(routes) == ["ops"]


def test_a_route_that_continues_lets_others_have_it_too() -> None:
    routes = read({"receiver": "boss", "continue": True}, {"receiver": "pay"})
    assert names(routes, service="x") == ["boss", "pay"]


def test_without_a_default_what_no_route_takes_goes_to_nobody() -> None:
    routes = read({"receiver": "pay", "matchers": ["a = b"]}, receiver="")
    assert names(routes, a="c") == []


def test_what_a_route_does_not_say_is_as_for_all() -> None:
    own, rest = read(
        {"receiver": "pay", "group_wait": "1s", "group_by": []},
        repeat_interval="1h",
        group_wait="2s",
    )
    assert (own.wait_ms, own.repeat_ms, own.group_by) == (1000, 3_600_000, ())
    assert (rest.wait_ms, rest.interval_ms, rest.group_by) == (2000, 300_000, ("rule",))


def test_an_alertmanager_is_told_every_interval_for_it_forgets() -> None:
    options = {
        "receiver": "am",
        "receivers": {"am": {"type": "alertmanager", "url": "http://am.example"}},
    }
    [route] = read_routes(decode_options(options, AlertOptions, file="test"))
    assert route.repeat_ms == route.interval_ms == 300_000


def test_groups_are_made_by_the_values_of_labels_and_keep_their_keys() -> None:
    routes = read({"receiver": "pay", "group_by": ["service"]}, receiver="")
    alerts = [alert(1, service="a"), alert(2, service="b"), alert(3, service="a"), alert(4)]
    groups = group_alerts(routes, alerts)
    assert [(group.labels, [one.id for one in group.alerts]) for group in groups] == [
        ({"service": "a"}, [1, 3]),
        ({"service": "b"}, [2]),
        ({"service": ""}, [4]),
    ]
    assert len({group.key for group in groups}) == 3
    assert [group.key for group in group_alerts(routes, alerts)] == [group.key for group in groups]


def test_an_escalation_is_a_group_of_its_own_that_knows_who_was_told_first() -> None:
    routes = read({"receiver": "pay", "escalate_after": "15m", "escalate_to": "boss"}, receiver="")
    first, second = group_alerts(routes, [alert(1)])
    assert (first.receiver, second.receiver) == ("pay", "boss")
    assert second.first_key == first.key != second.key
    assert second.route.wait_ms == 0
