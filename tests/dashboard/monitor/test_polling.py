"""Breakers asked of a Spring actuator: what it answers, and a real server that answers, lies and hangs."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from django.conf import settings

from dashboard.monitor.actuators import NotUnderstood, Polled, read_events, read_states
from dashboard.monitor.polling import ActuatorsAway, poll_actuators
from ingest.models import Breaker, BreakerTransition, HealthComponent
from ingest.options import ActuatorOptions, BreakerOptions, OptionsError, decode_options
from ingest.queries.fleet import list_breakers
from tests.dashboard.care import NOW_MS
from tests.servers import free_port

ACTUATOR = ActuatorOptions(url="http://payment:8080/actuator", service="payment")
STATES = {
    "circuitBreakers": {
        "backendA": {
            "failureRate": "-1.0%",
            "slowCallRate": "-1.0%",
            "failureRateThreshold": "50.0%",
            "bufferedCalls": 0,
            "failedCalls": 0,
            "notPermittedCalls": 0,
            "state": "CLOSED",
        },
        "backendB": {"failureRate": "62.5%", "failedCalls": 5, "state": "HALF_OPEN"},
    }
}


def event(moment: str, change: str, name: str = "backendB", **given: Any) -> dict[str, Any]:
    return {
        "circuitBreakerName": name,
        "type": "STATE_TRANSITION",
        "creationTime": moment,
        "errorMessage": None,
        "durationInMs": None,
        "stateTransition": change,
        **given,
    }


def test_states_are_read() -> None:
    assert read_states(json.dumps(STATES).encode()) == [
        Polled("backendA", "closed", None, 0),
        Polled("backendB", "half_open", 0.625, 5),
    ]


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({"a": {"state": "OPEN", "failureRate": "12"}}, [Polled("a", "open", 0.12, 0)]),
        ({"a": {"state": "OPEN", "failureRate": "NaN%", "failedCalls": "x"}}, [Polled("a", "open", None, 0)]),
        ({"a": {}}, [Polled("a", "", None, 0)]),
        ({"a": "OPEN", "": {"state": "OPEN"}}, []),
    ],
)  # fmt: skip
def test_odd_states_are_read_as_far_as_they_can_be(
    told: dict[str, Any], expected: list[Polled]
) -> None:
    assert read_states(json.dumps({"circuitBreakers": told}).encode()) == expected


@pytest.mark.parametrize(
    "body", [b"", b"<html>", b"[]", b'{"status":"UP"}', b'{"circuitBreakers":[]}']
)
def test_what_is_no_actuator_is_refused(body: bytes) -> None:
    with pytest.raises(NotUnderstood):
        read_states(body)


def test_events_have_their_own_times_and_none_lies_ahead() -> None:
    body = {
        "circuitBreakerEvents": [
            event("2017-01-10T15:39:17.117+01:00[Europe/Berlin]", "CLOSED_TO_OPEN"),
            event("2017-01-10T15:39:18Z", "OPEN_TO_HALF_OPEN", type="ERROR"),
            event("yesterday", "OPEN_TO_HALF_OPEN"),
            event("2100-01-01T00:00:00Z", "OPEN_TO_HALF_OPEN"),
            "nonsense",
        ]
    }

    first, ahead = read_events(json.dumps(body).encode(), ACTUATOR, now_ms=NOW_MS)

    assert (first.key.service, first.key.instance) == ("payment", "payment:8080")
    assert (first.before, first.after.state) == ("closed", "open")
    assert first.after.since_ms == 1_484_059_157_117
    assert ahead.after.since_ms == NOW_MS


class Spring(BaseHTTPRequestHandler):
    answers: dict[str, tuple[int, Any]]

    def do_GET(self) -> None:
        code, told = self.server.answers.get(self.path, (404, {}))  # type: ignore[attr-defined]
        body = json.dumps(told).encode()
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def spring() -> Iterator[ThreadingHTTPServer]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Spring)
    server.answers = {}  # type: ignore[attr-defined]
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield server
    server.shutdown()
    thread.join()
    server.server_close()


def says(server: ThreadingHTTPServer, state: str, *events: dict[str, Any]) -> None:
    server.answers = {  # type: ignore[attr-defined]
        "/actuator/circuitbreakers": (
            200,
            {"circuitBreakers": {"backendB": {"state": state, "failureRate": "50.0%"}}},
        ),
        "/actuator/circuitbreakerevents": (200, {"circuitBreakerEvents": list(events)}),
    }


def asked(monkeypatch: pytest.MonkeyPatch, *urls: str) -> None:
    actuators = tuple(
        ActuatorOptions(url=url, service="payment", instance=f"i{n}") for n, url in enumerate(urls)
    )
    options = BreakerOptions(actuators=actuators)
    monkeypatch.setattr(
        settings, "INGEST", msgspec.structs.replace(settings.INGEST, circuit_breakers=options)
    )


@pytest.mark.django_db(databases=["default", "events"])
def test_changes_are_told_once_with_their_times_and_the_state_of_now(
    spring: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(monkeypatch, f"http://127.0.0.1:{spring.server_port}/actuator/")
    opened = event("2027-01-15T07:59:50Z", "CLOSED_TO_OPEN", errorMessage="refused")
    says(spring, "OPEN", opened)
    assert poll_actuators(now_ms=NOW_MS) == 1
    assert poll_actuators(now_ms=NOW_MS + 15_000) == 1
    says(spring, "HALF_OPEN", opened, event("2027-01-15T08:00:20Z", "OPEN_TO_HALF_OPEN"))
    poll_actuators(now_ms=NOW_MS + 30_000)

    told = BreakerTransition.objects.order_by("at_ms").values_list("at_ms", "from_state", "to_state", "reason")  # fmt: skip
    assert [(at - NOW_MS, *rest) for at, *rest in told] == [
        (-10_000, "closed", "open", "refused"),
        (20_000, "open", "half_open", ""),
    ]
    row = Breaker.objects.get()
    assert (row.service, row.instance, row.state) == ("payment", "i0", "half_open")
    assert (row.since_ms - NOW_MS, row.seen_ms - NOW_MS, row.error_rate) == (20_000, 30_000, 0.5)


@pytest.mark.django_db(databases=["default", "events"])
def test_without_the_list_of_events_changes_are_seen_between_polls(
    spring: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(monkeypatch, f"http://127.0.0.1:{spring.server_port}/actuator")
    for second, state in enumerate(("CLOSED", "OPEN")):
        says(spring, state)
        del spring.answers["/actuator/circuitbreakerevents"]  # type: ignore[attr-defined]
        poll_actuators(now_ms=NOW_MS + second * 15_000)

    told = BreakerTransition.objects.order_by("at_ms").values_list("from_state", "to_state")
    assert list(told) == [("", "closed"), ("closed", "open")]


@pytest.mark.django_db(databases=["default", "events"])
def test_one_that_is_away_is_named_holds_up_no_other_and_its_breakers_grow_stale(
    spring: ThreadingHTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked(monkeypatch, f"http://127.0.0.1:{spring.server_port}/actuator")
    says(spring, "OPEN")
    poll_actuators(now_ms=NOW_MS)
    spring.answers = {}  # type: ignore[attr-defined]
    gone = f"http://127.0.0.1:{free_port()}/actuator"
    asked(monkeypatch, f"http://127.0.0.1:{spring.server_port}/actuator", gone)

    with pytest.raises(
        ActuatorsAway, match=r"2 of 2 actuators: payment \(i0\): .*HTTP 404.*refused"
    ):
        poll_actuators(now_ms=NOW_MS + 15_000)

    assert HealthComponent.objects.get().component == "circuit-breakers"
    (view,) = list_breakers(now_ms=NOW_MS + 60_000)
    assert view.stale is False
    (view,) = list_breakers(now_ms=NOW_MS + 100_000)
    assert view.stale is True


def test_nobody_is_asked_unless_it_is_configured() -> None:
    assert poll_actuators() == 0


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"url": "payment:8080", "service": "p"}, "Expected an http or https url of an actuator"),
        ({"url": "http:///x", "service": "p"}, "Expected an http or https url of an actuator"),
        ({"url": "http://p/actuator"}, "missing required field `service`"),
        ({"url": "http://p/actuator", "service": ""}, "length >= 1"),
    ],
)
def test_wrong_settings_are_refused_with_the_place(given: dict[str, Any], words: str) -> None:
    with pytest.raises(OptionsError) as refused:
        decode_options({"actuators": [given]}, BreakerOptions, file="x.toml")
    assert words in str(refused.value)


def test_the_instance_is_host_and_port_without_a_password() -> None:
    assert ActuatorOptions(url="http://u:secret@p:8080/actuator", service="p").place == "p:8080"
