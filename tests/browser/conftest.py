"""A real Chromium before a real server. Skipped, with the reason, where there is no Chromium."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import (
    Browser,
    BrowserContext,
    ConsoleMessage,
    Page,
    expect,
    sync_playwright,
)

from tests.browser.house import PASSWORD, House

# How long anything may take, on a machine that is busy with other things: no test sets less.
PATIENCE_S = 90
expect.set_options(timeout=PATIENCE_S * 1000)

SCREENSHOTS = Path(__file__).resolve().parents[1] / "screenshots"
ARGUMENTS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
)
LOST_REFRESH = ("htmx:afterRequest", "htmx:sendError", "htmx:sendAbort")
WATCH = """
window.violations = [];
document.addEventListener("securitypolicyviolation", (event) => {
  window.violations.push(`${event.violatedDirective} ${event.blockedURI} ${event.sourceFile}`);
});
"""


class Tab:
    """A page that remembers what went wrong in it: errors in the console, exceptions, the CSP.

    A refresh that was under way when the page was left is no fault, nor is one that met no server
    while the test had ended it: such requests are counted, and that many complaints forgiven.
    """

    def __init__(self, page: Page, house: House) -> None:
        self.page = page
        self.house = house
        self.wrong: list[str] = []
        self.may_lose_its_server = False
        self._lost: list[str] = []
        page.add_init_script(WATCH)
        page.on("console", self._hear)
        page.on("pageerror", lambda error: self.wrong.append(str(error)))
        page.on("requestfailed", lambda request: self._lost.append(request.failure or ""))

    def go(self, path: str) -> Page:
        self.page.goto(self.house.url + path)
        return self.page

    def check(self) -> None:
        assert self.page.evaluate("window.violations || []") == []
        assert self._unforgiven() == []

    def _hear(self, message: ConsoleMessage) -> None:
        lost = self.may_lose_its_server and (
            "ERR_CONNECTION" in message.text or "WebSocket" in message.text
        )
        if message.type in ("error", "warning") and not lost:
            self.wrong.append(f"{message.type}: {message.text}")

    def _unforgiven(self) -> list[str]:
        left = sum("ERR_ABORTED" in why or self.may_lose_its_server for why in self._lost)
        budget = dict.fromkeys(LOST_REFRESH, left)
        unforgiven = []
        for words in self.wrong:
            kind = next((each for each in LOST_REFRESH if each in words), "")
            if budget.get(kind, 0) > 0:
                budget[kind] -= 1
            else:
                unforgiven.append(words)
        return unforgiven


def open_context(browser: Browser, **options: Any) -> BrowserContext:
    context = browser.new_context(**options)
    context.set_default_timeout(PATIENCE_S * 1000)
    return context


def until(page: Page, done: Callable[[], object], what: str) -> None:
    """Asks again and again, while ``page`` lives on."""
    deadline = time.monotonic() + PATIENCE_S
    while not done():
        assert time.monotonic() < deadline, what
        page.wait_for_timeout(200)


def asked_again(page: Page, url: str, done: Callable[[], object], what: str) -> Page:
    """``page`` at ``url``, fetched until it is ``done``."""

    def there() -> object:
        page.goto(url)
        return done()

    until(page, there, what)
    return page


@contextmanager
def open_browser() -> Iterator[Browser]:
    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not found:
        pytest.skip("no Chromium: install Debian's package chromium, or name one in CHROMIUM")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=found, args=list(ARGUMENTS))
        yield browser
        browser.close()


@pytest.fixture(scope="package")
def chromium() -> Iterator[Browser]:
    """Ended with the package: while it runs, Django takes this thread for an asynchronous one."""
    with open_browser() as browser:
        yield browser


@pytest.fixture(scope="package")
def house(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[House]:
    """One for all tests that do not want an empty one; so each test has ids and types of its own."""
    yield from open_house(tmp_path_factory.mktemp("house"))


@pytest.fixture(scope="package")
def session(chromium: Browser, house: House) -> object:
    """The cookies of admin, who signed in by the form."""
    return sign_in(chromium, house)


def open_house(folder: Path) -> Iterator[House]:
    house = House(folder)
    try:
        yield house.start()
    finally:
        house.stop()


def sign_in(chromium: Browser, house: House) -> object:
    context = open_context(chromium)
    page = context.new_page()
    page.goto(house.url + "/sign-in/")
    page.get_by_label("Name").fill("admin")
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Sign in").click()
    page.wait_for_url(house.url + "/")
    state = context.storage_state()
    context.close()
    return state


@pytest.fixture
def mended(house: House) -> Iterator[None]:
    """For tests that end a process: the next test finds all of them."""
    yield
    house.mend()


@pytest.fixture
def tab(
    chromium: Browser, house: House, session: object, request: pytest.FixtureRequest
) -> Iterator[Tab]:
    """A page of admin's, 1440 wide and light; or as ``@pytest.mark.parametrize("tab", [(390, "dark")],
    indirect=True)`` says. Anything wrong in it fails the test."""
    width, scheme = getattr(request, "param", (1440, "light"))
    context = open_context(
        chromium,
        storage_state=session,
        viewport={"width": width, "height": 900 if width > 600 else 844},
        color_scheme=scheme,
        timezone_id="Europe/Berlin",
        locale="en-GB",
    )
    tab = Tab(context.new_page(), house)
    yield tab
    try:
        tab.check()
    finally:
        context.close()
