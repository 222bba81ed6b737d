"""Probes against real servers: HTTP that answers, drips and hangs, TCP, a broker that dies."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from dashboard.monitor.probes import PROBE_KEY, probe_component
from dashboard.monitor.probing import probe_all, write_verdict
from dashboard.monitor.verdicts import Verdict
from dashboard.options import ComponentOptions, DashboardOptions, HealthOptions
from ingest.models import (
    HealthComponent,
    HealthResult,
    HealthSpan,
    HealthStanding,
    ServiceInstance,
)
from ingest.options import BrokerOptions, IngestOptions
from tests.dashboard.care import NOW_MS, make_component
from tests.servers import Valkey, free_port


class Answers(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if self.path == "/drip":
            self._drip()
            return
        code, body = {"/up": (200, b'{"status":"UP"}'), "/down": (503, b"")}.get(
            self.path, (302, b"")
        )
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        for _ in range(1200):
            try:
                self.wfile.write(b" ")
                self.wfile.flush()
            except OSError:
                return
            time.sleep(0.05)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def web() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def look(url: str = "", check: str = "", timeout: float = 30.0) -> Verdict:
    return probe_component(ComponentOptions(name="x", url=url, check=check), timeout=timeout)


@pytest.mark.parametrize(
    ("path", "status", "output"),
    [("/up", "healthy", ""), ("/down", "unhealthy", "HTTP 503"), ("/else?a=b", "healthy", "")],
)
def test_http(web: str, path: str, status: str, output: str) -> None:
    verdict = look(web + path)
    assert (verdict.status, verdict.output) == (status, output)
    assert verdict.latency_ms is not None


def test_a_server_that_drips_is_given_no_more_than_the_time(web: str) -> None:
    begun = time.monotonic()
    verdict = look(web + "/drip", timeout=0.4)
    assert time.monotonic() - begun < 30
    assert (verdict.status, verdict.output) == ("unhealthy", "no answer within 0.4 s")


def test_a_server_that_is_silent_is_given_no_more_than_the_time() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        verdict = look(f"http://127.0.0.1:{silent.getsockname()[1]}/", timeout=0.3)
    assert verdict.output == "no answer within 0.3 s"


def test_tcp() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        assert look(f"tcp://127.0.0.1:{server.getsockname()[1]}").status == "healthy"
    assert look(f"tcp://127.0.0.1:{free_port()}").status == "unhealthy"


@pytest.mark.parametrize(
    ("url", "check", "words"),
    [
        ("ftp://x", "", "none of http, https, tcp"),
        ("tcp://x", "", "needs a host and a port"),
        ("http://", "", "names no host"),
        ("http://x:port/", "", "Port could not be cast"),
        ("", "weather", "none of broker, event-bus, database"),
        ("", "broker:other", "no broker is named 'other'"),
    ],
)
def test_what_cannot_be_probed_is_unhealthy_and_says_why(url: str, check: str, words: str) -> None:
    verdict = look(url, check)
    assert verdict.status == "unhealthy"
    assert verdict.output.startswith("not a usable url or check: ")
    assert words in verdict.output


@pytest.fixture
def broker(tmp_path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Valkey]:  # type: ignore[no-untyped-def]
    from django.conf import settings

    server = Valkey(tmp_path).start()
    options = IngestOptions(brokers={"main": BrokerOptions(url=server.url)})
    monkeypatch.setattr(settings, "INGEST", options)
    yield server
    server.stop()


@pytest.mark.django_db(databases=["default", "events"])
def test_broker_and_bus_are_healthy_until_the_broker_is_gone(broker: Valkey) -> None:
    assert look(check="broker:main").status == "healthy"
    assert look(check="event-bus").status == "healthy"
    assert look(check="event-bus").status == "healthy"
    client = broker.client()
    assert client.xlen(PROBE_KEY) == 1
    client.close()
    broker.kill()
    assert look(check="broker:main").status == "unhealthy"
    assert look(check="event-bus").status == "unhealthy"


@pytest.mark.django_db(databases=["default", "events"])
def test_database_answers() -> None:
    assert look(check="database").status == "healthy"


@pytest.mark.django_db(databases=["default", "events"])
def test_verdicts_become_rows_that_say_who_looked_and_why() -> None:
    component = ComponentOptions(name="shop", url="http://shop/health", service="web")
    for second, status in enumerate(("healthy", "unhealthy", "unhealthy", "unhealthy")):
        verdict = Verdict(status, 3.0, "HTTP 503" if status == "unhealthy" else "")
        write_verdict(component, verdict, threshold=3, now_ms=NOW_MS + second)
    row = HealthComponent.objects.get()
    assert (row.component, row.service, row.probed) == ("shop", "web", True)
    assert (row.status, row.since_ms, row.failures) == ("unhealthy", NOW_MS + 3, 3)
    assert row.checks[0]["output"] == "HTTP 503"
    assert list(HealthResult.objects.order_by("id").values_list("status", flat=True)) == [
        "healthy",
        "unhealthy",
        "unhealthy",
        "unhealthy",
    ]


@pytest.mark.django_db(databases=["default", "events"])
def test_looks_are_history_and_a_service_that_has_just_started_is_excused() -> None:
    component = ComponentOptions(name="shop", url="http://shop/health", service="web")
    ServiceInstance.objects.create(
        service="web", instance="web-1", started_ms=NOW_MS, seen_ms=NOW_MS
    )
    down = Verdict("unhealthy", 3.0, "HTTP 503")
    for second in (1, 29, 40):
        write_verdict(component, down, threshold=2, now_ms=NOW_MS + second * 1000)
    row = write_verdict(component, down, threshold=2, now_ms=NOW_MS + 50_000)
    assert (row.status, row.failures) == ("unhealthy", 2)
    write_verdict(component, Verdict("healthy", 2.0), threshold=2, now_ms=NOW_MS + 60_000)

    standing = HealthStanding.objects.get()
    told = HealthSpan.objects.order_by("from_ms").values_list("status", "from_ms", "reason")
    assert [(status, at - NOW_MS, reason) for status, at, reason in told] == [
        ("unknown", 1_000, "start: Said unhealthy within 30 s of its start; not counted. (web)"),
        ("degraded", 40_000, "http://shop/health: HTTP 503 (web)"),
        ("unhealthy", 50_000, "http://shop/health: HTTP 503 (web)"),
    ]
    assert (standing.status, standing.from_ms) == ("healthy", NOW_MS + 60_000)


@pytest.mark.django_db(databases=["default", "events"], transaction=True)
def test_all_are_looked_at_and_what_is_no_longer_configured_goes(
    web: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    from django.conf import settings

    make_component("told", "by-itself")
    components = tuple(
        ComponentOptions(name=f"c{n}", url=web + path)
        for n, path in enumerate(("/up", "/down", "/up"))
    )
    health = HealthOptions(components=components)
    monkeypatch.setattr(settings, "DASHBOARD", DashboardOptions(health=health))
    assert probe_all() == {"healthy": 2, "unhealthy": 1}
    health = HealthOptions(components=components[:1])
    monkeypatch.setattr(settings, "DASHBOARD", DashboardOptions(health=health))
    probe_all()
    names = HealthComponent.objects.order_by("component").values_list("component", flat=True)
    assert list(names) == ["c0", "told"]
