"""What doctor says of probes and of the status page."""

from __future__ import annotations

import pytest

from dashboard.findings import Finding
from dashboard.fleet.models import Duty
from dashboard.monitor.examining import examine_probes, examine_status, fault_of
from dashboard.options import (
    ComponentOptions,
    HealthOptions,
    PublicComponentOptions,
    StatusOptions,
)
from ingest.models import HealthStanding
from ingest.options import Duration
from tests.servers import free_port

pytestmark = pytest.mark.django_db(databases=["default", "events"])


def by_subject(findings: object) -> dict[str, Finding]:
    return {finding.subject: finding for finding in findings}  # type: ignore[attr-defined]


def test_the_defaults_are_sound() -> None:
    (found,) = examine_probes(HealthOptions())
    assert (found.subject, found.ok, found.detail) == ("probes", True, "2 every 30 s, 5 s each")


@pytest.mark.parametrize(
    ("url", "check", "words"),
    [
        ("", "", "has neither url nor check"),
        ("http://x", "database", "has both url and check"),
        ("ftp://x", "", "url 'ftp://x' is none of http, https, tcp"),
        ("tcp://x", "", "url 'tcp://x' names no host and port"),
        ("http:///x", "", "url 'http:///x' names no host"),
        ("http://x:port/", "", "Port could not be cast"),
        ("", "weather", "check 'weather' is none of broker, event-bus, database"),
        ("", "broker:other", "check 'broker:other' names no broker; there are main"),
        ("http://x/health", "", ""),
        ("", "broker:main", ""),
        ("", "event-bus", ""),
    ],
)
def test_what_cannot_be_looked_at_is_named(url: str, check: str, words: str) -> None:
    found = fault_of(ComponentOptions(name="x", url=url, check=check))
    assert words in found
    assert bool(found) == bool(words)


def test_each_component_that_does_not_answer_is_named_with_its_mend() -> None:
    options = HealthOptions(
        components=(
            ComponentOptions(name="away", url=f"tcp://127.0.0.1:{free_port()}"),
            ComponentOptions(name="odd", check="weather"),
            ComponentOptions(name="bus", check="event-bus"),
        )
    )

    found = by_subject(examine_probes(options))

    assert set(found) == {"probes", "component away", "component odd"}
    assert found["component away"].detail.startswith("unhealthy: ")
    assert "may this machine reach it" in found["component away"].mend
    assert found["component odd"].mend == "Correct it in [[health.components]]."


def test_times_and_names_that_do_not_fit_are_named() -> None:
    one = ComponentOptions(name="db", check="database")
    options = HealthOptions(interval=Duration(5), timeout=Duration(5), components=(one, one))

    found = by_subject(examine_probes(options))

    assert found["probes"].ok is False
    assert found["component db"].detail == "is there twice"


def test_a_duty_that_fails_is_told_with_its_error() -> None:
    Duty.objects.create(name="probes", failing=3, error="OperationalError: locked")
    Duty.objects.create(name="breaker-polls", failing=1, error="ActuatorsAway: 1 of 1 actuators")

    found = by_subject(examine_probes(HealthOptions()))

    assert found["duty probes"].detail == "failed 3 times in a row: OperationalError: locked"
    assert "1 of 1 actuators" in found["duty breaker-polls"].detail


def test_status_page_of_what_was_never_told_of_is_wrong() -> None:
    listed = tuple(PublicComponentOptions(name=name, component=name) for name in ("store", "typo"))
    HealthStanding.objects.create(component="store", from_ms=1, seen_ms=2)

    assert list(examine_status(StatusOptions())) == []
    (found,) = examine_status(StatusOptions(enabled=True, components=listed))
    assert (found.ok, found.detail) == (False, "nothing was ever told of typo")
    (found,) = examine_status(StatusOptions(enabled=True, components=listed[:1]))
    assert found.ok
