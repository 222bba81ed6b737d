"""From the click to the first paint of the pages, in Chromium, over a house with a few stories in it.

    python -m benchmarks.paint [--crowd 10000] [--json]

A broker, ingest, monitor and web run as they do for a team. "First paint" is the browser's own
``first-contentful-paint`` after the navigation began, "read" when the page's ``load`` event has ended;
median of some loads each. Wants Chromium (Debian's, or one named in ``CHROMIUM``).
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks._figures import show

LOADS = 7
PAINTED = """() => new Promise((told) => {
  const entry = () => performance.getEntriesByName("first-contentful-paint")[0];
  const look = () => (entry() ? told(entry().startTime) : setTimeout(look, 20));
  look();
})"""
READ = """() => performance.getEntriesByType("navigation")[0].loadEventEnd"""
PAGES = {
    "overview": "/",
    "events": "/events/",
    "story of 100": "/correlations/corr_hundred/",
    "story of the crowd": "/correlations/corr_crowd/",
    "dead letters": "/dead-letters/",
    "alerts": "/alerts/",
}


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        for figure in _measure(Path(folder), options.crowd):
            show(*figure, as_json=options.json)


def _measure(folder: Path, crowd: int) -> Iterator[tuple[str, float, str]]:
    from playwright.sync_api import sync_playwright

    from tests.browser.conftest import ARGUMENTS, sign_in
    from tests.browser.house import House

    house = House(folder)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=_chromium(), args=list(ARGUMENTS))
        try:
            house.start()
            _publish(house, "corr_hundred", 100)
            _publish(house, "corr_crowd", crowd)
            context = browser.new_context(storage_state=sign_in(browser, house))  # type: ignore[arg-type]
            page = context.new_page()
            _wait(page, f"{house.url}/events/corr_crowd_{crowd - 1}/")
            for name, path in PAGES.items():
                painted, read = _load(page, house.url + path)
                yield f"paint: {name}, first paint", painted, "ms"
                yield f"paint: {name}, read", read, "ms"
        finally:
            browser.close()
            house.stop()


def _load(page: Any, url: str) -> tuple[float, float]:
    """Median (first paint, load ended), ms after the navigation began; the first load is not counted."""
    times = []
    for _ in range(LOADS + 1):
        page.goto("about:blank")
        page.goto(url, wait_until="load")
        page.wait_for_timeout(50)
        times.append((page.evaluate(PAINTED), page.evaluate(READ)))
    painted, read = zip(*times[1:], strict=True)
    return median(painted), median(read)


def _publish(house: Any, correlation: str, events: int) -> None:
    """A root and what it caused, each event handled once."""
    import redis

    from tests.browser.house import event

    with redis.Redis.from_url(house.valkey.url) as client:
        pipe = client.pipeline(transaction=False)
        for number in range(events):
            cause = {"causationId": f"{correlation}_0"} if number else {}
            metadata = {"source": "order-service", "correlationId": correlation, **cause}
            type = "TAKEN" if number else "BEGUN"
            told = event(0, type, eventId=f"{correlation}_{number}", metadata=metadata)
            pipe.xadd("orders-topic", {"event": json.dumps(told)})
        pipe.execute()


def _wait(page: Any, url: str) -> None:
    deadline = time.monotonic() + 120
    while page.goto(url).status != 200:
        if time.monotonic() > deadline:
            raise SystemExit("The events were not stored within two minutes.")
        page.wait_for_timeout(250)


def _chromium() -> str:
    found = (
        os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("chromium-browser")
    )
    if not found:
        raise SystemExit("No Chromium: install Debian's package chromium, or name one in CHROMIUM.")
    return found


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--crowd", type=int, default=10_000, help="events of the largest story")
    parser.add_argument(
        "--long", action="store_true", help="as without: a story has no more events"
    )
    parser.add_argument("--json", action="store_true")
    return parser.parse_args()


if __name__ == "__main__":
    main()
