"""Rules of alerts: what a round of very many costs, and what trying one on a week costs.

    python -m benchmarks.alerts [--rules 2000] [--members 50] [--long] [--json]

CPU time of one core. A round is judged from sums as ingest writes them: grouped, scoped and compared for
every rule, with nothing firing, with one member in a hundred, and with every member in an open episode.
The trial reads a week of minutes from SQLite. Writing episodes is not part of it.
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks._beside import prepared
from benchmarks._figures import show

NOW_MS = 1_800_000_000_000
ROUNDS = 3
METRICS = ("error_rate", "latency_p95", "latency_p99", "queue_p95", "retries")
WEEK_MINUTES = 7 * 1_440


def main() -> None:
    options = _arguments()
    with (
        tempfile.TemporaryDirectory(prefix="eventscope-bench-") as folder,
        prepared(Path(folder)),
    ):
        for name, value, unit in _measure(options):
            show(name, value, unit, as_json=options.json)


def _measure(options: argparse.Namespace) -> Iterator[tuple[str, float, str]]:
    facts = _facts(options.members)
    for words, scoped in (("alike", False), ("each with a scope of its own", True)):
        rules = _rules(options.rules, scoped=scoped)
        for state, share in (("quiet", 0.0), ("1% fire", 0.01), ("all fire", 1.0)):
            standings = _standings(rules, options.members, share)
            seconds = _best(lambda: _round(rules, facts, standings))  # noqa: B023
            yield f"alerts: a round, rules {words}, {state}", seconds * 1000, "ms"
    yield "alerts: a rule tried on 7 days", _trial(options.members) * 1000, "ms"


def _facts(members: int) -> Any:
    from dashboard.alerts.answering import Facts
    from ingest.folds.cells import CODE_BITS, Counter, add_up, sketch_code
    from ingest.queries.grouping import SeriesView
    from ingest.queries.sums import make_sums

    random = np.random.default_rng(7)
    series, cells, counts = [], [], []
    for number in range(members * 3):
        series.append(SeriesView(number, f"TYPE_{number % 3}", "", f"consumer-{number // 3}", "t"))
        codes = [int(Counter.SUCCESS), int(Counter.FAILED)]
        told = [100_000, 10]
        for kind in ("queue", "processing", "critical"):
            bins = 500 + np.unique(random.integers(0, 200, 60))
            codes += [sketch_code(kind) + int(one) for one in bins]
            told += [100] * len(bins)
        cells += [number << CODE_BITS | code for code in codes]
        counts += told
    summed = add_up(np.array(cells, np.uint64), np.array(counts, np.uint64))
    sums = make_sums(series, summed, 300.0)
    return Facts(window=sums, known=True)


def _rules(count: int, *, scoped: bool) -> list[Any]:
    from dashboard.alerts.rule import Rule

    return [
        Rule(
            f"rule-{number}",
            "A rule",
            METRICS[number % len(METRICS)],
            above=1e9,
            clear=1e8,
            unit="count",
            severity="warning",
            explanation="",
            by="consumer",
            scope=(("consumer", (f"consumer-*{'*' * (number % 7)}",)),) if scoped else (),
            members=(f"c*{number % 400}*", "consumer-*") if scoped else (),
        )
        for number in range(count)
    ]


def _standings(rules: list[Any], members: int, share: float) -> list[Any]:
    from dashboard.alerts.evaluate import Standing

    every = [(rule.name, f"consumer-{n}") for rule in rules for n in range(members)]
    chosen = every[:: round(1 / share)] if share else []
    return [
        Standing(id, rule, subject, "firing", NOW_MS - 2000, NOW_MS - 60_000, NOW_MS - 2000)
        for id, (rule, subject) in enumerate(chosen)
    ]


def _round(rules: list[Any], facts: Any, standings: list[Any]) -> int:
    """As `dashboard.alerts.rounds` does it, without reading and writing."""
    from dashboard.alerts.answering import Answers
    from dashboard.alerts.evaluate import evaluate_readings

    answers = Answers(facts)
    asked = [(rule, answers.readings(rule.question)) for rule in rules]
    return len(evaluate_readings(asked, standings, NOW_MS))


def _best(act: Callable[[], object]) -> float:
    """The least of a few, in seconds of CPU; the first warms the caches that a monitor keeps."""
    act()
    taken = []
    for _ in range(ROUNDS):
        begun = time.process_time()
        act()
        taken.append(time.process_time() - begun)
    return min(taken)


def _trial(members: int) -> float:
    from django.core.management import call_command

    from dashboard.alerts.rules import built_in_rules
    from dashboard.alerts.trying import try_rule
    from dashboard.options import DashboardOptions

    for alias in ("default", "events"):
        call_command("migrate", database=alias, verbosity=0, skip_checks=True)
    _fill_week(members)
    rule = next(one for one in built_in_rules(DashboardOptions()) if one.name == "latency-p95")
    return _best(lambda: try_rule(rule, now_ms=NOW_MS))


def _fill_week(members: int) -> None:
    """A piece a minute, each consumer with some forty bins of processing time."""
    from ingest.folds.cells import CODE_BITS, Cells, Counter, encode_cells, sketch_code
    from ingest.models import MetricPiece, Series, Stream

    Stream.objects.create(
        broker="main",
        topic="orders-topic",
        observed_from_ms=1,
        observed_until_ms=NOW_MS,
        leased_until=NOW_MS / 1000,
    )
    made = [
        Series.objects.create(type="A", source="", consumer=f"c-{n}", topic="orders-topic")
        for n in range(members)
    ]
    codes = [int(Counter.SUCCESS), *(sketch_code("processing") + 550 + 3 * n for n in range(40))]
    cells = np.array([one.pk << CODE_BITS | code for one in made for code in codes], np.uint64)
    data = encode_cells(Cells(cells, np.full(cells.size, 25, np.uint64)))
    first = NOW_MS // 60_000 - WEEK_MINUTES
    MetricPiece.objects.bulk_create(
        (
            MetricPiece(resolution=60, bucket_ms=(first + minute) * 60_000, data=data)
            for minute in range(WEEK_MINUTES)
        ),
        batch_size=500,
    )


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rules", type=int, default=2_000)
    parser.add_argument("--members", type=int, default=50)
    parser.add_argument("--long", action="store_true", help="the same: it is short")
    parser.add_argument("--json", action="store_true", help="a line of JSON a figure")
    return parser.parse_args()


if __name__ == "__main__":
    main()
