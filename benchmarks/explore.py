"""Asking for events over a full store while an ingest worker stores new ones.

    python -m benchmarks.explore [--events 2000000] [--long] [--json] [--alone]

A day of events is stored first (`benchmarks._history`); then pages of lists, histograms, facets and
look-ups are read as the pages and the API read them, each a number of times. With ``--alone`` no worker runs.
"""

from __future__ import annotations

import argparse
import gc
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

from benchmarks._beside import ingesting, prepared
from benchmarks._figures import quantile, show
from benchmarks._history import fill_store

FILTERS = {
    "no filter": "range=all",
    "a type": "type=ORDER_NEW",
    "many types": "type=ORDER_*,PAYMENT_*&source=service-*",
    "a type never seen": "type=NOTHING",
    "an hour half a day ago": "since=13h&until=12h",
    "a customer": "payload.customerId=C_00042",
    "outcome failed (0.1 %)": "outcome=failed",
    "outcome retried (1 %)": "outcome=retried",
    "outcome delivered (99 %)": "outcome=delivered",
    "outcome dead-lettered (20 in all)": "outcome=dead_lettered",
    "a consumer": "consumer=order_new-handler",
    "a consumer's failures": "consumer=order_*&outcome=failed",
    "a type's failures": "type=STOCK_END&outcome=failed",
    "a consumer never seen": "consumer=nobody",
    "duration over 5 ms": "duration=>5ms",
    "duration over 10 s (20 in all)": "duration=>10s",
    "failures half a day ago": "outcome=failed&until=12h",
}
WARM = 3
ASKED = 200
"""Of so many a p99 is not simply the slowest."""
DEEP = 200


def main() -> None:
    options = _arguments()
    with tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder:
        _run(Path(folder), options)


def _run(folder: Path, options: argparse.Namespace) -> None:
    with prepared(folder) as valkey:
        began = time.process_time()
        history = fill_store(options.events, _now())
        spent = (time.process_time() - began) / options.events * 1e6
        show("explore: to store and count an event", spent, "µs", as_json=options.json)
        with nullcontext() if options.alone else ingesting(valkey):
            for name, value, unit in _measure(history):
                show(f"explore: {name}", value, unit, as_json=options.json)


def _measure(history: Any) -> Iterator[tuple[str, float, str]]:
    from dashboard.explore.facets import read_facets
    from dashboard.explore.histogram import read_histogram
    from dashboard.explore.reading import read_story, search

    gc.collect()
    gc.freeze()  # as the web process does when it is loaded
    reader, step = _reader(), max(1, len(history.ids) // (2 * ASKED))
    yield from _time("paste an id", [lambda one=one: search(one) for one in history.ids[::step]])
    for name, asked in FILTERS.items():
        yield from _time(f"list, {name}", [lambda asked=asked: _page(asked)] * ASKED)
    whole = [lambda: read_histogram(_query("range=24h"), now_ms=_now())]
    one = [lambda: read_histogram(_query("range=24h&type=ORDER_*"), now_ms=_now())]
    yield from _time("histogram of 24 h", whole * ASKED)
    yield from _time("histogram of 24 h, some types", one * ASKED)
    facets = [lambda: read_facets(_query("range=24h"), now_ms=_now())]
    yield from _time("facets of 24 h", facets * ASKED)
    stories = [lambda one=one: read_story(one) for one in history.correlations[::step]]
    yield from _time("story of 100 events", stories)
    pages = [lambda one=one: _opened(reader, one) for one in history.correlations[::step]]
    yield from _time("page of 100 events, rendered", pages)
    for name, asked in {"no filter": "range=all", "outcome retried": "outcome=retried"}.items():
        yield from _deep(name, asked)


def _deep(name: str, asked: str) -> Iterator[tuple[str, float, str]]:
    """The time of a page far behind against the first's."""
    spent, cursor = [], ""
    for _ in range(DEEP):
        began = time.perf_counter()
        listing = _page(asked, cursor)
        spent.append((time.perf_counter() - began) * 1000)
        if listing.next is None:
            return
        cursor = listing.next
    first, last = sorted(spent[:20])[10], sorted(spent[-20:])[10]
    yield f"page {DEEP} ÷ first, {name}", last / first, ""


def _page(asked: str, cursor: str = "") -> Any:
    from dataclasses import replace

    from dashboard.explore.listing import read_listing

    return read_listing(replace(_query(asked), cursor=cursor), now_ms=_now())


def _reader() -> Any:
    """A client that is signed in as a viewer."""
    from django.test import Client

    from dashboard.accounts.models import Role, User

    user = User.objects.create_user(username="bench", password="x", role=Role.VIEWER)
    client = Client(headers={"host": "localhost"})
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    return client


def _opened(reader: Any, correlation: str) -> None:
    """The page of a correlation, from the request to its last byte."""
    answer = reader.get(f"/correlations/{correlation}/")
    if answer.status_code != 200 or correlation.encode() not in answer.content:
        raise AssertionError(f"The page of {correlation} was not shown.")


def _query(asked: str) -> Any:
    from urllib.parse import parse_qs

    from dashboard.explore.filters import parse_event_query

    indexed = ("payload.customerId", "payload.orderId")
    return parse_event_query(parse_qs(asked), now_ms=_now(), system=False, indexed=indexed)


def _now() -> int:
    return time.time_ns() // 1_000_000


def _time(name: str, calls: list[Callable[[], object]]) -> Iterator[tuple[str, float, str]]:
    for call in calls[:WARM]:
        call()
    spent, worked = [], []
    for call in calls:
        began, work = time.perf_counter(), time.process_time()
        call()
        spent.append((time.perf_counter() - began) * 1000)
        worked.append((time.process_time() - work) * 1000)
    yield f"{name}, p50", quantile(sorted(spent), 0.5), "ms"
    yield f"{name}, p99", quantile(sorted(spent), 0.99), "ms"
    yield f"{name}, CPU", quantile(sorted(worked), 0.5), "ms"


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=0, help="default 2M, 20M with --long")
    parser.add_argument("--long", action="store_true")
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    parser.add_argument("--alone", action="store_true", help="without an ingest worker beside")
    parsed = parser.parse_args()
    parsed.events = parsed.events or (20_000_000 if parsed.long else 2_000_000)
    return parsed


if __name__ == "__main__":
    main()
