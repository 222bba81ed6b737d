"""Three web processes behind a real nginx and a real HAProxy: one that is killed is not noticed."""

from __future__ import annotations

import re
import shutil
import subprocess
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import open_browser, open_context, sign_in
from tests.browser.house import House, event
from tests.servers import free_port

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
PLACES = ("8001", "8002", "8003")
COMMANDS = {
    "nginx": ("nginx.conf", ["nginx", "-p", "{folder}", "-g", "daemon off;", "-c", "{config}"]),
    "haproxy": ("haproxy.cfg", ["haproxy", "-db", "-f", "{config}"]),
}
ESTABLISHED = "01"


class Crowd(House):
    """A house with three web processes, ended by their ports."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.ports = [self.port, free_port(), free_port()]

    def start_web(self) -> None:
        """Those that do not run."""
        for port in self.ports:
            if self._name(port) not in self._processes:
                where = ("-b", "127.0.0.1", "-p", str(port))
                self._start(self._name(port), "-m", "daphne", *where, "config.asgi:application")
        for port in self.ports:
            await_answer(f"http://127.0.0.1:{port}/healthz")

    def kill(self, port: int) -> None:
        self._end(self._name(port), kill=True)

    def _name(self, port: int) -> str:
        return f"web {port}"


def await_answer(url: str) -> None:
    deadline = time.monotonic() + 90
    while True:
        try:
            with urllib.request.urlopen(url, timeout=30):
                return
        except OSError:
            assert time.monotonic() < deadline, url
            time.sleep(0.1)


def connected(ports: list[int]) -> list[int]:
    """Those of ``ports`` to which a connection stands: a page that is open has one, its socket."""
    rows = Path("/proc/net/tcp").read_text().splitlines()[1:]
    remote = [row.split()[2] for row in rows if row.split()[3] == ESTABLISHED]
    standing = {int(place.partition(":")[2], 16) for place in remote}
    return [port for port in ports if port in standing]


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Crowd]:
    made = Crowd(tmp_path_factory.mktemp("crowd"))
    try:
        made.start()
        made.publish(event(1, "BALANCED"))
        yield made
    finally:
        made.stop()


@pytest.fixture(params=list(COMMANDS))
def front(request: pytest.FixtureRequest, crowd: Crowd, tmp_path: Path) -> Iterator[str]:
    """The URL of a balancer with our configuration, but for the ports."""
    name = request.param
    if shutil.which(name) is None:
        pytest.skip(f"{name} is not installed")
    crowd.start_web()
    file, words = COMMANDS[name]
    listening = free_port()
    text = (DEPLOY / file).read_text().replace("127.0.0.1:8080", f"127.0.0.1:{listening}")
    for place, port in zip(PLACES, crowd.ports, strict=True):
        text = text.replace(f"127.0.0.1:{place}", f"127.0.0.1:{port}")
    config = tmp_path / file
    config.write_text(text)
    tmp_path.chmod(0o755)
    command = [word.format(folder=tmp_path, config=config) for word in words]
    with (tmp_path / "errors").open("w") as errors:
        process = subprocess.Popen(command, stdout=errors, stderr=errors)
    url = f"http://127.0.0.1:{listening}"
    try:
        await_answer(f"{url}/healthz")
        yield url
    finally:
        process.terminate()
        process.wait(timeout=60)


def total(page: Page) -> int:
    """Events on the chart of the overview."""
    return int(
        page.evaluate(
            """() => (document.querySelector("[data-chart=throughput]").data || [])
                .flatMap((trace) => trace.y).reduce((sum, y) => sum + (y || 0), 0)"""
        )
    )


def test_a_killed_web_process_is_not_noticed(crowd: Crowd, front: str) -> None:
    crowd.url = front
    with open_browser() as browser:
        page = open_context(browser, storage_state=sign_in(browser, crowd)).new_page()
        page.goto(f"{front}/")
        expect(page.locator("[data-honesty=word]")).to_have_text(re.compile("Live|Quiet"))
        deadline = time.monotonic() + 90
        while not (serving := connected(crowd.ports)):
            assert time.monotonic() < deadline
            time.sleep(0.1)

        crowd.kill(serving[0])
        answers = [page.request.get(f"{front}/events/").status for _ in range(20)]
        before = total(page)
        crowd.publish(*(event(number, "BALANCED") for number in range(20)))

        assert answers == [200] * 20
        page.wait_for_function(
            """(least) => (document.querySelector("[data-chart=throughput]").data || [])
                .flatMap((trace) => trace.y).reduce((sum, y) => sum + (y || 0), 0) >= least""",
            arg=before + 1,
        )
        expect(page.get_by_text("Connection lost.")).to_be_hidden()
        page.close()
